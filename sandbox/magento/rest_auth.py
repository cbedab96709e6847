"""Who may call the simulated REST API: OAuth 1.0a checked for real, or the token as a bearer.

The signature is computed here from the specification (RFC 5849 §3.4) and not by the client's
library, so that the two can disagree. What a store refuses is refused with its own words.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlsplit

CLOCK_SKEW_SECONDS = 600


class DeniedError(Exception):
    """The caller is not let in."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


@dataclass(slots=True)
class Integration:
    """An integration of the store's admin, with the keys it shows."""

    consumer_key: str = field(default_factory=lambda: secrets.token_hex(16))
    consumer_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    access_token: str = field(default_factory=lambda: secrets.token_hex(16))
    access_token_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    is_bearer_enabled: bool = False
    granted: frozenset[str] = frozenset({"orders", "customers"})
    clock: Callable[[], float] = time.time
    _nonces: set[str] = field(default_factory=set, repr=False)

    @property
    def env(self) -> dict[str, str]:
        """The environment variables of an orderstream that uses it."""
        return {
            "MAGENTO_CONSUMER_KEY": self.consumer_key,
            "MAGENTO_CONSUMER_SECRET": self.consumer_secret,
            "MAGENTO_ACCESS_TOKEN": self.access_token,
            "MAGENTO_ACCESS_TOKEN_SECRET": self.access_token_secret,
        }

    def check(self, method: str, url: str, authorization: str) -> None:
        """Let a call in, or raise DeniedError. `url` is as it was sent, query included."""
        scheme, _, rest = authorization.partition(" ")
        if scheme == "Bearer" and self.is_bearer_enabled:
            if not hmac.compare_digest(rest, self.access_token):
                raise DeniedError(401, "The consumer isn't authorized to access %resources.")
            return
        if scheme != "OAuth":
            raise DeniedError(401, "The consumer isn't authorized to access %resources.")
        self._check_signature(method, url, _header_values(rest))

    def _check_signature(self, method: str, url: str, given: dict[str, str]) -> None:
        if given.get("oauth_signature_method") != "HMAC-SHA256":
            kind = given.get("oauth_signature_method", "")
            raise DeniedError(401, f"Signature method {kind} is not supported")
        if given.get("oauth_consumer_key") != self.consumer_key:
            raise DeniedError(401, "A consumer having the specified key does not exist.")
        if given.get("oauth_token") != self.access_token:
            raise DeniedError(401, "Specified token does not exist")
        sent_at = given.get("oauth_timestamp", "")
        is_near = sent_at.isdecimal() and abs(self.clock() - int(sent_at)) <= CLOCK_SKEW_SECONDS
        if not is_near:
            raise DeniedError(
                401, "The timestamp value in the oauth_timestamp parameter is invalid"
            )
        nonce = f"{sent_at}/{given.get('oauth_nonce', '')}"
        if nonce in self._nonces or nonce.endswith("/"):
            raise DeniedError(401, "The nonce is already being used by the consumer")
        wanted = self.signature(method, url, given)
        if not hmac.compare_digest(wanted, given.get("oauth_signature", "")):
            raise DeniedError(401, "The signature is invalid. Verify and try again.")
        self._nonces.add(nonce)

    def signature(self, method: str, url: str, oauth: dict[str, str]) -> str:
        """Return the HMAC-SHA256 signature of a call in base64."""
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        pairs += [item for item in oauth.items() if item[0] not in ("oauth_signature", "realm")]
        encoded = sorted((_encode(name), _encode(value)) for name, value in pairs)
        parameters = "&".join(f"{name}={value}" for name, value in encoded)
        address = f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path}"
        text = "&".join((method.upper(), _encode(address), _encode(parameters)))
        key = f"{_encode(self.consumer_secret)}&{_encode(self.access_token_secret)}"
        digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()


def _encode(text: str) -> str:
    return quote(text, safe="-._~")


def _header_values(header: str) -> dict[str, str]:
    values = {}
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        values[name] = unquote(value.strip('"'))
    return values
