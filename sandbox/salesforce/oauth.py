"""Who may come in: the token endpoint's flows, and the sessions it hands out.

JWT bearer with the signature really verified, web-server flow with PKCE, refresh tokens with
rotation, client credentials. Errors are the platform's error *objects*, HTTP 400.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.settings import Settings

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PLATFORM_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
ORG_ID = "00DOs0000000001AAA"
USER_ID = "005Os0000000001AAA"

_HOUR_SECONDS = 3600.0
_LOGINS_PER_HOUR = 3600  # per user, then LOGIN_RATE_EXCEEDED
_CODE_LIFETIME_SECONDS = 900.0
_CLOCK_LEEWAY_SECONDS = 5.0
_SCOPE = "api refresh_token offline_access"


@dataclass(slots=True, eq=False)
class OAuthError(Exception):
    """The token endpoint refuses."""

    error: str
    description: str
    status: int = 400

    def body(self) -> dict[str, str]:
        return {"error": self.error, "error_description": self.description}


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """The app and its run-as user. `public_key` is PEM, a key or a certificate."""

    consumer_key: str
    client_secret: str = field(repr=False)
    username: str
    public_key: str


@dataclass(frozen=True, slots=True)
class _Code:
    redirect_uri: str
    challenge: str
    expires_at: float


@dataclass(slots=True)
class Sessions:
    """The app's tokens. Every `now` is unix seconds of the org's own clock."""

    app: ConnectedApp
    settings: Settings
    _expiry: dict[str, float] = field(default_factory=dict)
    _codes: dict[str, _Code] = field(default_factory=dict)
    _refresh_tokens: set[str] = field(default_factory=set)
    _logins: deque[float] = field(default_factory=deque)
    issued: int = 0

    def token(self, form: Mapping[str, str], basic: str, url: str, now: float) -> dict[str, Any]:
        """Answer a token request; raises OAuthError. `url` is where this org is reached."""
        grant = form.get("grant_type", "")
        handler = {
            JWT_GRANT: self._by_assertion,
            "client_credentials": self._by_credentials,
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh_token,
        }.get(grant)
        if handler is None:
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        self._count_login(now)
        credentials = dict(form) | _from_basic(basic)
        more = handler(credentials, url, now)
        return self._session(url, now) | more

    def authorize(self, query: Mapping[str, str], now: float) -> str:
        """Return a new authorization code for a browser request; raises OAuthError."""
        if query.get("client_id") != self.app.consumer_key:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if query.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response type not supported")
        if not query.get("redirect_uri"):
            raise OAuthError("redirect_uri_missing", "expected redirect_uri")
        challenge = query.get("code_challenge", "")
        if challenge and query.get("code_challenge_method", "S256") != "S256":
            raise OAuthError("invalid_request", "code_challenge_method must be S256")
        code = "aPrx" + secrets.token_urlsafe(32)
        expires_at = now + _CODE_LIFETIME_SECONDS
        self._codes[code] = _Code(query["redirect_uri"], challenge, expires_at)
        return code

    def check(self, authorization: str, now: float) -> None:
        """Raise the platform's 401 unless the header carries a live token."""
        scheme, _, token = authorization.partition(" ")
        expires_at = self._expiry.get(token, 0.0) if scheme in ("Bearer", "OAuth") else 0.0
        if expires_at <= now:
            self._expiry.pop(token, None)
            raise RequestError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        lifetime = self.settings.token_lifetime_seconds
        if expires_at - now < lifetime / 2:  # idle timeout: use in the second half renews it
            self._expiry[token] = now + lifetime

    def expire_all(self) -> int:
        """Invalidate every access token; return how many there were."""
        count = len(self._expiry)
        self._expiry.clear()
        return count

    def revoke(self, token: str) -> None:
        self._expiry.pop(token, None)
        self._refresh_tokens.discard(token)

    def revoke_refresh_tokens(self) -> int:
        count = len(self._refresh_tokens)
        self._refresh_tokens.clear()
        return count

    def _session(self, url: str, now: float) -> dict[str, Any]:
        token = f"{ORG_ID[:15]}!AQ{secrets.token_urlsafe(48)}"
        self._expiry[token] = now + self.settings.token_lifetime_seconds
        self.issued += 1
        return {
            "access_token": token,
            "scope": _SCOPE,
            "instance_url": url,
            "id": f"{url}/id/{ORG_ID}/{USER_ID}",
            "token_type": "Bearer",
        }

    def _count_login(self, now: float) -> None:
        while self._logins and self._logins[0] < now - _HOUR_SECONDS:
            self._logins.popleft()
        if len(self._logins) >= _LOGINS_PER_HOUR:
            raise OAuthError("invalid_grant", "login rate exceeded")
        self._logins.append(now)

    def _by_assertion(self, form: Mapping[str, str], url: str, now: float) -> dict[str, Any]:
        claims = self._verified(form.get("assertion", ""))
        if claims.get("iss") != self.app.consumer_key:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        audiences = claims.get("aud")
        named = audiences if isinstance(audiences, list) else [audiences]
        allowed = {*PLATFORM_AUDIENCES, url.rstrip("/")}
        if not any(isinstance(item, str) and item.rstrip("/") in allowed for item in named):
            raise OAuthError("invalid_grant", "audience is invalid")
        self._check_expiry(claims.get("exp"), now)
        subject = claims.get("sub") or claims.get("prn")
        if subject != self.app.username or not self.settings.user_approved:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        return {}

    def _verified(self, assertion: str) -> dict[str, Any]:
        """Return the claims of an assertion signed with RS256 by the app's key."""
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion,
                self.app.public_key,
                algorithms=["RS256"],
                options={"verify_aud": False, "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            raise OAuthError("invalid_grant", "invalid assertion") from None
        return claims

    def _check_expiry(self, expiry: Any, now: float) -> None:
        try:
            expires_at = float(expiry)  # some clients send a string, and the platform takes it
        except (TypeError, ValueError):
            raise OAuthError("invalid_grant", "invalid assertion") from None
        if expires_at < now - _CLOCK_LEEWAY_SECONDS:
            raise OAuthError("invalid_grant", "expired authorization code")
        latest = now + self.settings.jwt_max_lifetime_seconds + _CLOCK_LEEWAY_SECONDS
        if expires_at > latest:
            raise OAuthError("invalid_grant", "invalid assertion: exp is too far in the future")

    def _by_credentials(self, form: Mapping[str, str], _url: str, _now: float) -> dict[str, Any]:
        self._check_client(form, is_secret_needed=True)
        if not self.settings.user_approved:
            raise OAuthError("invalid_grant", "no client credentials user enabled")
        return {}

    def _by_code(self, form: Mapping[str, str], _url: str, now: float) -> dict[str, Any]:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None:
            raise OAuthError("invalid_grant", "invalid authorization code")
        if code.expires_at < now:
            raise OAuthError("invalid_grant", "expired authorization code")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        if code.challenge and not _answers(code.challenge, form.get("code_verifier", "")):
            raise OAuthError("invalid_grant", "invalid code verifier")
        self._check_client(form, is_secret_needed=not code.challenge)
        return {"refresh_token": self._new_refresh_token()}

    def _by_refresh_token(self, form: Mapping[str, str], _url: str, _now: float) -> dict[str, Any]:
        token = form.get("refresh_token", "")
        if token not in self._refresh_tokens:
            raise OAuthError("invalid_grant", "expired access/refresh token")
        self._check_client(form, is_secret_needed=False)
        if not self.settings.refresh_token_rotation:
            return {}
        self._refresh_tokens.discard(token)
        return {"refresh_token": self._new_refresh_token()}

    def _new_refresh_token(self) -> str:
        token = "5Aep" + secrets.token_urlsafe(48)
        self._refresh_tokens.add(token)
        return token

    def _check_client(self, form: Mapping[str, str], *, is_secret_needed: bool) -> None:
        if form.get("client_id") != self.app.consumer_key:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        secret = form.get("client_secret", "")
        if not secret and not is_secret_needed:
            return
        if not hmac.compare_digest(secret.encode(), self.app.client_secret.encode()):
            raise OAuthError("invalid_client", "invalid client credentials")


def _answers(challenge: str, verifier: str) -> bool:
    """Whether the PKCE verifier belongs to the challenge (RFC 7636, S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(expected, challenge)


def _from_basic(header: str) -> dict[str, str]:
    """Return client_id and client_secret of a Basic authorization header, or nothing."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        raise OAuthError("invalid_client", "invalid client credentials") from None
    return {"client_id": user, "client_secret": password}
