"""Dead letters on the pages: masked, requeued, dropped and edited, each effect exact."""

from __future__ import annotations

import asyncio
import shlex

import orjson
import pytest

from schemas.event import Via
from stream.jobs.operator_log import read_actions
from stream.kafka.log.range_reader import RangeReader, record_envelope

pytestmark = pytest.mark.kafka

PERSON = {
    "increment_id": "7",
    "customer_email": "jane.roe@example.com",
    "customer_firstname": "Jane",
    "store_id": 1,
}


async def bury(writer, count: int, **more):
    events = await writer.accept_many(str(number) for number in range(1, count + 1))
    await asyncio.gather(*(writer.bury(event, **more) for event in events))
    return events


async def copies(settings):
    found = []
    async with RangeReader(settings) as reader:
        async for batch in reader.read(await reader.spans([settings.topics.due])):
            found += [record_envelope(record) for record in batch]
    return found


async def actions(settings):
    async with RangeReader(settings) as reader:
        return await read_actions(reader, settings.topics)


async def requeue(ann, fields: dict[str, str], why: str = "mapping fixed") -> str:
    """Dry run and run from the list of the letters; returns the job's page."""
    status, where = await ann.fill("/letters", "/letters/requeue", fields)
    assert status == 303
    assert "nothing is published yet" in await ann.worked_out(where)
    status, job = await ann.fill(where, f"{where}/run", {"why": why})
    assert status == 303
    return job


async def done(ann, job: str):
    running = ann.state.desk.find(job.rpartition("/")[2])
    await ann.until(lambda: not running.is_running)
    assert not running.problem
    return running.report


async def test_a_group_says_what_is_wrong_how_often_and_what_to_do(writer, ann):
    await bury(writer, 3, code="STRING_TOO_LONG", fields=("Name",), message="too long: <b>x</b>")
    await ann.letters(3)
    page = await ann.text("/letters")
    assert "3 open in 1 group" in page
    assert "3 STRING_TOO_LONG Name" in page
    assert "mapping.yaml" in page
    assert "too long: <b>x</b>" in page  # shown as text: it came through the escaping


async def test_letters_are_found_by_code_order_store_and_time(writer, ann):
    first = await writer.accept("1", {"store_id": 1})
    await writer.bury(first, code="A", fields=())
    second = await writer.accept("2", {"store_id": 2})
    await writer.bury(second, code="A", fields=("F", "G"))
    await ann.letters(2)
    count = lambda query: ann.text(f"/letters?all=1&{query}")  # noqa: E731
    assert "2 open" in await count("code=A")
    assert "1 open" in await count("code=A&field=-")
    assert "1 open" in await count("field=F,G")
    assert "1 open" in await count("order=2")
    assert "1 open" in await count("store=1")
    assert "2 open" in await count("since=1h")
    assert "0 open" in await count("until=1h")


async def test_requeue_copies_each_letter_once_and_is_on_record(settings, writer, ann):
    events = await bury(writer, 30, code="A", fields=("F",))
    others = await writer.accept("other")
    await writer.bury(others, code="B", fields=())
    await ann.letters(31)

    job = await requeue(ann, {"code": "A", "field": "F", "rate": "1000"})
    report = await done(ann, job)

    assert (report.total, report.copied) == (30, 30)
    copied = await copies(settings)
    assert sorted(e.event_id for e in copied) == sorted(e.event_id for e in events)
    assert {e.via for e in copied} == {Via.REQUEUE}
    await ann.letters(1)
    assert [(a.action, a.who, a.why) for a in await actions(settings)] == [
        ("job-started", "Ann (dashboard)", "mapping fixed"),
        ("job-done", "Ann (dashboard)", "mapping fixed"),
    ]
    assert "30 of 30 published" in await ann.text(job)
    assert "done" in await ann.text("/jobs")


async def test_a_dry_run_is_run_once_only_and_needs_a_reason(settings, writer, ann):
    await bury(writer, 2, code="A", fields=())
    await ann.letters(2)
    status, where = await ann.fill("/letters", "/letters/requeue", {"code": "A", "rate": "1000"})
    await ann.worked_out(where)
    status, page = await ann.fill(where, f"{where}/run", {"why": " "})
    assert (status, "Reason" in page) == (400, True)
    _, job = await ann.fill(where, f"{where}/run", {"why": "once"})
    await done(ann, job)
    status, page = await ann.fill(where, f"{where}/run", {"why": "twice"})
    assert (status, "started already" in page) == (503, True)
    assert len(await copies(settings)) == 2


