"""What a sign-in provider says, judged before it is believed. Pure.

| what | rule |
|---|---|
| its own description | names the issuer that is set; addresses are https (or the simulator's) |
| an ID token | signed by a public key of the provider; for us, by it, now, and for this attempt |
| groups | from the ID token, else from the userinfo of the same subject |

The signature and the times are PyJWT's work (OpenID Connect Core 1.0, 3.1.3.7 lists the checks).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt

from dashboard.site.groups import ProvedUser
from dashboard.site.sessions import is_same
from dashboard.site.sign_in_attempt import Attempt
from stream.errors import StreamError
from stream.hosts import UNSAFE, https_host

# Signatures by a private key only: with a shared secret our own would open the door.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
LEEWAY_SECONDS = 60.0
MAX_GROUPS = 1_000


class SignInError(StreamError):
    """The provider's word cannot be taken; the message says why, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A sign-in provider's addresses, checked."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    takes_basic: bool = True

    @classmethod
    def of(cls, document: Mapping[str, Any], issuer: str, *, insecure_url: str = "") -> Provider:
        """Return the provider of a discovery document; raises SignInError."""
        if document.get("issuer") != issuer:
            raise SignInError("The sign-in provider describes another issuer than the one set.")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
        found = {name: document.get(name, "") for name in names}
        for name, url in found.items():
            is_missing = not url and name != "userinfo_endpoint"
            if is_missing or (url and not is_allowed(url, insecure_url)):
                raise SignInError(f"The sign-in provider's {name} is no https address.")
        methods = _list(document, "token_endpoint_auth_methods_supported")
        methods = methods or ["client_secret_basic"]
        return cls(issuer, **found, takes_basic="client_secret_basic" in methods)

    def sign_in_url(self, client_id: str, redirect_uri: str, scopes: str, attempt: Attempt) -> str:
        """Return where the browser goes to sign in."""
        fields = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in self.authorization_endpoint else "?"
        return f"{self.authorization_endpoint}{joint}{urlencode(fields)}"


def is_allowed(url: object, insecure_url: str) -> bool:
    """Whether an address of the provider's may be asked: https, or below the simulator's."""
    if not isinstance(url, str) or UNSAFE.search(url):
        return False
    is_simulator = bool(insecure_url) and f"{url}/".startswith(f"{insecure_url.rstrip('/')}/")
    return is_simulator or bool(https_host(url)) or _has_port(url)


def _has_port(url: str) -> bool:
    """Whether it is a plain https address on a port of its own, as companies run them."""
    head, _, path = url.removeprefix("https://").partition("/")
    host, colon, port = head.partition(":")
    is_port = colon and port.isascii() and port.isdecimal() and 0 < int(port) < 2**16
    return bool(is_port and url.startswith("https://") and https_host(f"https://{host}/{path}"))


def signing_key(token: str, key_set: Mapping[str, Any]) -> jwt.PyJWK | None:
    """Return the provider's key that a token names; None when the set has none. SignInError."""
    try:
        wanted = jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError:
        raise SignInError("The sign-in provider's ID token cannot be read.") from None
    found = [
        key
        for key in _list(key_set, "keys")
        if isinstance(key, dict)
        and key.get("kty") in ("RSA", "EC", "OKP")
        and key.get("use", "sig") == "sig"
        and (wanted is None or key.get("kid") == wanted)
    ]
    if len(found) != 1:
        return None  # none, or a token that does not say which
    try:
        return jwt.PyJWK.from_dict(found[0])
    except (jwt.PyJWTError, NotImplementedError):  # a key for no algorithm
        return None


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    found = document.get(name)
    return found if isinstance(found, list) else []


def claims_of(
    token: str, key: jwt.PyJWK, *, issuer: str, client_id: str, nonce: str
) -> Mapping[str, Any]:
    """Return what a token says once everything about it is right; raises SignInError."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=client_id,
            issuer=issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise SignInError(f"The ID token is refused: {type(error).__name__}.") from None
    audience = claims["aud"]
    is_shared = isinstance(audience, list) and len(audience) > 1
    if (is_shared or "azp" in claims) and claims.get("azp") != client_id:
        raise SignInError("The ID token is refused: it is for another application.")
    given = claims.get("nonce")
    if not isinstance(given, str) or not is_same(given, nonce):
        raise SignInError("The ID token is refused: it is the answer to another sign-in.")
    return claims


def user_of(claims: Mapping[str, Any], *, name_claim: str, groups_claim: str) -> ProvedUser:
    """Return whom the claims are about; raises SignInError."""
    groups = claims.get(groups_claim)
    if isinstance(groups, str):
        groups = groups.split(",")
    if not isinstance(groups, Sequence):
        groups = ()  # some providers leave out more groups than fit: none is not all
    texts = [group for group in groups[:MAX_GROUPS] if isinstance(group, str)]
    name = claims.get(name_claim) or claims.get("sub")
    if name_claim == "email" and claims.get("email_verified", True) not in (True, "true"):
        raise SignInError("The ID token is refused: nobody has verified the e-mail address.")
    user = ProvedUser.of(name, texts) if isinstance(name, str) else None
    if user is None:
        raise SignInError(f"The ID token is refused: `{name_claim}` is no name.")
    return user
