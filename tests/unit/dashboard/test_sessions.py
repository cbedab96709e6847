"""Logins: what a cookie is worth, and for how long."""

from __future__ import annotations

import pytest
from aiohttp import web

from dashboard.site.guard import check_origin, origin_of
from dashboard.site.login_limit import (
    DELAY,
    FORGET_SECONDS,
    FREE_TRIES,
    FREE_TRIES_OF_ADDRESS,
    LoginLimit,
    keys_of,
)
from dashboard.site.sessions import IDLE_SECONDS, Sessions, UserRole, role_of

PASSWORDS = {UserRole.OPERATOR: "operators-0123456", UserRole.READER: "readers-01234567"}


@pytest.fixture
def sessions():
    return Sessions(seconds=3600)


def test_a_cookie_brings_its_session_back_until_it_expires(sessions):
    session = sessions.begin("Ann", UserRole.OPERATOR, now=100)
    cookie = sessions.cookie(session)
    assert sessions.read(cookie, now=101) == session
    assert sessions.read(cookie, now=100 + 3600) is None


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: "x" + c, lambda c: c + "A"])
def test_a_changed_cookie_is_worth_nothing(sessions, change):
    cookie = sessions.cookie(sessions.begin("Ann", UserRole.READER, now=0))
    assert sessions.read(change(cookie), now=1) is None


@pytest.mark.parametrize("cookie", ["", ".", "a.b", "é.ü", "\udcff.\udcff", "." * 5000])
def test_no_text_of_a_stranger_is_a_session_or_an_error(sessions, cookie):
    assert sessions.read(cookie, now=0) is None


def test_another_process_does_not_take_the_cookie(sessions):
    cookie = sessions.cookie(sessions.begin("Ann", UserRole.OPERATOR, now=0))
    assert Sessions(seconds=3600).read(cookie, now=1) is None


def test_an_ended_session_stays_ended_and_others_go_on(sessions):
    ann = sessions.begin("Ann", UserRole.OPERATOR, now=0)
    bob = sessions.begin("Bob", UserRole.OPERATOR, now=0)
    sessions.end(ann, now=1)
    assert sessions.read(sessions.cookie(ann), now=2) is None
    assert sessions.read(sessions.cookie(bob), now=2) == bob


def test_a_form_token_is_of_one_session_and_one_form(sessions):
    ann = sessions.begin("Ann", UserRole.OPERATOR, now=0)
    bob = sessions.begin("Bob", UserRole.OPERATOR, now=0)
    token = sessions.form_token(ann, "/letters/drop")
    assert sessions.is_form_token(token, ann, "/letters/drop")
    assert not sessions.is_form_token(token, ann, "/letters/requeue")
    assert not sessions.is_form_token(token, bob, "/letters/drop")
    assert not sessions.is_form_token("ü", ann, "/letters/drop")


def test_the_password_says_the_role():
    assert role_of("operators-0123456", PASSWORDS) is UserRole.OPERATOR
    assert role_of("readers-01234567", PASSWORDS) is UserRole.READER
    assert role_of("guess", PASSWORDS) is None


def test_a_role_without_a_password_is_open_to_nobody():
    assert role_of("", {**PASSWORDS, UserRole.READER: ""}) is None


def test_a_session_that_nobody_uses_ends_and_what_a_page_asks_for_does_not_keep_it():
    sessions = Sessions(seconds=100 * IDLE_SECONDS)
    session = sessions.begin("Ann", UserRole.READER, now=0)
    cookie = sessions.cookie(session)
    assert sessions.read(cookie, now=0)
    assert sessions.read(cookie, now=IDLE_SECONDS - 1)
    assert sessions.read(cookie, now=2 * IDLE_SECONDS - 2, is_use=False)
    assert sessions.read(cookie, now=2 * IDLE_SECONDS) is None
    assert not sessions.is_alive(session, now=2 * IDLE_SECONDS)


def test_an_ended_session_is_not_alive():
    sessions = Sessions(seconds=100)
    session = sessions.begin("Ann", UserRole.READER, now=0)
    assert sessions.is_alive(session, now=1)
    sessions.end(session, now=1)
    assert not sessions.is_alive(session, now=1)


def test_wrong_passwords_make_a_name_at_an_address_wait_longer_and_longer():
    limit, ann = LoginLimit(), keys_of("a", "Ann", "")
    for second in range(FREE_TRIES):
        assert limit.wait_seconds(ann, now=second) == 0
        limit.failed(ann, now=second)
    waits = []
    now = float(FREE_TRIES)
    for _ in range(8):
        waits.append(limit.wait_seconds(ann, now=now))
        now += waits[-1]
        limit.failed(ann, now=now)
    assert waits == sorted(waits)
    assert waits[1] == 2 * DELAY.first_seconds
    assert waits[-1] == DELAY.cap_seconds
    assert limit.wait_seconds(ann, now=now + FORGET_SECONDS + 1) == 0


def test_nobody_locks_out_a_browser_that_has_logged_in_before():
    """Behind a proxy all have one address: a stranger who guesses makes strangers wait."""
    limit, sessions = LoginLimit(), Sessions(seconds=100)
    for number in range(1_000):
        limit.failed(keys_of("proxy", f"guess {number}", ""), now=0)
    assert limit.wait_seconds(keys_of("proxy", "Ann", ""), now=1) > 0
    device = sessions.device()
    assert sessions.is_device(device)
    assert limit.wait_seconds(keys_of("proxy", "Ann", device), now=1) == 0
    assert limit.wait_seconds(keys_of("elsewhere", "Ann", ""), now=1) == 0
    assert not sessions.is_device("")
    assert not sessions.is_device(f"x{device}")


def test_the_right_password_forgets_a_names_wrong_ones_and_not_its_addresss():
    limit, ann = LoginLimit(), keys_of("a", "Ann", "")
    for number in range(FREE_TRIES_OF_ADDRESS):
        limit.failed(keys_of("a", f"guess {number}", ""), now=0)
    limit.succeeded(ann)
    assert limit.wait_seconds(ann, now=1) > 0


@pytest.mark.parametrize(
    ("origin", "public", "is_ours"),
    [
        ("http://127.0.0.1:8081", "", True),
        ("https://127.0.0.1:8081", "", False),
        ("http://evil.example", "", False),
        ("", "", False),
        ("null", "", False),
        ("https://ops.example", "https://ops.example", True),
        ("http://127.0.0.1:8081", "https://ops.example", False),
    ],
)
def test_forms_come_from_our_own_pages(origin, public, is_ours):
    headers = {"Origin": origin} if origin else {}
    if is_ours:
        check_origin(headers, "http", "127.0.0.1:8081", public)
    else:
        with pytest.raises(web.HTTPForbidden):
            check_origin(headers, "http", "127.0.0.1:8081", public)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Ops.Example", "https://ops.example"),
        ("https://ops.example:443/", "https://ops.example"),
        ("http://ops.example:80", "http://ops.example"),
        ("https://ops.example:8443", "https://ops.example:8443"),
        ("https://bücher.example/", "https://xn--bcher-kva.example"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]"),
    ],
)
def test_the_origin_of_a_public_url_is_what_browsers_send(url, origin):
    """Every form was refused, with the advice to set what was set."""
    assert origin_of(url) == origin


def test_the_origin_of_a_public_url_has_no_path():
    assert origin_of("https://ops.example/dashboard/") == "https://ops.example"
    assert origin_of("") == ""