async def test_a_stopped_job_goes_on_and_copies_nothing_twice(settings, writer, ann):
    events = await bury(writer, 30, code="A", fields=())
    await ann.letters(30)
    job = await requeue(ann, {"code": "A", "rate": "10"})
    running = ann.state.desk.find(job.rpartition("/")[2])
    await ann.until(lambda: running.report.copied >= 3)
    assert (await ann.fill(job, f"{job}/stop", {}))[0] == 303
    report = await done(ann, job)
    assert report.is_stopped
    assert 3 <= report.copied < 30

    ann.state.desk._running.clear()  # another dashboard, which knows what is on record only
    assert (await ann.fill(job, f"{job}/resume", {}))[0] == 303
    await ann.until(lambda: ann.state.desk.find(job.rpartition("/")[2]).report.done == 30)
    await done(ann, job)
    copied = await copies(settings)
    assert sorted(e.event_id for e in copied) == sorted(e.event_id for e in events)
    assert "job-stop-asked" in [action.action for action in await actions(settings)]


async def test_drop_takes_what_was_shown_with_a_reason_and_nothing_else(settings, writer, ann):
    await bury(writer, 3, code="A", fields=())
    await writer.bury(await writer.accept("kept"), code="B", fields=())
    await ann.letters(4)
    form = "/letters/drop?code=A&field=-"
    status, page = await ann.fill(form, "/letters/drop", {"why": ""})
    assert (status, "Reason" in page) == (400, True)
    status, page = await ann.fill(form, "/letters/drop", {"why": "w", "count": "4"})
    assert (status, "have changed" in page) == (400, True)
    assert (await ann.fill(form, "/letters/drop", {"why": "test orders"}))[0] == 200
    await ann.letters(1)
    (action,) = await actions(settings)
    assert (action.action, action.who, action.why) == (
        "dlq-drop",
        "Ann (dashboard)",
        "test orders",
    )
    assert action.detail["count"] == 3
    assert await copies(settings) == []


async def test_personal_data_is_masked_until_somebody_asks_on_record(settings, writer, ann, rob):
    event = await writer.accept("7", PERSON)
    ack = await writer.bury(event, message="bad value: jane.roe@example.com")
    await ann.letters(1)
    path = f"/letters/{ack.partition}-{ack.offset}"
    for visitor in (ann, rob):
        for page in (path, "/letters", "/letters?all=1", "/trace?target=7", "/tail", "/"):
            _, html = await visitor.get(page)
            assert "jane.roe" not in html, page
            assert "Jane" not in html
    assert await actions(settings) == []

    status, html = await ann.fill(path, f"{path}/unmask", {"why": "she called"})
    assert (status, "jane.roe@example.com" in html, "Jane" in html) == (200, True, True)
    (action,) = await actions(settings)
    assert (action.action, action.who, action.why) == ("unmask", "Ann (dashboard)", "she called")
    assert "jane" not in action.to_bytes().decode()
    assert "jane.roe" not in (await ann.get(path))[1]


async def test_an_edit_is_checked_requeued_and_on_record(settings, writer, ann):
    event = await writer.accept("7", PERSON)
    ack = await writer.bury(event)
    await ann.letters(1)
    path = f"/letters/{ack.partition}-{ack.offset}"
    status, html = await ann.fill(path, f"{path}/open", {"why": "wrong mail"})
    assert (status, "jane.roe@example.com" in html) == (200, True)
    session = ann.state.sessions.read(
        next(c.value for c in ann.http.cookie_jar if c.key == "orderstream_session"), now=0
    )
    token = ann.state.sessions.form_token(session, f"{path}/edit")
    post = lambda payload: ann.post(  # noqa: E731
        f"{path}/edit", {"token": token, "why": "wrong mail", "payload": payload}
    )
    status, page = await post("{ no json")
    assert status == 400
    assert "{ no json" in page  # what was typed is not lost
    original = orjson.dumps(orjson.loads(event.value), option=orjson.OPT_INDENT_2).decode()
    assert (await post(original.replace("\n", "\r\n")))[0] == 400  # nothing was changed
    assert (await post(original.replace('"7"', '"8"')))[0] == 400  # another order
    assert await copies(settings) == []

    status, page = await post(original.replace("jane.roe@", "jane.r@"))
    assert status == 200
    assert "customer_email" in page
    (copy,) = await copies(settings)
    assert b"jane.r@example.com" in copy.value
    await ann.letters(0)
    names = [(action.action, action.who) for action in await actions(settings)]
    assert names == [("unmask", "Ann (dashboard)"), ("dlq-edit", "Ann (dashboard)")]


async def test_the_pages_show_commands_that_exist(writer, ann):
    await bury(writer, 1, code="A", fields=("F",))
    await ann.letters(1)
    page = await ann.text("/letters?code=A&field=F")
    command = page.partition("command line ")[2].partition(" Copy")[0]
    assert shlex.split(command) == [
        *("orderstream", "dlq", "list"),
        *("--code=A", "--field=F", "--letters"),
    ]
