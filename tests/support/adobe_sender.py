"""Adobe as the ingress sees it: keys, signatures, bodies as Adobe sends them, and the key host."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any, Self

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT_ID = "c5a34355b7f5491f8277b8dd63f0bfa3"
KEY_PATHS = (
    "/prod/keys/pub-key-7c2dd8a4-5f1e-4f6b-9b0a-1d2e3f405162.pem",
    "/prod/keys/pub-key-a1b2c3d4-0000-4111-8222-333344445555.pem",
)
ADOBE_ORDER = {
    "increment_id": "000000617",
    "shipping_method": "flatrate_flatrate",
    "items": [
        {"sku": "BAG-1", "qty_ordered": 1, "is_virtual": "0", "order_id": "673", "id": "998"}
    ],
    "addresses": [
        {
            "address_type": "billing",
            "firstname": "Claire",
            "street": "29, Rue\nBat. B",
            "id": "1344",
        }
    ],
    "base_grand_total": 409.6,
    "grand_total": 409.6,
    "state": "processing",
    "status": "processing",
    "store_id": 1,
    "created_at": "2026-03-14 18:02:11",
    "updated_at": "2026-03-14 18:02:15",
}


@cache
def rsa_key(number: int = 1, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key pair; the same for the same number."""
    assert number
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def rsa_signature(key: rsa.RSAPrivateKey, signed: bytes) -> str:
    return base64.b64encode(key.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode()


def webhook_signature(key: rsa.RSAPrivateKey, body: bytes) -> str:
    """Adobe Commerce Webhooks sign the base64 text of the body."""
    return rsa_signature(key, base64.b64encode(body))


def cloud_event(
    value: dict[str, Any] = ADOBE_ORDER,
    *,
    event: str = "sales_order_save_commit_after",
    event_id: str = "8927ce83-2f10-4df9-9eb4-09c381bc4778",
    recipient: str = CLIENT_ID,
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "80579197-e708-47bf-801c-7a82ec7d36c4",
        "source": "urn:uuid:1d02b72b-225f-45a0-a45f-4e89e1b3f300",
        "type": f"com.adobe.commerce.observer.{event}",
        "datacontenttype": "application/json",
        "time": "2026-03-14T18:02:32.811Z",
        "eventid": event_id,
        "recipientclientid": recipient,
        "data": {
            "key": "72d7bb75-9003-4fe5-8096-bf62d64c3745",
            "value": value,
            "source": "store.example",
            "_metadata": {"commerceEdition": "Adobe Commerce", "storeId": "1"},
        },
    }


def event_headers(
    body: bytes,
    *,
    first: rsa.RSAPrivateKey | None = None,
    second: rsa.RSAPrivateKey | None = None,
    paths: tuple[str, str] = KEY_PATHS,
) -> list[str]:
    """The header lines of I/O Events; what is not signed by a given key is signed by a stranger."""
    stranger = rsa_key(99)
    return [
        f"x-adobe-digital-signature-1: {rsa_signature(first or stranger, body)}",
        f"x-adobe-digital-signature-2: {rsa_signature(second or stranger, body)}",
        f"x-adobe-public-key1-path: {paths[0]}",
        f"x-adobe-public-key2-path: {paths[1]}",
    ]


class FakeKeyHost:
    """Adobe's key host in memory. `answers` is what it says to each path; `asked` what it heard."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {
            KEY_PATHS[0]: (200, public_pem(rsa_key(1))),
            KEY_PATHS[1]: (200, public_pem(rsa_key(2))),
        }
        self.asked: list[str] = []
        self.is_away = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Nothing to close."""

    async def fetch(self, path: str) -> tuple[int, bytes]:
        self.asked.append(path)
        if self.is_away:
            raise ConnectionRefusedError("no route to Adobe")
        return self.answers.get(path, (404, b"no such key"))


def dumped(value: Any) -> bytes:
    return orjson.dumps(value)
