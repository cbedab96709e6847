"""Signing in, the pure parts: attempts, groups, and whom a proxy's headers prove."""

from __future__ import annotations

import base64
import hashlib
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm
from multidict import CIMultiDict, CIMultiDictProxy

from dashboard.site.groups import ProvedUser, role_of_groups
from dashboard.site.id_token import (
    Provider,
    SignInError,
    claims_of,
    is_allowed,
    signing_key,
    user_of,
)
from dashboard.site.sessions import Session, Sessions, UserRole, Way
from dashboard.site.sign_in_attempt import ATTEMPT_SECONDS, SignInAttempts
from dashboard.site.trusted_proxy import is_trusted, user_of_proxy
from stream.config import Role, load_settings
from stream.errors import SettingsError


def test_an_attempt_is_answered_by_its_state_in_time_and_by_nothing_else() -> None:
    attempts = SignInAttempts()
    one, other = attempts.begin(now=0), attempts.begin(now=0)
    cookie = attempts.cookie(one)
    assert attempts.read(cookie, one.state, now=1) == one
    assert attempts.read(cookie, other.state, now=1) is None
    assert attempts.read(cookie, one.state, now=ATTEMPT_SECONDS + 1) is None
    assert SignInAttempts().read(cookie, one.state, now=1) is None
    attempts.answered(one, now=1)
    assert attempts.read(cookie, one.state, now=1) is None
    assert attempts.read(attempts.cookie(other), other.state, now=1) == other
    assert len({one.state, one.nonce, one.verifier}) == 3
    digest = base64.urlsafe_b64encode(hashlib.sha256(one.verifier.encode()).digest())
    assert one.challenge == digest.rstrip(b"=").decode()
    assert one.verifier not in cookie
    assert one.nonce not in cookie


ANY_TEXT = st.text(st.characters())  # with the halves of pairs that undecodable bytes become


@given(ANY_TEXT, ANY_TEXT)
def test_no_cookie_of_somebody_elses_is_an_attempt(cookie, state) -> None:
    assert SignInAttempts().read(cookie, state, now=0) is None


KEY = rsa.generate_private_key(65537, 2048)
PUBLIC_KEY = RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "1"}


def token(**claims: object) -> str:
    now = int(time.time())
    whole = {"iss": "https://i", "aud": "us", "sub": "7", "iat": now, "exp": now + 60, "nonce": "n"}
    return jwt.encode(whole | claims, KEY, algorithm="RS256", headers={"kid": "1"})


@pytest.mark.parametrize(
    "keys",
    [
        5,
        "abc",
        [5, None],
        [PUBLIC_KEY | {"alg": "none"}],
        [PUBLIC_KEY | {"alg": "HS256"}],
        [PUBLIC_KEY | {"kty": ["RSA"]}],
        [PUBLIC_KEY | {"n": 5}],
        [PUBLIC_KEY | {"use": "enc"}],
        [PUBLIC_KEY, PUBLIC_KEY],
    ],
)
def test_a_key_set_that_is_none_has_no_key(keys) -> None:
    assert signing_key(token(), {"keys": [PUBLIC_KEY]}) is not None
    assert signing_key(token(), {"keys": keys}) is None


@pytest.mark.parametrize("claims", [{"nonce": "\ud800"}, {"azp": None}, {"aud": [5]}, {"azp": 5}])
def test_odd_claims_are_refused_and_no_error_of_ours(claims) -> None:
    key = signing_key(token(), {"keys": [PUBLIC_KEY]})
    assert key is not None
    assert claims_of(token(), key, issuer="https://i", client_id="us", nonce="n")["sub"] == "7"
    with pytest.raises(SignInError):
        claims_of(token(**claims), key, issuer="https://i", client_id="us", nonce="n")


@pytest.mark.parametrize("methods", [5, {}, "client_secret_post", None])
def test_a_description_of_odd_types_is_taken_for_the_default(methods) -> None:
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    document = dict.fromkeys(names, "https://i/x") | {"issuer": "https://i"}
    document["token_endpoint_auth_methods_supported"] = methods
    assert Provider.of(document, "https://i").takes_basic


@pytest.mark.parametrize(
    ("groups", "found"),
    [("a, b", {"a", "b"}), (["a", 5, ["b"]], {"a"}), ({"a": 1}, set()), (None, set()), (7, set())],
)
def test_groups_are_texts(groups, found) -> None:
    user = user_of({"name": "Ann", "groups": groups}, name_claim="name", groups_claim="groups")
    assert user.groups == found


def test_an_address_that_nobody_verified_proves_no_name() -> None:
    claims = {"sub": "7", "email": "ann@example.com"}
    names = {"name_claim": "email", "groups_claim": "groups"}
    assert user_of({**claims, "email_verified": True}, **names).name == "ann@example.com"
    assert user_of(claims, **names).name == "ann@example.com"
    with pytest.raises(SignInError):
        user_of({**claims, "email_verified": False}, **names)


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ({"ops"}, UserRole.OPERATOR),
        ({"ops", "look"}, UserRole.OPERATOR),
        ({"look"}, UserRole.READER),
        ({"OPS"}, None),
        (set(), None),
    ],
)
def test_groups_give_the_role(groups, role) -> None:
    assert role_of_groups(groups, operators=("ops",), readers=("look",)) is role
    assert role_of_groups(groups, operators=("ops",), readers=("*",)) is not None


