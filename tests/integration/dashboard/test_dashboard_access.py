"""Who gets in, what they may do, and what a hostile page cannot make them do."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from support.dashboard_site import OPERATOR, hidden_fields

from dashboard.pages.tail import MAX_STREAMS_OF_SESSION
from dashboard.site.state import COOKIE
from schemas.result import Outcome
from stream.jobs.operator_log import read_actions
from stream.kafka.log.range_reader import RangeReader

pytestmark = pytest.mark.kafka

PAGES = ("/", "/lag", "/letters", "/replay", "/jobs", "/trace", "/tail")
CHANGES = (
    ("/letters/requeue", {"code": "X", "rate": "50"}),
    ("/letters/drop", {"code": "X", "count": "0", "why": "w"}),
    ("/replay", {"from": "1h"}),
    ("/jobs/requeue-1/stop", {}),
    ("/jobs/requeue-1/resume", {}),
    ("/letters/0-0/unmask", {"why": "w"}),
    ("/letters/0-0/open", {"why": "w"}),
    ("/letters/0-0/edit", {"why": "w", "payload": "{}"}),
    ("/drafts/1/run", {"why": "w"}),
)


async def actions(settings):
    async with RangeReader(settings) as reader:
        return await read_actions(reader, settings.topics)


async def test_without_a_login_there_is_nothing_but_the_login(visit):
    stranger = visit()
    for path in (*PAGES, "/part/overview", "/tail/stream", "/letters/0-0", "/jobs/1", "/nowhere"):
        async with stranger.http.get(stranger.url + path, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/login"), path
    assert (await stranger.get("/login"))[0] == 200
    assert (await stranger.get("/livez"))[0] == 200
    assert (await stranger.get("/metrics"))[0] == 200


async def test_every_answer_has_a_strict_policy_and_no_script_of_its_own(visit, ann):
    paths = (*PAGES, "/login", "/nowhere", "/letters?since=xyz", "/static/0/dashboard.js")
    for path in paths:
        async with ann.http.get(ann.url + path, allow_redirects=False) as answer:
            policy = answer.headers["Content-Security-Policy"]
            html = await answer.text()
        assert "default-src 'none'" in policy, path
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "://" not in policy
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "<style" not in html
        assert " style=" not in html
        assert " onclick=" not in html
        assert "<script>" not in html


async def test_the_cookie_is_for_this_site_and_no_script_and_only_once_logged_in(visit):
    stranger = visit()
    fields = {"name": "Ann", "password": OPERATOR}
    headers = {"Origin": stranger.url}
    async with stranger.http.post(
        stranger.url + "/login", data=fields, headers=headers, allow_redirects=False
    ) as answer:
        cookie = answer.cookies[COOKIE]
    assert cookie["samesite"] == "Strict"
    assert cookie["httponly"]
    assert int(cookie["max-age"]) > 3600


async def test_a_wrong_password_is_refused_and_soon_not_even_looked_at(visit):
    stranger = visit()
    for _ in range(5):
        status, page = await stranger.post("/login", {"name": "Eve", "password": "guess"})
        assert (status, "wrong" in page) == (403, True)
    status, page = await stranger.post("/login", {"name": "Eve", "password": OPERATOR})
    assert (status, "Too many" in page) == (429, True)


async def test_logging_out_ends_the_live_tails_of_that_login(writer, ann):
    async with ann.http.get(ann.url + "/tail/stream") as stream:
        assert stream.status == 200
        assert (await ann.fill("/tail", "/logout", {}))[0] == 303
        await writer.conclude(await writer.accept("1"), Outcome.SYNCED)
        said = await stream.content.read()  # returns when the stream has ended
    assert b"data:" not in said


async def test_one_login_holds_a_few_live_tails_only(ann, rob):
    async with AsyncExitStack() as stack:
        for _ in range(MAX_STREAMS_OF_SESSION):
            await stack.enter_async_context(ann.http.get(ann.url + "/tail/stream"))
        assert (await ann.get("/tail/stream"))[0] == 429
        other = await stack.enter_async_context(rob.http.get(rob.url + "/tail/stream"))
        assert other.status == 200


async def test_after_logout_the_cookie_is_worth_nothing(ann):
    cookie = next(c.value for c in ann.http.cookie_jar if c.key == COOKIE)
    assert (await ann.fill("/", "/logout", {}))[1] == "/login"
    headers = {"Cookie": f"{COOKIE}={cookie}"}
    assert (await ann.get("/", headers=headers))[0] == 303


async def test_a_form_of_another_site_changes_nothing(settings, ann):
    for path, fields in CHANGES:
        status, _ = await ann.post(path, fields, origin="https://evil.example")
        assert status == 403, path
        status, _ = await ann.post(path, fields, origin="null")
        assert status == 403, path
        status, _ = await ann.post(path, fields, origin="")
        assert status == 403, path
    assert await actions(settings) == []


async def test_a_form_needs_its_own_token(settings, ann):
    token = hidden_fields((await ann.get("/replay"))[1], "/replay")["token"]
    for path, fields in CHANGES:
        assert (await ann.post(path, fields))[0] == 403, path
        foreign = {**fields, "token": token if path != "/replay" else "x" * 43}
        assert (await ann.post(path, foreign))[0] == 403, path
    assert await actions(settings) == []


async def test_a_token_is_of_one_session(visit, ann):
    other = await visit().log_in()
    token = hidden_fields((await other.get("/replay"))[1], "/replay")["token"]
    assert (await ann.post("/replay", {"from": "1h", "token": token}))[0] == 403


async def test_a_reader_sees_every_page_and_changes_nothing(settings, rob):
    for path in PAGES:
        assert (await rob.get(path))[0] == 200, path
    session = rob.state.sessions.read(
        next(c.value for c in rob.http.cookie_jar if c.key == COOKIE), now=0
    )
    for path, fields in CHANGES:
        token = rob.state.sessions.form_token(session, path)
        status, page = await rob.post(path, {**fields, "token": token})
        assert (status, "Only operators" in page) == (403, True), path
    assert await actions(settings) == []


async def test_what_is_typed_wrong_is_said_with_the_field(ann):
    status, page = await ann.get("/letters?since=lately")
    assert (status, "Dead since" in page) == (400, True)
    status, page = await ann.fill("/replay", "/replay", {"from": "lately"})
    assert (status, "From:" in page) == (400, True)
    status, page = await ann.fill("/replay", "/replay", {"from": "1h", "rate": "fast"})
    assert (status, "Rate:" in page) == (400, True)
    status, page = await ann.fill("/replay", "/replay", {"from": "1h", "limit": "-1"})
    assert (status, "Limit:" in page) == (400, True)
    assert (await ann.get("/drafts/1"))[0] == 404
    assert (await ann.get("/jobs/none"))[0] == 404
    await ann.until(lambda: not ann.state.watch.shelf.unknown)
    assert (await ann.get("/letters/9-9"))[0] == 404
