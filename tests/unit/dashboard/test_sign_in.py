"""Signing in, the pure parts: attempts, groups, and whom a proxy's headers prove."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from dashboard.site.groups import ProvedUser, role_of_groups
from dashboard.site.id_token import is_allowed
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
    assert len({one.state, one.nonce, one.verifier}) == 3
    digest = base64.urlsafe_b64encode(hashlib.sha256(one.verifier.encode()).digest())
    assert one.challenge == digest.rstrip(b"=").decode()
    assert one.verifier not in cookie
    assert one.nonce not in cookie


@given(st.text(), st.text())
def test_no_cookie_of_somebody_elses_is_an_attempt(cookie, state) -> None:
    assert SignInAttempts().read(cookie, state, now=0) is None


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