@pytest.mark.parametrize("name", ["", " ", "a" * 61, "a\nb", "a\x1b[2J", "\u202eabc"])
def test_what_is_no_name_is_nobody(name) -> None:
    assert ProvedUser.of(name, ["ops"]) is None


def test_the_audit_says_how_a_name_was_proved() -> None:
    by = {way: Session("Ann", UserRole.READER, "n", 1, way).who for way in Way}
    assert by[Way.PASSWORD] == "Ann (dashboard)"
    assert len(set(by.values())) == len(Way)


def test_a_session_keeps_its_way() -> None:
    sessions = Sessions(seconds=60)
    session = sessions.begin("Ann", UserRole.READER, now=0, way=Way.PROXY)
    assert sessions.read(sessions.cookie(session), now=1) == session


@pytest.mark.parametrize(
    ("remote", "is_ours"),
    [
        ("10.1.2.3", True),
        ("10.1.2.4", False),
        ("::ffff:10.1.2.3", True),
        ("fd00::7", True),
        ("fd01::7", False),
        ("fd00::7%eth0", True),
        (None, False),
        ("", False),
        ("unix", False),
    ],
)
def test_a_proxy_is_known_by_its_address(remote, is_ours) -> None:
    assert is_trusted(remote, ("10.1.2.3", "fd00::/16")) is is_ours


def settings(**given):
    return load_settings(
        Role.DASHBOARD,
        env_file=None,
        kafka_bootstrap_servers="x:1",
        dashboard_operator_groups="ops",
        dashboard_proxy_user_header="X-User",
        dashboard_proxy_groups_header="X-Groups",
        dashboard_proxy_addresses="10.1.2.3",
        **given,
    )


def test_headers_prove_a_user_once_and_from_the_proxy_only() -> None:
    headers = CIMultiDict({"x-user": "ann", "x-groups": "ops; staff,ops"})
    proved = user_of_proxy(CIMultiDictProxy(headers), "10.1.2.3", settings())
    assert proved == ProvedUser("ann", frozenset({"ops", "staff"}))
    assert user_of_proxy(CIMultiDictProxy(headers), "10.1.2.4", settings()) is None
    for name in ("X-User", "X-Groups"):
        twice = CIMultiDict(headers)
        twice.add(name, "eve")
        assert user_of_proxy(CIMultiDictProxy(twice), "10.1.2.3", settings()) is None


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        ("https://login.example.com/realms/x", True),
        ("https://login.example.com:8443/token", True),
        ("http://login.example.com/", False),
        ("https://evil.example\\@login.example.com/", False),
        ("https://a@b.example/", False),
        ("https://b.example:0/", False),
        ("https://b.example:99999/", False),
        ("http://127.0.0.1:9000/token", True),
        ("http://127.0.0.1:90001/token", False),
        ("http://127.0.0.1:9000@evil.example/", False),
        (7, False),
        ("", False),
    ],
)
def test_a_providers_address_is_https_or_the_simulators(url, is_right) -> None:
    assert is_allowed(url, "http://127.0.0.1:9000") is is_right


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"dashboard_proxy_addresses": "0.0.0.0/0"}, "DASHBOARD_PROXY_ADDRESSES"),
        ({"dashboard_proxy_addresses": "proxy.example"}, "DASHBOARD_PROXY_ADDRESSES"),
        ({"dashboard_proxy_addresses": ""}, "DASHBOARD_PROXY_ADDRESSES"),
        ({"dashboard_operator_groups": ""}, "DASHBOARD_OPERATOR_GROUPS"),
        ({"dashboard_oidc_issuer": "http://login.example"}, "DASHBOARD_OIDC_ISSUER"),
        ({"dashboard_oidc_issuer": "https://login.example"}, "DASHBOARD_OIDC_CLIENT_ID"),
        ({"dashboard_oidc_issuer": "https://login.example"}, "DASHBOARD_PUBLIC_URL"),
        (
            {"dashboard_oidc_issuer": "https://l.example", "dashboard_oidc_scopes": "profile"},
            "DASHBOARD_OIDC_SCOPES",
        ),
        ({"dashboard_operator_password": "short"}, "DASHBOARD_OPERATOR_PASSWORD"),
    ],
)
def test_a_sign_in_that_would_let_anybody_in_stops_the_start(given, named) -> None:
    whole = {
        "kafka_bootstrap_servers": "x:1",
        "dashboard_operator_groups": "ops",
        "dashboard_proxy_user_header": "X-User",
        "dashboard_proxy_addresses": "10.1.2.3",
    }
    with pytest.raises(SettingsError) as caught:
        load_settings(Role.DASHBOARD, env_file=None, **{**whole, **given})
    assert named in " ".join(caught.value.problems)
