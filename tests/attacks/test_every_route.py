"""Every route of the dashboard, for nobody, a reader and an operator: by one table of policies."""

from __future__ import annotations

import re

import pytest
from support.attack_targets import READER_PASSWORD, open_target, post_form, session_cookie
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


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_route_lets_in_whom_its_policy_names(short_deadlines, method, path) -> None:
    needed = access_of(method, path)
    async with open_target("dashboard") as target:
        reader = await session_cookie(target, READER_PASSWORD)
        for cookie, is_known in (("X-None: 1", False), (reader, True)):
            if method == "GET":
                if path == "/tail/stream" and is_known:
                    continue
                answer = await target.send(head("GET", address(path), cookie))
            else:
                answer = await target.send(post_form(target, address(path), cookie, b"token=x"))
            is_sent_away = answer.status == 303 and answer.headers["location"] == "/login"
            if needed is Access.OPEN:
                assert not is_sent_away
            elif not is_known:
                assert is_sent_away, answer
            elif needed is Access.OPERATOR or method == "POST":
                assert answer.status == 403, answer  # a reader, or a form without its token
            else:
                assert not is_sent_away
                assert answer.status != 403


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_changes_something_is_for_operators(method, path) -> None:
    searches = {"/trace", "/letters/find"}
    if method == "POST" and path not in {"/login", "/logout", *searches}:
        assert access_of(method, path) is Access.OPERATOR
