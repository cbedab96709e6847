"""One attempt to sign in: what ties the provider's answer to the browser that asked. Pure.

The browser keeps the state, signed and for ten minutes. The nonce and the PKCE verifier follow from
it by our key, and neither is ever in the browser. Kept here is only which were answered.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from dashboard.site.sessions import is_same, url_text

ATTEMPT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """The three secrets of one sign-in, and until when (unix seconds) it may be answered."""

    state: str
    nonce: str
    verifier: str
    expires_at: int

    @property
    def challenge(self) -> str:
        """The S256 challenge of the verifier (RFC 7636)."""
        return url_text(hashlib.sha256(self.verifier.encode()).digest())


class SignInAttempts:
    """Makes attempts and recognises its own."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._answered: dict[str, int] = {}

    def begin(self, *, now: float) -> Attempt:
        return self._attempt(secrets.token_urlsafe(24), int(now + ATTEMPT_SECONDS))

    def cookie(self, attempt: Attempt) -> str:
        """Return what the browser keeps: the state and its end, signed."""
        body = f"{attempt.state}.{attempt.expires_at}"
        return f"{body}.{self._derived('cookie', body)}"

    def read(self, cookie: str, state: str, *, now: float) -> Attempt | None:
        """Return the attempt that an answer with this state belongs to; None for a foreign one."""
        body, _, signature = cookie.rpartition(".")
        if not is_same(signature, self._derived("cookie", body)):
            return None
        kept, _, expires_at = body.partition(".")
        attempt = self._attempt(kept, int(expires_at))
        is_open = now < attempt.expires_at and attempt.state not in self._answered
        return attempt if is_open and is_same(state, kept) else None

    def answered(self, attempt: Attempt, *, now: float) -> None:
        """End an attempt with its first answer: what comes with the same state is a replay."""
        self._answered = {state: at for state, at in self._answered.items() if at > now}
        self._answered[attempt.state] = attempt.expires_at

    def _attempt(self, state: str, expires_at: int) -> Attempt:
        nonce, verifier = (self._derived(what, state) for what in ("nonce", "verifier"))
        return Attempt(state, nonce, verifier, expires_at)

    def _derived(self, purpose: str, text: str) -> str:
        return url_text(
            hmac.digest(self._key, f"{purpose}\0{text}".encode(errors="replace"), hashlib.sha256)
        )
