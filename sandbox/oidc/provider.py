"""A sign-in provider on a port: discovery, keys, authorize, token, userinfo. It lets one user in.

It is as strict as a provider should be: a redirect address as registered, PKCE by S256, a code for
one use, the client's secret. `Faults` make it the provider that nobody should believe.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "orderstream-dashboard"
TOKEN_SECONDS = 300


@dataclass(slots=True)
class User:
    """Who signs in."""

    subject: str = "00u1"
    name: str = "ann@example.com"
    groups: list[str] = field(default_factory=lambda: ["operators"])


@dataclass(slots=True)
class Faults:
    """What the provider does wrong. `claims` replace those of the ID token (None: leave out)."""

    claims: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    signs_with_another_key: bool = False
    groups_by_userinfo_only: bool = False
    userinfo_subject: str = ""
    description: dict[str, Any] = field(default_factory=dict)
    token_status: int = 200
    token_body: bytes = b""


@dataclass(slots=True)
class _Grant:
    nonce: str
    challenge: str
    redirect_uri: str


class OidcProvider:
    """A running provider. `client_secret` empty: a public client."""

    def __init__(self, client_secret: str, redirect_uri: str) -> None:
        self.url = ""
        self.client_id = CLIENT_ID
        self.client_secret = client_secret
        self.redirect_uri = redirect_uri
        self.user = User()
        self.faults = Faults()
        self.key_reads = 0
        self.turn_key()
        self._grants: dict[str, _Grant] = {}
        self._access: set[str] = set()

    @classmethod
    @asynccontextmanager
    async def serve(
        cls,
        *,
        redirect_uri: str,
        client_secret: str = "",
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> AsyncIterator[OidcProvider]:
        """Serve until the block ends. Port 0 takes a free one."""
        provider = cls(client_secret, redirect_uri)
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", provider.describe)
        app.router.add_get("/keys", provider.serve_keys)
        app.router.add_get("/authorize", provider.authorize)
        app.router.add_post("/token", provider.serve_token)
        app.router.add_get("/userinfo", provider.serve_userinfo)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            provider.url = f"http://{host}:{runner.addresses[0][1]}"
            yield provider
        finally:
            await runner.cleanup()

    def turn_key(self) -> None:
        """Sign with a new key from now on; the old one is forgotten."""
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = secrets.token_hex(4)

    async def describe(self, _request: web.Request) -> web.Response:
        document = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }
        return web.json_response({**document, **self.faults.description})

    async def serve_keys(self, _request: web.Request) -> web.Response:
        self.key_reads += 1
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return web.json_response({"keys": [{**public, "kid": self._key_id, "use": "sig"}]})

    async def authorize(self, request: web.Request) -> web.Response:
        """Let the user in, without asking, and send the browser back with a code."""
        asked = request.query
        redirect_uri = asked.get("redirect_uri", "")
        if asked.get("client_id") != self.client_id or redirect_uri != self.redirect_uri:
            return web.Response(status=400, text="unknown client or redirect_uri\n")
        answer = {"state": asked.get("state", "")}
        is_asked_right = (
            asked.get("response_type") == "code"
            and "openid" in asked.get("scope", "").split()
            and asked.get("code_challenge_method") == "S256"
            and asked.get("code_challenge")
        )
        if not is_asked_right:
            return _to(redirect_uri, {**answer, "error": "invalid_request"})
        code = secrets.token_urlsafe(24)
        self._grants[code] = _Grant(asked.get("nonce", ""), asked["code_challenge"], redirect_uri)
        return _to(redirect_uri, {**answer, "code": code})

    async def serve_token(self, request: web.Request) -> web.Response:
        """Give the ID token for a code, once, to the client that has its verifier."""
        if self.faults.token_body:
            return web.Response(body=self.faults.token_body, status=self.faults.token_status)
        form = await request.post()
        if not self._is_client(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        grant = self._grants.pop(str(form.get("code", "")), None)
        digest = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            grant is None
            or not hmac.compare_digest(challenge, grant.challenge)
            or form.get("redirect_uri") != grant.redirect_uri
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        access = secrets.token_urlsafe(24)
        self._access.add(access)
        return web.json_response(
            {"access_token": access, "token_type": "Bearer", "id_token": self._id_token(grant)}
        )

    async def serve_userinfo(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self._access:
            return web.Response(status=401)
        subject = self.faults.userinfo_subject or self.user.subject
        return web.json_response({"sub": subject, "groups": self.user.groups})

    def _is_client(self, request: web.Request, form: Any) -> bool:
        if not self.client_secret:
            return bool(form.get("client_id") == self.client_id)
        try:
            scheme, _, text = request.headers.get("Authorization", "").partition(" ")
            name, _, secret = base64.b64decode(text).decode().partition(":")
        except ValueError:
            return False
        is_basic = scheme == "Basic" and unquote_plus(name) == self.client_id
        return is_basic and hmac.compare_digest(unquote_plus(secret), self.client_secret)

    def _id_token(self, grant: _Grant) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "sub": self.user.subject,
            "aud": self.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "nonce": grant.nonce,
            "preferred_username": self.user.name,
        }
        if not self.faults.groups_by_userinfo_only:
            claims["groups"] = self.user.groups
        claims = {**claims, **self.faults.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        key: Any = self._key
        if self.faults.signs_with_another_key:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if self.faults.algorithm == "none":
            key = None
        elif self.faults.algorithm.startswith("HS"):
            key = self.client_secret
        headers = {"kid": self._key_id}
        return jwt.encode(claims, key, algorithm=self.faults.algorithm, headers=headers)


def _to(redirect_uri: str, fields: dict[str, str]) -> web.Response:
    return web.Response(status=302, headers={"Location": f"{redirect_uri}?{urlencode(fields)}"})
