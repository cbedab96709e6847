"""An OIDC provider to try OAUTHBEARER with: a token endpoint, and the keys it signs by.

    with TokenServer(client_id="c", client_secret="s") as provider:
        … provider.token_url … provider.keys_url … provider.life_seconds = 5 … provider.fail(503) …

Client credentials only (RFC 6749, 4.4): HTTP Basic, a form, `{"access_token", "expires_in"}`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.ports import HOST

KEY_ID = "sandbox-1"
ISSUER, AUDIENCE = "https://issuer.sandbox.test", "kafka"
MAX_FORM_BYTES = 10_000


class TokenServer:
    """Runs in a thread on a free port; `life_seconds` of tokens may change while it runs."""

    def __init__(self, *, client_id: str, client_secret: str, life_seconds: float = 60.0) -> None:
        self.life_seconds = life_seconds
        self.issued = 0
        self.scopes: list[str] = []
        self._client = f"{client_id}:{client_secret}"
        self._subject = client_id
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._failure = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, owner.keys() if self.path == "/keys" else {})

            def do_POST(self) -> None:
                size = min(int(self.headers.get("Content-Length") or 0), MAX_FORM_BYTES)
                form = parse_qs(self.rfile.read(size).decode())
                self._answer(*owner.token(self.headers.get("Authorization", ""), form))

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing: a form may hold a secret."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}"

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    @property
    def keys_url(self) -> str:
        return f"{self.url}/keys"

    def fail(self, status: int) -> None:
        """Answer so from now on; 0 = work again."""
        self._failure = status

    def token(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """Answer a request for a token."""
        if self._failure:
            return self._failure, {}
        if not hmac.compare_digest(_basic(authorization).encode(), self._client.encode()):
            return 401, {"error": "invalid_client", "error_description": "nobody we know"}
        if form.get("grant_type") != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type"}
        self.issued += 1
        self.scopes += form.get("scope", [])
        now = time.time()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": self._subject,
            "iat": int(now),
            "exp": int(now + self.life_seconds),
            "scope": " ".join(form.get("scope", [])),
        }
        text = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})
        return 200, {
            "access_token": text,
            "token_type": "Bearer",
            "expires_in": self.life_seconds,
        }

    def keys(self) -> dict[str, Any]:
        """Return the keys (JWKS) that a broker checks tokens by."""
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [public | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]}


def _basic(authorization: str) -> str:
    scheme, _, given = authorization.partition(" ")
    try:
        return base64.b64decode(given).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        return ""
