"""Whom a login's assertion is for: the My Domain, or the shared host where the org wants that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agents.salesforce.auth.oauth_flows import JwtFlow, Token, shared_host
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError

GOV = "https://acme.my.salesforce.com"
LOGIN = "https://login.salesforce.com"


@dataclass
class Endpoint:
    """Takes assertions for one audience; any other is refused as real orgs do."""

    login_url: str
    wants: str
    kind: ErrorKind = ErrorKind.AUTH
    status: int = 400
    asked: list[str] = field(default_factory=list)

    def post(self, form: Mapping[str, str], *, flow: str, username: str = "") -> Token:
        told = jwt.decode(form["assertion"], options={"verify_signature": False})
        self.asked.append(told["aud"])
        if told["aud"] == self.wants:
            return Token("token", self.login_url)
        message = f"{flow}: {username} hasn't approved this consumer, asked {len(self.asked)} times"
        raise LoginError(message, kind=self.kind, code="invalid_grant", status=self.status)


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("key") / "server.key"
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("login_url", "wants", "asked"),
    [
        (GOV, GOV, [GOV]),
        (GOV, LOGIN, [GOV, LOGIN]),  # Government Cloud; restforce#886, simple-salesforce#711
        (LOGIN, LOGIN, [LOGIN]),
    ],
)
def test_an_org_that_wants_the_shared_host_gets_it(key, login_url, wants, asked) -> None:
    endpoint = Endpoint(login_url, wants)
    assert JwtFlow(endpoint, "app", "bot", key).fetch().access_token == "token"
    assert endpoint.asked == asked


@pytest.mark.parametrize(
    ("endpoint", "times"),
    [
        (Endpoint(GOV, "nobody"), 2),
        (Endpoint(LOGIN, "nobody"), 1),
        (Endpoint(GOV, LOGIN, kind=ErrorKind.TRANSIENT), 1),
        (Endpoint(GOV, LOGIN, status=403), 1),
    ],
)
def test_who_is_refused_hears_the_first_reason(key, endpoint, times) -> None:
    with pytest.raises(LoginError, match="asked 1 times"):
        JwtFlow(endpoint, "app", "bot", key).fetch()
    assert len(endpoint.asked) == times


@pytest.mark.parametrize(
    ("login_url", "shared"),
    [
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme-dev-ed.develop.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme--uat.my.salesforce.com", "https://test.salesforce.com"),
        ("https://fun-1.scratch.my.salesforce.com", "https://test.salesforce.com"),
        ("https://login.salesforce.com", ""),
        ("https://acme.my.sfcrmproducts.cn", ""),
        ("http://127.0.0.1:9000", ""),
    ],
)
def test_the_shared_host_of_an_org(login_url, shared) -> None:
    assert shared_host(login_url) == shared
