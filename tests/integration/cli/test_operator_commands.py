"""The operator's commands as processes: output, exit codes, and what they leave on record."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections import Counter
from pathlib import Path

import orjson
import pytest
from support.topic_writer import TopicWriter, now_ms

from schemas.codec import decode
from schemas.digest import content_digest, save_mark
from schemas.result import Outcome
from schemas.version_reset import RESET_EVENT
from stream.jobs.operator_log import read_actions
from stream.kafka.log.range_reader import RangeReader, record_envelope

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[3]
HOUR_MS = 3_600_000


@pytest.fixture
async def writer(make_settings, topics):
    async with TopicWriter(make_settings()) as writer:
        yield writer


@pytest.fixture
def start(writer, tmp_path):
    """Start `orderstream …` against this test's topics, in an empty directory."""

    async def start(*arguments, **more):
        settings = writer.settings
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": settings.kafka_topic_prefix,
            "OPERATOR_SIGNING_KEY": settings.operator_signing_key.get_secret_value(),
            "COLUMNS": "200",
            **more,
        }
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli",
            *arguments,
            cwd=tmp_path,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    return start


@pytest.fixture
def run(start):
    """Run a command to its end; returns (exit code, stdout, stderr)."""

    async def run(*arguments, **more):
        process = await start(*arguments, **more)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, out.decode(), err.decode()

    return run


@pytest.fixture
async def reader(writer):
    async with RangeReader(writer.settings) as reader:
        yield reader


async def actions(writer, reader):
    return await read_actions(reader, writer.topics)


async def copies(writer, reader):
    found = []
    async for batch in reader.read(await reader.spans([writer.topics.due])):
        found += [record_envelope(record) for record in batch]
    return found


async def test_audit_says_yes_then_no(run, writer):
    event = await writer.accept("1")
    await writer.conclude(event, Outcome.SYNCED)
    code, out, _ = await run("audit")
    assert code == 0
    assert "accepted 1 = synced 1 +" in out

    lost = await writer.accept("2", at_ms=now_ms() - HOUR_MS)
    code, out, _ = await run("audit", "--grace", "10m", "--json")
    read = orjson.loads(out)
    assert code == 1
    assert [event["event_id"] for event in read["unanswered"]] == [lost.event_id]
    assert read["total"]["pending"] == 1


@pytest.mark.proof
async def test_mistakes_are_answered_with_exit_2_and_the_fix(run):
    for arguments, hint in (
        (("audit", "--since", "soon"), "--since: 'soon' is not a time: write 2026-"),
        (("replay", "--topic", "magento.carts", "--from", "1h"), "--topic: magento.carts holds no"),
        (("replay",), "--from: say how far back"),
        (("dlq", "requeue"), "say which: give ids, a filter, or --all"),
        (("dlq", "drop", "--why", "x"), "say which: give ids or a filter"),
        (("dlq", "drop", "1-1", "--why", " "), "--why: a reason is needed"),
        (("dlq", "requeue", "--resume", "requeue-none"), "no job requeue-none"),
    ):
        code, _, err = await run(*arguments)
        assert (code, hint in err) == (2, True), (arguments, err)


async def test_trace_masks_people_and_an_unmask_is_on_record(run, writer, reader):
    event = await writer.accept("7")
    await writer.bury(event, message="bad value for ann@example.com")
    code, out, _ = await run("trace", "7")
    assert code == 0
    assert "a***@example.com" in out
    assert "ann@example.com" not in out
    code, out, _ = await run("trace", "7", "--unmask", "--json")
    assert "ann@example.com" in out
    assert [action.action for action in await actions(writer, reader)] == ["unmask"]
    assert (await run("trace", "8"))[0] == 1


async def test_dlq_list_groups_and_names_the_fix(run, writer):
    for key in ("1", "2"):
        event = await writer.accept(key)
        await writer.bury(event, code="STRING_TOO_LONG", fields=("Name",))
    code, out, _ = await run("dlq", "list")
    assert code == 0
    assert "2  STRING_TOO_LONG [Name]" in out
    assert "→ " in out
    read = orjson.loads((await run("dlq", "list", "--json"))[1])
    assert read["open"] == 2
    assert read["groups"][0]["fix"]


async def test_dlq_show_explains_one_letter_without_showing_the_person(run, writer):
    event = await writer.accept("1", {"customer_email": "ann@example.com", "grand_total": 5})
    ack = await writer.bury(event)
    code, out, _ = await run("dlq", "show", f"{ack.partition}-{ack.offset}")
    assert code == 0
    assert event.event_id in out
    assert "grand_total" in out
    assert "ann@example.com" not in out
    assert (await run("dlq", "show", "9-9"))[0] == 1


async def test_requeue_shows_a_plan_asks_and_runs(run, writer, reader):
    events = [await writer.accept(str(number)) for number in range(5)]
    for event in events:
        await writer.bury(event, code="A")
    code, _, err = await run("dlq", "requeue", "--code", "A", "--dry-run")
    assert code == 0
    assert "5 events of 5 orders" in err
    code, _, err = await run("dlq", "requeue", "--code", "A")
    assert (code, "give --yes" in err) == (2, True)
    assert await copies(writer, reader) == []

    code, out, _ = await run(
        "dlq", "requeue", "--code", "A", "--yes", "--why", "fixed", "--rate", "500", "--json"
    )
    assert code == 0
    assert orjson.loads(out)["copied"] == 5
    assert len(await copies(writer, reader)) == 5
    started, done = await actions(writer, reader)
    assert (started.action, done.action, started.why) == ("job-started", "job-done", "fixed")
    assert "@" in started.who
    assert (await run("dlq", "requeue", "--all", "--yes"))[0] == 1  # none left
    jobs = orjson.loads((await run("jobs", "--json"))[1])
    assert [(job["state"], job["done"], job["total"]) for job in jobs] == [("done", 5, 5)]


