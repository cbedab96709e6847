"""The three ways to a token: JWT bearer (default), refresh token, client credentials.

A flow makes one blocking token call and says what went wrong; when it is called, and by how many,
is `agents.salesforce.auth.token_provider`' business. Rules: help.salesforce.com, "OAuth
Authorization Flows".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt
import requests
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from agents.salesforce.auth.instance_url import MY_DOMAIN, checked_url
from agents.salesforce.auth.login_errors import LoginContext, login_error, skew_seconds
from agents.salesforce.auth.refresh_token import RefreshTokenFile
from agents.salesforce.auth.secret_file import SecretFileError, read_secret_file
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError, SalesforceError
from agents.salesforce.http.answers import bad_answer, decode, is_refusal, refusal
from agents.salesforce.http.http_session import no_answer

log = structlog.get_logger()

ASSERTION_SECONDS = 180  # Salesforce accepts at most 5 minutes, clock skew included
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
BAD_REQUEST = 400  # what the token endpoint says no with
SHARED_HOSTS = ("login.salesforce.com", "test.salesforce.com")


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """An access token and the only host it is sent to.

    Compared by identity: Salesforce may answer a login with a session it gave out before.
    """

    access_token: str = field(repr=False)
    instance_url: str
    refresh_token: str = field(default="", repr=False)
    identity_url: str = ""


class OAuthFlow(Protocol):
    """One way to a token."""

    def fetch(self) -> Token:
        """Return a new token; blocks. Raises LoginError."""
        ...


class TokenEndpoint:
    """`/services/oauth2/token` of the login host."""

    def __init__(
        self,
        session: requests.Session,
        login_url: str,
        *,
        insecure_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._session = session
        self._insecure_url = insecure_url
        self._clock = clock
        self._login_url = login_url

    @property
    def login_url(self) -> str:
        """The checked login URL: scheme and host. Raises LoginError if it is unsafe."""
        return checked_url(
            self._login_url, setting="SALESFORCE_LOGIN_URL", insecure_url=self._insecure_url
        )

    def post(self, form: Mapping[str, str], *, flow: str, username: str = "") -> Token:
        """Return the token for a form. Raises LoginError with what to do in Setup."""
        context = LoginContext(flow, self.login_url, username)
        try:
            return self._token(self._send(form))
        except LoginError:
            raise
        except SalesforceError as error:
            raise login_error(error, context, now_unix_seconds=self._clock()) from None

    def _send(self, form: Mapping[str, str]) -> Any:
        try:
            response = self._session.post(
                f"{self.login_url}/services/oauth2/token",
                data=dict(form),
                headers={"Accept": "application/json"},
            )
        except requests.RequestException as error:
            raise no_answer(error) from None
        value, body_kind = decode(response.content)
        if not isinstance(value, dict):
            raise bad_answer("the token answer is no JSON object", body_kind=body_kind)
        if is_refusal(value):
            raise refusal(BAD_REQUEST, value)
        return value

    def _token(self, answer: Mapping[str, Any]) -> Token:
        text = {name: value for name, value in answer.items() if isinstance(value, str)}
        if not text.get("access_token"):
            raise bad_answer("the token answer holds no access_token")
        instance_url = checked_url(
            text.get("instance_url", ""),
            setting="the instance_url of the token answer",
            insecure_url=self._insecure_url,
        )
        return Token(
            text["access_token"], instance_url, text.get("refresh_token", ""), text.get("id", "")
        )


@dataclass(frozen=True)
class JwtFlow:
    """Server to server: a signed assertion instead of a password. The key is read at each login."""

    endpoint: TokenEndpoint
    client_id: str = field(repr=False)
    username: str
    private_key_path: Path
    clock: Callable[[], float] = time.time

    def fetch(self) -> Token:
        """Return a new token. Raises LoginError.

        Some orgs (Government Cloud, help article 000386092) are asked at their My Domain, by an
        assertion for the shared host: otherwise `user hasn't approved this consumer`.
        """
        try:
            return self._fetch(self.endpoint.login_url)
        except LoginError as error:
            shared = shared_host(self.endpoint.login_url)
            if error.kind is not ErrorKind.AUTH or error.status != BAD_REQUEST or not shared:
                raise
            try:
                return self._fetch(shared)
            except LoginError:
                raise error from None

    def _fetch(self, audience: str) -> Token:
        """Return a new token; where our clock is wrong, by an assertion of Salesforce's time."""
        now = self.clock()
        try:
            return self._post(now, audience)
        except LoginError as error:
            skew = skew_seconds(error.server_date, now)
            if error.kind is not ErrorKind.AUTH or not skew:
                raise
            log.warning("clock_differs_from_salesforce", ahead_seconds=round(skew), fix=error.fix)
        return self._post(now - skew, audience)

    def _post(self, now_unix_seconds: float, audience: str) -> Token:
        form = {"grant_type": JWT_GRANT, "assertion": self.assertion(now_unix_seconds, audience)}
        return self.endpoint.post(form, flow="jwt", username=self.username)

    def assertion(self, now_unix_seconds: float, audience: str) -> str:
        """Return the signed JWT. Raises LoginError when the key file is unusable."""
        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": audience,
            "exp": int(now_unix_seconds) + ASSERTION_SECONDS,
        }
        return jwt.encode(claims, private_key(self.private_key_path), algorithm="RS256")


