"""Is this webhook from our store? Pure: headers and raw bytes in, a verdict out.

| header | form | sender |
|---|---|---|
| `X-Magento-Signature: sha256=<hex>` | HMAC-SHA256 of the raw body | a custom module |
| `X-Magento-Signature: <hex>` | the same, bare | mage-os async events |

Another kind of signature (Adobe's RSA, a signed timestamp) is another `Verifier`. Nobody here ever
sees a parsed body: what was signed is bytes, and only verified bytes get parsed.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stream.errors import SignatureError

SIGNATURE_HEADER = "X-Magento-Signature"
ALGORITHM = "sha256"

HEX_DIGITS = 64
ALGORITHM_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,15}")
FINGERPRINT_LABEL = b"orderstream signature key"


@dataclass(frozen=True, slots=True)
class Verified:
    """Who signed a webhook, and with which of the active keys (never the key itself)."""

    sender: str
    key_id: str


class Verifier(Protocol):
    """One way of proving where a webhook comes from.

    `headers` is a case-insensitive mapping. Both methods raise SignatureError and nothing else,
    whatever they are given.
    """

    def precheck(self, headers: Mapping[str, str]) -> None:
        """Refuse by headers alone what no body could make right: saves reading the body."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes) -> Verified:
        """Return who signed exactly these bytes."""
        ...


class HmacVerifier:
    """HMAC-SHA256 with one shared secret, or several while one replaces another."""

    def __init__(self, secrets: Sequence[str], *, sender: str = "magento") -> None:
        """`secrets`: the active ones, not empty; `sender`: what the envelope will say."""
        if not secrets or not all(secrets):
            raise ValueError("HmacVerifier needs at least one secret and no empty one")
        keys = [secret.encode() for secret in secrets]
        self._keys = [
            (key, Verified(sender, key_id(key, position)))
            for position, key in enumerate(keys, start=1)
        ]

    def precheck(self, headers: Mapping[str, str]) -> None:
        claimed_digest(headers)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Verified:
        claimed = claimed_digest(headers)
        for key, verified in self._keys:
            if hmac.compare_digest(hmac.digest(key, body, ALGORITHM), claimed):
                return verified
        raise SignatureError(
            "the signature does not match the body", status=401, reason="signature_wrong"
        )


def claimed_digest(headers: Mapping[str, str]) -> bytes:
    """Return the 32 bytes the sender claims; raises SignatureError for every other form."""
    value = headers.get(SIGNATURE_HEADER)
    if not value or not (value := value.strip()):
        raise SignatureError(
            f"the header {SIGNATURE_HEADER} is missing", status=401, reason="signature_missing"
        )
    name, equals, digits = value.partition("=")
    if not equals:
        name, digits = ALGORITHM, name
    if name.lower() != ALGORITHM and ALGORITHM_NAME.fullmatch(name):
        raise SignatureError(
            f"the signature algorithm {name!r} is not supported",
            status=400,
            reason="signature_algorithm",
        )
    digest = _digest(digits) if name.lower() == ALGORITHM else None
    if digest is None:
        raise SignatureError(
            f"the header {SIGNATURE_HEADER} is not {ALGORITHM}=<64 hex digits>",
            status=401,
            reason="signature_malformed",
        )
    return digest


def _digest(digits: str) -> bytes | None:
    """Return 32 bytes for 64 hex digits, None for anything else.

    `bytes.fromhex` skips blanks: the count of digits and of bytes together leave room for none.
    """
    if len(digits) != HEX_DIGITS:
        return None
    try:
        digest = bytes.fromhex(digits)
    except ValueError:
        return None
    return digest if len(digest) * 2 == HEX_DIGITS else None


def key_id(key: bytes, position: int) -> str:
    """Return `<position>-<8 hex>`: which secret it was, in words that cannot sign anything.

    The fingerprint is an HMAC keyed by the secret, so it stays when positions move.
    """
    return f"{position}-{hmac.digest(key, FINGERPRINT_LABEL, ALGORITHM).hex()[:8]}"
