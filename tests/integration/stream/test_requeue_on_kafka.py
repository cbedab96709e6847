"""Requeue, drop and edit on a real broker: every dead letter once, whatever happens in between."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from support.requeue_desk import Desk, bury_many, desk
from support.topic_writer import now_ms

from schemas.event import Via
from schemas.operator import source_of_copy
from stream.dlq.index import LetterFilter, read_letter
from stream.dlq.resolutions import drop_letters
from stream.errors import JobError, PublishError
from stream.jobs.runner import JobRun
from stream.jobs.spec import find_job, list_jobs
from stream.kafka.publisher import KafkaPublisher

__all__ = ["desk"]

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).parents[3]


async def test_letters_are_grouped_by_code_and_field_with_counts_and_times(desk, writer):
    early, late = now_ms() - 60_000, now_ms() - 1000
    first = await writer.accept("1", {"store_id": 1})
    await writer.bury(first, code="STRING_TOO_LONG", fields=("Name",), at_ms=early)
    second = await writer.accept("2", {"store_id": 2})
    await writer.bury(second, code="STRING_TOO_LONG", fields=("Name",), at_ms=late)
    third = await writer.accept("3", {"store_id": 2})
    await writer.bury(third, code="STRING_TOO_LONG", fields=("Description",))
    await desk.index.refresh()

    groups = desk.index.groups()

    assert [(g.code, g.field, g.count, g.orders) for g in groups] == [
        ("STRING_TOO_LONG", "Name", 2, 2),
        ("STRING_TOO_LONG", "Description", 1, 1),
    ]
    assert (groups[0].first_ms, groups[0].last_ms) == (early, late)
    keys = lambda **wanted: [x.key for x in desk.index.letters(LetterFilter(**wanted))]  # noqa: E731
    assert keys(store="1") == ["1"]
    assert keys(field="Description") == ["3"]
    assert keys(key="2") == ["2"]
    assert keys(since_ms=early + 1, until_ms=late + 1) == ["2"]
    assert keys(code="OTHER") == []


async def test_a_payload_that_is_no_json_is_still_a_letter(desk, writer):
    event = await writer.accept("1", value=b"\xff not json")
    ack = await writer.bury(event, code="UNDECODABLE", fields=())
    await desk.index.refresh()
    (letter,) = desk.index.letters()
    assert (letter.id, letter.store, letter.code) == (
        f"{ack.partition}-{ack.offset}",
        "",
        "UNDECODABLE",
    )
    read = await read_letter(desk.settings, desk.reader, letter)
    assert read.value == b"\xff not json"


async def test_requeue_publishes_each_event_once_and_closes_its_letters(desk, writer):
    events = await bury_many(writer, 50)
    await writer.bury(events[0])  # redelivered after a crash: a second letter of one event
    await desk.index.refresh()

    report = await desk.run(await desk.new())

    assert (report.copied, report.total, report.is_stopped) == (50, 50, False)
    copies = await desk.copies()
    assert Counter(c.event_id for c in copies) == Counter(e.event_id for e in events)
    by_id = {event.event_id: event for event in events}
    for copy in copies:
        event = by_id[copy.event_id]
        assert (copy.value, copy.origin, copy.key) == (event.value, event.origin, event.key)
        assert (copy.via, copy.attempt, copy.error) == (Via.REQUEUE, 0, None)
        assert copy.job_id == report.job_id
    for record in await desk.read(desk.topics.due):
        assert record.partition == source_of_copy(record.headers)[1]
    await desk.index.refresh()
    assert len(desk.index) == 0


async def test_only_what_fits_the_filter_goes_and_a_limit_holds(desk, writer):
    await bury_many(writer, 20)
    other = await writer.accept("other")
    await writer.bury(other, code="OTHER")
    await desk.index.refresh()
    wanted = LetterFilter(code="FIELD_CUSTOM_VALIDATION_EXCEPTION")

    report = await desk.run(await desk.new(wanted, limit=5))

    assert report.copied == 5
    await desk.index.refresh()
    assert len(desk.index) == 16


async def test_a_stopped_job_resumes_and_every_event_goes_once(desk, writer):
    events = await bury_many(writer, 60)
    await desk.index.refresh()
    spec = await desk.new(rate=100.0)
    stop = asyncio.Event()
    first = await desk.run(
        spec, stop=stop, on_progress=lambda report: report.copied >= 20 and stop.set()
    )
    assert first.is_stopped
    assert 20 <= first.copied < 60

    again = await find_job(desk.settings, desk.reader, spec.job_id)
    second = await desk.run(again)

    assert (second.found, second.copied) == (first.copied, 60 - first.copied)
    copies = await desk.copies()
    assert Counter(c.event_id for c in copies) == Counter(e.event_id for e in events)
    ((job,), _) = await list_jobs(desk.settings, desk.reader)
    assert [action.action for action in job] == [
        "job-started",
        "job-stopped",
        "job-started",
        "job-done",
    ]
    assert {action.who for action in job} == {"ann@desk"}


async def test_copies_without_a_mark_are_found_and_only_marked(desk, writer, monkeypatch):
    events = await bury_many(writer, 12)
    await desk.index.refresh()
    spec = await desk.new()
    publish = writer.publish

    async def dies_at_the_mark(record, **more):
        if dict(record.headers).get("mark"):
            raise PublishError("killed here")
        return await publish(record, **more)

    monkeypatch.setattr(writer, "publish", dies_at_the_mark)
    with pytest.raises(PublishError):
        await desk.run(spec)
    monkeypatch.undo()

    report = await desk.run(await find_job(desk.settings, desk.reader, spec.job_id))

    assert report.done == 12
    assert len(await desk.copies()) == len(events)
    await desk.index.refresh()
    assert len(desk.index) == 0


async def test_refused_copies_are_looked_for_before_they_are_sent_again(desk, writer, monkeypatch):
    """An answer that says no does not prove that nothing is there."""
    await bury_many(writer, 10)
    await desk.index.refresh()
    monkeypatch.setattr("stream.jobs.runner.AMBIGUOUS_SECONDS", 0.05)
    publish_each = writer.publish_each
    calls = []

    async def lies_once(records):
        answers = await publish_each(records)
        calls.append(len(records))
        return [PublishError("no word") for _ in answers] if len(calls) == 1 else answers

    monkeypatch.setattr(writer, "publish_each", lies_once)

    report = await desk.run(await desk.new())

    assert report.done == 10
    assert len(await desk.copies()) == 10


async def test_letters_that_somebody_resolved_meanwhile_are_left_alone(desk, writer, monkeypatch):
    await bury_many(writer, 10)
    await desk.index.refresh()
    monkeypatch.setattr("stream.dlq.requeue.REFRESH_SECONDS", 0.0)
    spec = await desk.new()
    dropped = list(desk.index.letters())[:4]
    begin = JobRun.begin

    async def somebody_else_drops(run):
        await begin(run)
        await desk.index.refresh()
        await drop_letters(desk.settings, desk.log, dropped, why="test orders")

    monkeypatch.setattr(JobRun, "begin", somebody_else_drops)
    await desk.index.refresh()

    report = await desk.run(spec)

    assert report.copied == 6
    assert len(await desk.copies()) == 6


async def test_a_letter_that_dies_again_is_open_again(desk, writer):
    (event,) = await bury_many(writer, 1)
    await desk.index.refresh()
    await desk.run(await desk.new())
    (copy,) = await desk.copies()
    await writer.bury(copy)
    await desk.index.refresh()
    (letter,) = desk.index.letters()
    assert letter.event_id == event.event_id


async def test_a_job_waits_while_the_workers_are_behind(desk, writer):
    await bury_many(writer, 5)
    await desk.index.refresh()
    stop = asyncio.Event()
    seen: list[str] = []

    def watch(report):
        seen.append(report.waiting)
        if report.waiting:
            stop.set()

    report = await desk.run(await desk.new(), stop=stop, on_progress=watch, max_backlog=3)

    assert "workers are 5 events behind" in seen
    assert report.is_stopped


async def test_an_unknown_job_is_named(desk):
    with pytest.raises(JobError, match="no job requeue-nothing"):
        await find_job(desk.settings, desk.reader, "requeue-nothing")


KILLED = """
    import asyncio, sys
    sys.path[:0] = [{root!r}, {tests!r}]
    from stream.config import load_settings
    from stream.kafka.publisher import KafkaPublisher
    from support.requeue_desk import Desk

    async def main():
        settings = load_settings(env_file=None, kafka_bootstrap_servers={servers!r},
            kafka_topic_prefix={prefix!r}, kafka_partitions=4,
            operator_signing_key={key!r})
        publisher = KafkaPublisher(settings)
        await publisher.start()
        async with Desk(settings, publisher) as desk:
            spec = await desk.new(rate=400.0)
            print(spec.job_id, flush=True)
            await desk.run(spec, on_progress=lambda report: print(report.copied, flush=True))

    asyncio.run(main())
"""


async def test_kill_9_at_37_percent_and_a_second_run_give_exactly_n_effects(
    settings, writer, tmp_path
):
    total = 400
    events = await bury_many(writer, total)
    script = tmp_path / "requeue.py"
    names = {
        "root": str(ROOT),
        "tests": str(ROOT / "tests"),
        "servers": settings.kafka_bootstrap_servers,
        "prefix": settings.kafka_topic_prefix,
        "key": settings.operator_signing_key.get_secret_value(),
    }
    script.write_text(textwrap.dedent(KILLED).format(**names))
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    try:
        lines = iter(process.stdout.readline, "")
        job_id = next(lines).strip()
        copied = next(int(line) for line in lines if int(line) >= total * 37 // 100)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert copied < total

    publisher = KafkaPublisher(settings)
    await publisher.start()
    async with Desk(settings, publisher) as desk:
        report = await desk.run(await find_job(settings, desk.reader, job_id))
        copies = await desk.copies()
        await desk.index.refresh()
        assert len(desk.index) == 0
    await publisher.stop()

    assert report.found >= copied
    assert report.copied == total - report.found > 0
    assert Counter(c.event_id for c in copies) == Counter(e.event_id for e in events)