def shared_host(login_url: str) -> str:
    """Return the login host that an org's My Domain shares with others; '' for any other."""
    name, _, rest = login_url.removeprefix("https://").partition(".")
    if not rest.endswith("my.salesforce.com"):
        return ""
    is_test = rest.startswith(("sandbox.", "scratch.")) or "--" in name
    return f"https://{SHARED_HOSTS[is_test]}"


def private_key(path: Path) -> RSAPrivateKey:
    """Return the RSA key of a PEM file. Raises LoginError naming what is wrong with the file."""
    try:
        key = load_pem_private_key(read_secret_file(path), password=None)
    except SecretFileError as error:
        raise _bad_key(path, f"is refused: {error}") from None
    except OSError as error:
        raise _bad_key(path, f"cannot be read ({type(error).__name__})") from None
    except TypeError:
        raise _bad_key(path, "is encrypted; store it without a passphrase") from None
    except ValueError:
        raise _bad_key(path, "holds no PEM private key") from None
    except UnsupportedAlgorithm:
        raise _bad_key(path, "holds no RSA key") from None
    if not isinstance(key, RSAPrivateKey):
        raise _bad_key(path, "holds no RSA key")
    return key


def _bad_key(path: Path, problem: str) -> LoginError:
    return LoginError(
        f"SALESFORCE_PRIVATE_KEY_PATH: {path} {problem}",
        kind=ErrorKind.AUTH,
        code="BAD_PRIVATE_KEY",
        fix="Make one with `openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out "
        "server.crt -days 730` and upload server.crt to the app.",
    )


@dataclass(frozen=True)
class RefreshTokenFlow:
    """The web-server flow after `orderstream login`: the stored token buys access tokens."""

    endpoint: TokenEndpoint
    store: RefreshTokenFile
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)

    def fetch(self) -> Token:
        try:
            return self._fetch()
        except OSError as error:
            raise LoginError(
                f"the refresh token at {self.store.path} cannot be kept ({type(error).__name__})",
                kind=ErrorKind.AUTH,
                code="REFRESH_TOKEN_NOT_KEPT",
                fix="Make its folder writable and the disk not full; if it stays refused, run "
                "`orderstream login` again.",
            ) from None

    def _fetch(self) -> Token:
        with self.store.locked():
            stored = self.store.read()
            form = {
                "grant_type": "refresh_token",
                "refresh_token": stored,
                "client_id": self.client_id,
                "client_secret": self.client_secret,
            }
            form = {name: value for name, value in form.items() if value}
            token = self.endpoint.post(form, flow="web")
            if token.refresh_token and token.refresh_token != stored:
                self.store.write(token.refresh_token)
            return token


@dataclass(frozen=True)
class ClientCredentialsFlow:
    """The app acts as its own run-as user; only the org's My Domain answers it."""

    endpoint: TokenEndpoint
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)

    def fetch(self) -> Token:
        if urlsplit(self.endpoint.login_url).hostname in SHARED_HOSTS:
            raise LoginError(
                f"SALESFORCE_LOGIN_URL {self.endpoint.login_url} does not serve this flow",
                kind=ErrorKind.AUTH,
                code="NOT_MY_DOMAIN",
                fix=f"Client credentials need the My Domain: {MY_DOMAIN}.",
            )
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return self.endpoint.post(form, flow="client_credentials")
