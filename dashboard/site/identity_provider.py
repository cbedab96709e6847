"""Asks the sign-in provider: its description, its keys, the token for a code. Others judge them.

Every answer is bounded, uncompressed, JSON, in time, and never a redirect.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import jwt
import orjson
from yarl import URL

from dashboard.site.id_token import Provider, SignInError, claims_of, is_allowed, signing_key
from dashboard.site.sign_in_attempt import Attempt
from stream.settings.dashboard import DashboardSettings

DESCRIPTION = "/.well-known/openid-configuration"
TIMEOUT = aiohttp.ClientTimeout(total=10.0)
MAX_BYTES = 256 * 1024
KEEP_SECONDS = 3600.0
KEYS_AGAIN_SECONDS = 60.0  # a token with an unknown key makes us ask again, at most this often


class IdentityProvider:
    """The provider of the settings. Connects when it is first asked."""

    def __init__(self, settings: DashboardSettings) -> None:
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None
        self._provider: tuple[float, Provider] | None = None
        self._keys: tuple[float, Mapping[str, Any]] | None = None

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def sign_in_url(self, redirect_uri: str, attempt: Attempt) -> str:
        """Return where to send the browser. Raises SignInError."""
        settings, provider = self._settings, await self._described()
        scopes = settings.dashboard_oidc_scopes
        return provider.sign_in_url(
            settings.dashboard_oidc_client_id, redirect_uri, scopes, attempt
        )

    async def claims(self, code: str, redirect_uri: str, attempt: Attempt) -> Mapping[str, Any]:
        """Return the checked claims of who signed in, groups included. Raises SignInError."""
        settings, provider = self._settings, await self._described()
        tokens = await self._exchange(provider, code, redirect_uri, attempt)
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise SignInError("The sign-in provider gave no ID token: is `openid` in the scopes?")
        claims = claims_of(
            token,
            await self._key_of(provider, token),
            issuer=provider.issuer,
            client_id=settings.dashboard_oidc_client_id,
            nonce=attempt.nonce,
        )
        access = tokens.get("access_token")
        is_whole = settings.dashboard_oidc_groups_claim in claims
        if is_whole or not provider.userinfo_endpoint or not isinstance(access, str):
            return claims
        more = await self._ask(
            "GET", provider.userinfo_endpoint, headers={"Authorization": f"Bearer {access}"}
        )
        return {**more, **claims} if more.get("sub") == claims["sub"] else claims

    async def _described(self) -> Provider:
        now = time.monotonic()
        if self._provider is None or now - self._provider[0] > KEEP_SECONDS:
            issuer = self._settings.dashboard_oidc_issuer
            insecure = self._settings.dashboard_oidc_insecure_url
            if not is_allowed(issuer, insecure):
                raise SignInError("DASHBOARD_OIDC_ISSUER is no https address.")
            document = await self._ask("GET", issuer.rstrip("/") + DESCRIPTION)
            self._provider = now, Provider.of(document, issuer, insecure_url=insecure)
        return self._provider[1]

    async def _key_of(self, provider: Provider, token: str) -> jwt.PyJWK:
        now = time.monotonic()
        if self._keys is not None and now - self._keys[0] < KEEP_SECONDS:
            key = signing_key(token, self._keys[1])
            if key is not None:
                return key
        if self._keys is None or now - self._keys[0] > KEYS_AGAIN_SECONDS:
            self._keys = now, await self._ask("GET", provider.jwks_uri)
            key = signing_key(token, self._keys[1])
            if key is not None:
                return key
        raise SignInError("The ID token is refused: the provider has no such key.")

    async def _exchange(
        self, provider: Provider, code: str, redirect_uri: str, attempt: Attempt
    ) -> Mapping[str, Any]:
        client_id = self._settings.dashboard_oidc_client_id
        secret = self._settings.dashboard_oidc_client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers = {}
        if secret and provider.takes_basic:  # both parts are form-encoded first (RFC 6749, 2.3.1)
            login = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
        else:
            form |= {"client_id": client_id} | ({"client_secret": secret} if secret else {})
        return await self._ask("POST", provider.token_endpoint, data=form, headers=headers)

    async def _ask(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, data: Any = None
    ) -> Mapping[str, Any]:
        """Return the JSON object of an answer. Raises SignInError."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=TIMEOUT, auto_decompress=False)
        plain = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        target = URL(url, encoded=True)
        try:
            async with self._http.request(
                method, target, headers=plain, data=data, allow_redirects=False
            ) as answer:
                if answer.status != 200:  # noqa: PLR2004 - HTTP OK
                    raise SignInError(f"The sign-in provider answers {answer.status}.")
                body = bytearray()
                while chunk := await answer.content.readany():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise SignInError("The sign-in provider's answer is too large.")
            read = orjson.loads(bytes(body))
        except TimeoutError:
            raise SignInError("The sign-in provider does not answer in time.") from None
        except (aiohttp.ClientError, OSError) as error:
            name = type(error).__name__
            raise SignInError(f"The sign-in provider cannot be reached ({name}).") from None
        except orjson.JSONDecodeError:
            raise SignInError("The sign-in provider's answer is no JSON.") from None
        if not isinstance(read, dict):
            raise SignInError("The sign-in provider's answer is no JSON object.")
        return read