async def test_ctrl_c_stops_a_job_and_the_command_it_prints_goes_on(start, run, writer, reader):
    events = await writer.accept_many(str(number) for number in range(1, 201))
    process = await start("replay", "--from", "1h", "--run", "--rate", "60")
    line = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
    job_id = line.split()[1].rstrip(":")
    deadline = asyncio.get_running_loop().time() + 20
    while not await copies(writer, reader) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 130
    assert f"go on with: orderstream replay --resume {job_id}" in err.decode()
    assert 0 < len(await copies(writer, reader)) < 200

    code, out, _ = await run("replay", "--resume", job_id, "--json")

    assert code == 0
    assert orjson.loads(out)["done"] == 200
    published = Counter(copy.event_id for copy in await copies(writer, reader))
    assert published == Counter(event.event_id for event in events)


async def test_a_replay_is_a_dry_run_until_told(run, writer, reader):
    await writer.accept("1", {"status": "complete"})
    await writer.accept("2", {"status": "holded"})
    code, out, err = await run("replay", "--from", "1h", "--status", "holded", "--json")
    read = orjson.loads(out)
    assert code == 0
    assert (read["events"], read["scanned"], read["samples"]) == (1, 2, ["2"])
    assert "what would change cannot be shown" in err
    assert await copies(writer, reader) == []
    assert (await run("replay", "--from", "1h", "--status", "nope"))[0] == 1


async def test_drop_marks_with_a_reason(run, writer, reader):
    ack = await writer.bury(await writer.accept("1"))
    letter = f"{ack.partition}-{ack.offset}"
    code, out, _ = await run("dlq", "drop", letter, "--why", "test order", "--yes")
    assert (code, out.strip()) == (0, "dropped 1")
    (action,) = await actions(writer, reader)
    assert (action.action, action.why) == ("dlq-drop", "test order")
    assert orjson.loads((await run("dlq", "list", "--json"))[1])["open"] == 0


async def test_edit_opens_the_editor_checks_and_requeues(run, writer, reader, tmp_path):
    event = await writer.accept("1", {"status": "proccessing"})
    ack = await writer.bury(event)
    editor = tmp_path / "editor"
    editor.write_text(
        f"#!{sys.executable}\nimport sys, pathlib\np = pathlib.Path(sys.argv[1])\n"
        "p.write_text(p.read_text().replace('proccessing', 'processing'))\n"
    )
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    letter = f"{ack.partition}-{ack.offset}"
    code, _, err = await run("dlq", "edit", letter, "--why", "typo", EDITOR=str(editor))
    assert code == 0, err
    assert "changed: order.status" in err
    (copy,) = await copies(writer, reader)
    assert orjson.loads(copy.value)["order"]["status"] == "processing"
    document = decode(event.value, event=event.event)
    assert copy.corrects == save_mark(content_digest(document.entity), document.updated_at)
    assert copy.edited_at_ms > event.received_at_ms


async def test_a_reset_goes_to_the_worker_of_the_key_and_on_record(run, writer, reader):
    event = await writer.accept("1")
    code, _, err = await run("reset", event.key, "--why", "wrong clock", "--timeout", "1")
    assert code == 1, err  # no worker is there
    (reset,) = await copies(writer, reader)
    assert (reset.event, reset.key, reset.kind) == (RESET_EVENT, event.key, event.kind)
    assert reset.origin.partition == event.origin.partition
    (action,) = await actions(writer, reader)
    assert (action.action, action.why) == ("version-reset", "wrong clock")


@pytest.mark.proof
async def test_edit_refuses_what_is_no_event_and_an_editor_that_fails(run, writer, tmp_path):
    ack = await writer.bury(await writer.accept("1"))
    letter = f"{ack.partition}-{ack.offset}"
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    code, _, err = await run("dlq", "edit", letter, "--why", "x", "--from", str(bad))
    assert (code, "is not JSON" in err) == (2, True)
    code, _, err = await run("dlq", "edit", letter, "--why", "x", EDITOR="false")
    assert (code, "use --from FILE" in err) == (2, True)
    code, _, err = await run("dlq", "edit", letter, "--why", "x", EDITOR="true")
    assert (code, "nothing was changed" in err) == (1, True)


async def test_lag_tells_stop_with_exit_1_and_quiet_with_exit_0(run, writer):
    code, out, _ = await run("lag", "--json")
    assert (code, orjson.loads(out)["ok"]) == (0, True)
    await writer.accept("1")
    code, out, _ = await run("lag", "--interval", "0.5")
    assert code == 1
    assert "STOP" in out


async def test_lag_serves_metrics_until_it_is_stopped(start, writer):
    from aiohttp import ClientSession

    await writer.accept("1")
    process = await start("lag", "--serve", "--interval", "0.5")
    line = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
    url = line.split()[1]
    async with ClientSession() as client, asyncio.timeout(20):
        page = ""
        while "kafka_consumergroup_lag{" not in page:
            page = await (await client.get(url)).text()
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.wait(), 15)
    assert "orderstream_lag_state{" in page
