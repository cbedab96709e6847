"""Signatures with a time: what was captured today cannot be sent again tomorrow. Pure.

    X-Orderstream-Signature: t=1700000000,v1=<hex>

`t` is the sender's clock in unix seconds, `v1` the HMAC-SHA256 over `<t>.<raw body>`. Our own
Magento module sends it beside the blueprint's header. A request that has it is judged by it alone:
were the other header enough then, whoever captured a request would only have to leave this one out.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping, Sequence

from stream.errors import SignatureError
from stream.sender_names import Sender
from stream.signatures.hmac_sha256 import ALGORITHM, Verified, Verifier, key_id

WINDOW_HEADER = "X-Orderstream-Signature"
FORM = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-fA-F]{64})")


class WindowVerifier:
    """HMAC-SHA256 over time and body; requests without the header go to `otherwise`."""

    def __init__(
        self,
        secrets: Sequence[str],
        *,
        window_seconds: float,
        now: Callable[[], float],
        otherwise: Verifier | None = None,
    ) -> None:
        """`secrets`: the active ones; `now`: unix seconds; `window_seconds`: either way."""
        if not secrets or not all(secrets):
            raise ValueError("WindowVerifier needs at least one secret and no empty one")
        keys = [secret.encode() for secret in secrets]
        self._keys = [
            (key, Verified(Sender.MODULE, key_id(key, position)))
            for position, key in enumerate(keys, start=1)
        ]
        self._window_seconds = window_seconds
        self._now = now
        self._otherwise = otherwise

    def precheck(self, headers: Mapping[str, str]) -> None:
        if WINDOW_HEADER not in headers and self._otherwise is not None:
            self._otherwise.precheck(headers)
        else:
            self._claimed(headers)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Verified:
        if WINDOW_HEADER not in headers and self._otherwise is not None:
            return self._otherwise.verify(headers, body)
        seconds, claimed = self._claimed(headers)
        signed = seconds.encode() + b"." + body
        for key, verified in self._keys:
            if hmac.compare_digest(hmac.digest(key, signed, ALGORITHM), claimed):
                return verified
        raise SignatureError(
            "the signature does not match time and body", status=401, reason="signature_wrong"
        )

    def _claimed(self, headers: Mapping[str, str]) -> tuple[str, bytes]:
        value = headers.get(WINDOW_HEADER, "").strip()
        if not value:
            raise SignatureError(
                f"the header {WINDOW_HEADER} is missing", status=401, reason="signature_missing"
            )
        match = FORM.fullmatch(value)
        if match is None:
            raise SignatureError(
                f"the header {WINDOW_HEADER} is not t=<unix seconds>,v1=<64 hex digits>",
                status=401,
                reason="signature_malformed",
            )
        behind_seconds = self._now() - int(match[1])
        if abs(behind_seconds) > self._window_seconds:
            side = "behind" if behind_seconds > 0 else "ahead of"
            raise SignatureError(
                f"the signature's time is {abs(behind_seconds):.0f} s {side} our clock, "
                f"{self._window_seconds:g} s are allowed",
                status=401,
                reason="signature_expired",
            )
        return match[1], bytes.fromhex(match[2])
