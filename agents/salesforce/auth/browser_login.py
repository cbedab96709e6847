"""The web-server flow's first half: from a person's consent to the first refresh token.

PKCE (RFC 7636, S256) binds the code to this process and `state` binds the browser's return to this
attempt, so that a code that leaks, or a link somebody else made, is worth nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from agents.salesforce.auth.oauth_flows import Token, TokenEndpoint
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError

SCOPE = "api refresh_token"
SECRET_BYTES = 48


@dataclass(frozen=True)
class BrowserLogin:
    """One attempt. Its secrets are random and never leave this process, but for their hashes."""

    client_id: str
    redirect_uri: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(SECRET_BYTES), repr=False)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(SECRET_BYTES), repr=False)

    def authorize_url(self, login_url: str) -> str:
        """Return the address that a person opens."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{login_url}/services/oauth2/authorize?{urlencode(query)}"

    def code_of(self, query: Mapping[str, str]) -> str:
        """Return the code that came back. Raises LoginError for a refusal or a foreign answer."""
        if not hmac.compare_digest(query.get("state", "").encode(), self.state.encode()):
            raise _refused(
                "STATE_MISMATCH",
                "the browser came back from another login attempt",
                "Start again and use only the address this command printed.",
            )
        if query.get("error"):
            raise _refused(
                query["error"],
                query.get("error_description") or "Salesforce refused the login",
                f"Allow access in the browser; the app's Callback URL must be {self.redirect_uri} "
                "and its scopes must include api and refresh_token.",
            )
        if not query.get("code"):
            raise _refused("NO_CODE", "the browser came back without a code", "Start again.")
        return query["code"]

    def exchange(self, code: str, endpoint: TokenEndpoint, *, client_secret: str = "") -> Token:
        """Return the tokens for a code; blocks. Raises LoginError, also without refresh token."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        if client_secret:
            form["client_secret"] = client_secret
        token = endpoint.post(form, flow="browser")
        if not token.refresh_token:
            raise _refused(
                "NO_REFRESH_TOKEN",
                "Salesforce gave no refresh token",
                "Setup > the app > OAuth settings: add the scope 'Perform requests at any time "
                "(refresh_token, offline_access)'.",
            )
        return token


def _refused(code: str, message: str, fix: str) -> LoginError:
    return LoginError(message, kind=ErrorKind.AUTH, code=code, fix=fix)
