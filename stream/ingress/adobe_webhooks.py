"""Adobe Commerce Webhooks: synchronous hooks of Adobe Commerce, signed with the store's RSA key.

    POST /adobe/webhooks[/{event}]      {"eventName": "observer.…", "data": {"order": {…}}}
    x-adobe-commerce-webhook-signature  base64 of the RSA-SHA256 over the base64 of the raw body

The store waits for the answer in the middle of what the shopper does, so the answer is what it
wants to hear, `{"op": "success"}`. There is no time in the signature and no retry by the store.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from aiohttp import hdrs, web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from stream.errors import SignatureError
from stream.ingress.request import event_after
from stream.ingress.responses import Reason, Rejection, json_answer
from stream.ingress.webhook_steps import RequestContext, WebhookSteps, count
from stream.sender_names import Sender
from stream.signatures.hmac_sha256 import Verified
from stream.signatures.rsa import decoded, fingerprint, is_signed

ADOBE_WEBHOOKS_PATH = "/adobe/webhooks"
ADOBE_SIGNATURE_HEADER = "x-adobe-commerce-webhook-signature"
SUCCESS = b'{"op":"success"}'


class AdobeWebhookVerifier:
    """RSA-SHA256 with the public key of the store, or several while one replaces another."""

    def __init__(self, keys: Sequence[RSAPublicKey]) -> None:
        """`keys`: the active ones, not empty."""
        if not keys:
            raise ValueError("AdobeWebhookVerifier needs at least one key")
        self._keys = [
            (key, Verified(Sender.ADOBE_WEBHOOKS, f"{position}-{fingerprint(key)}"))
            for position, key in enumerate(keys, start=1)
        ]

    def precheck(self, headers: Mapping[str, str]) -> None:
        claimed_signature(headers)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Verified:
        claimed = claimed_signature(headers)
        signed = base64.b64encode(body)
        for key, verified in self._keys:
            if is_signed(key, claimed, signed):
                return verified
        raise SignatureError(
            "the signature does not match the body", status=401, reason="signature_wrong"
        )


def claimed_signature(headers: Mapping[str, str]) -> bytes:
    """Return the signature the store claims; raises SignatureError when there is none."""
    value = headers.get(ADOBE_SIGNATURE_HEADER, "")
    if not value.strip():
        raise SignatureError(
            f"the header {ADOBE_SIGNATURE_HEADER} is missing: is Digital Signature on?",
            status=401,
            reason="signature_missing",
        )
    signature = decoded(value)
    if signature is None:
        raise SignatureError(
            f"the header {ADOBE_SIGNATURE_HEADER} is not base64",
            status=401,
            reason="signature_malformed",
        )
    return signature


class AdobeWebhookEndpoint:
    """The address of Adobe Commerce Webhooks."""

    path = ADOBE_WEBHOOKS_PATH

    def __init__(self, desk: WebhookSteps, verifier: AdobeWebhookVerifier) -> None:
        self._desk = desk
        self._verifier = verifier

    async def answer(self, visit: RequestContext) -> web.StreamResponse:
        """Publish what is signed and say `success`; raises Refused."""
        request = visit.request
        event = event_after(ADOBE_WEBHOOKS_PATH, request.rel_url.raw_path)
        if request.method != hdrs.METH_POST:
            raise Rejection(Reason.METHOD, f"{ADOBE_WEBHOOKS_PATH} takes POST")
        raw = await self._desk.read(visit, self._verifier)
        verified = self._desk.verified(self._verifier, request.headers, raw)
        place = self._desk.placed(raw, event)
        if not self._desk.takes(place):
            self._desk.ignore(place)
            count(Reason.IGNORED)
        else:
            await self._desk.accept(visit, place, raw, verified)
            count(Reason.ACCEPTED)
        return json_answer(SUCCESS)
