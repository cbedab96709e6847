"""Every route of the dashboard, for nobody, a reader and an operator: by one table of policies."""

from __future__ import annotations

import re
import time

import pytest
from support.attack_targets import (
    OPERATOR,
    READER_PASSWORD,
    Target,
    open_target,
    post_form,
    session_cookie,
)
from support.http_wire import head

from dashboard.app import PAGES
from dashboard.site.access import POLICY, Access, access_of

ROUTES = sorted(
    {
        (route.method, re.sub(r"{(\w+):[^}]*}", r"{\1}", route.path))
        for p in PAGES
        for route in p.ROUTES
    }
)


def address(path: str) -> str:
    return path.replace("{id}", "1-1").replace("{digest}", "0").replace("{name}", "x.css")


def test_every_route_has_a_policy_and_every_policy_a_route() -> None:
    assert sorted(POLICY) == sorted(f"{method} {path}" for method, path in ROUTES)
    assert access_of("GET", "/new/page") is Access.NOBODY
    assert access_of("HEAD", "/letters") is Access.READER


NOBODY = "X-None: 1"
ROLES = {"nobody": "", "reader": READER_PASSWORD, "operator": OPERATOR}


def right_token(target: Target, cookie: str, path: str) -> str:
    """Return the token that the form of a page would have for this session."""
    assert target.state is not None
    sessions = target.state.sessions
    session = sessions.read(cookie.partition("=")[2], now=time.time())
    return sessions.form_token(session, path) if session else "x"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_route_lets_in_whom_its_policy_names(short_deadlines, method, path, role) -> None:
    """Every route for nobody, a reader and an operator; a form with and without its own token."""
    needed, where = access_of(method, path), address(path)
    async with open_target("dashboard") as target:
        cookie = await session_cookie(target, ROLES[role]) if ROLES[role] else NOBODY
        if where == "/tail/stream" and role != "nobody":
            return  # it does not end; tests/integration/dashboard/test_dashboard_access.py
        may_come_in = role == "operator" or needed is not Access.OPERATOR
        if method == "GET":
            answer = await target.send(head("GET", where, cookie))
        else:
            wrong = await target.send(post_form(target, where, cookie, b"token=x"))
            if needed is not Access.OPEN:
                assert wrong.status == (303 if role == "nobody" else 403), wrong
            token = right_token(target, cookie, where)
            answer = await target.send(post_form(target, where, cookie, f"token={token}".encode()))
        is_sent_away = answer.status == 303 and answer.headers["location"] == "/login"
        if needed is Access.OPEN:
            assert not is_sent_away
        elif role == "nobody":
            assert is_sent_away, answer
        elif path == "/logout":
            assert is_sent_away
        else:
            assert not is_sent_away
            assert (answer.status != 403) is may_come_in, answer


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_changes_something_is_for_operators(method, path) -> None:
    searches = {"/trace", "/letters/find"}
    if method == "POST" and path not in {"/login", "/logout", *searches}:
        assert access_of(method, path) is Access.OPERATOR
