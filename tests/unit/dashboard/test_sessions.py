"""Logins: what a cookie is worth, and for how long."""

from __future__ import annotations

import pytest
from aiohttp import web

from dashboard.site.guard import check_origin, origin_of
from dashboard.site.sessions import (
    ATTEMPT_WINDOW_SECONDS,
    ATTEMPTS,
    ATTEMPTS_OF_ALL,
    LoginLimit,
    Sessions,
    UserRole,
    role_of,
)

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


@pytest.mark.parametrize("cookie", ["", ".", "a.b", "é.ü", "." * 5000])
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


def test_wrong_passwords_of_one_address_make_it_wait_and_no_other():
    limit = LoginLimit()
    for second in range(ATTEMPTS):
        assert limit.wait_seconds("a", now=second) == 0
        limit.failed("a", now=second)
    assert limit.wait_seconds("a", now=ATTEMPTS) == ATTEMPT_WINDOW_SECONDS - ATTEMPTS
    assert limit.wait_seconds("b", now=ATTEMPTS) == 0
    assert limit.wait_seconds("a", now=ATTEMPT_WINDOW_SECONDS + 1) == 0


def test_many_addresses_together_make_everybody_wait():
    limit = LoginLimit()
    for number in range(ATTEMPTS_OF_ALL):
        limit.failed(str(number), now=0)
    assert limit.wait_seconds("new", now=1) == ATTEMPT_WINDOW_SECONDS - 1


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


def test_the_origin_of_a_public_url_has_no_path():
    assert origin_of("https://ops.example/dashboard/") == "https://ops.example"
    assert origin_of("") == ""
