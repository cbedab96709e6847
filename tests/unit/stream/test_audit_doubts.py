"""The audit's word where logs hold what nobody expects, and where an answer is slow."""

from __future__ import annotations

import time

import orjson
import pytest
from support.silent_cluster import SETTINGS, TOPICS, Reader

from schemas.result import Outcome, Result
from stream.audit import audit
from stream.audit.audit import run_audit
from stream.audit.live_totals import BUCKET_SECONDS, LiveTotals

NOW_MS, HOUR_MS = 1_800_000_000_000, 3_600_000


@pytest.fixture
def reader(monkeypatch) -> Reader:
    reader = Reader()
    monkeypatch.setattr(audit, "PassingReader", lambda _settings: reader)
    return reader


def accept_at(reader: Reader, *times_ms: int) -> None:
    for number, at_ms in enumerate(times_ms):
        reader.accept(0, f"event {number}")
        reader.logs[TOPICS.orders, 0][-1].timestamp = at_ms


async def test_events_of_a_partition_that_the_results_lack_are_counted(reader) -> None:
    """Somebody altered both fact topics: events come in, and no worker reads them."""
    reader.accept(0, "read")
    reader.settle(0, "read")
    reader.put(TOPICS.orders, 1, b"{}")
    report = await run_audit(SETTINGS, now_ms=NOW_MS)
    assert (report.total.accepted, report.overdue_count) == (2, 1)
    assert not report.is_ok
    totals = LiveTotals(SETTINGS)
    await totals.refresh(reader)
    assert totals.balance == report.total


@pytest.mark.parametrize(
    ("ages_hours", "overdue"),
    [
        ((2, 2, 0.1), 2),
        ((-30, 2, 2, 0.1), 3),  # a clock that jumped a day ahead, for a moment
        ((2, -30, 0.1), 1),  # it may have come just before the young one
        ((2, -30, -30), 1),  # a clock that stays ahead is believed
        ((2, 0.1, 2), 1),  # a machine whose clock is behind: its neighbour says how late it is
        ((0.1, -30), 0),
    ],
)
async def test_what_has_no_outcome_is_late_by_its_time_or_by_its_place(
    reader, ages_hours, overdue
) -> None:
    accept_at(reader, *(NOW_MS - int(age * HOUR_MS) for age in ages_hours))
    report = await run_audit(SETTINGS, now_ms=NOW_MS, grace_seconds=3600)
    assert (report.unanswered_count, report.overdue_count) == (len(ages_hours), overdue)
    assert len([event for event in report.unanswered if event.is_overdue]) == overdue


SOUND = orjson.loads(
    Result(
        event_id="e",
        kind="order",
        key="1",
        outcome=Outcome.RETRY,
        origin_topic=TOPICS.orders,
        origin_partition=0,
        origin_offset=0,
        at_ms=1,
    ).to_bytes()
)
FORGED = (
    b"no json",
    b"[]",
    b"{}",
    *(
        orjson.dumps(SOUND | wrong)
        for wrong in (
            {"event_id": 7},
            {"outcome": "well"},
            {"origin_topic": []},
            {"at_ms": "now"},
            {"at_ms": 1e30},
            {"not_before_ms": "soon"},
            {"latency_ms": "long"},
            {"salesforce_ids": []},
        )
    ),
)


@pytest.mark.parametrize("value", FORGED)
async def test_what_is_no_result_ends_neither_audit_nor_dashboard(reader, value) -> None:
    reader.accept(0, "e")
    reader.put(TOPICS.results, 0, value)
    reader.settle(0, "e")
    report = await run_audit(SETTINGS, now_ms=NOW_MS)
    assert (report.unreadable_results, report.total.synced) == (1, 1)
    totals = LiveTotals(SETTINGS)
    await totals.refresh(reader)
    assert totals.balance.synced == 1
    assert len(totals.recent) == 1


async def test_results_whose_beginning_does_not_come_leave_their_events_unjudged(
    reader, monkeypatch
) -> None:
    """What retention has deleted is told by the time of the first record that is left."""
    for number in (0, 1):
        for offset in range(3):
            reader.accept(number, f"event {offset}")
            reader.settle(number, f"event {offset}", offset)
    reader.begins[TOPICS.results, 1] = 2

    async def nothing(_positions, **_options):
        return {}

    monkeypatch.setattr(reader, "first_records", nothing)
    report = await run_audit(SETTINGS, now_ms=NOW_MS)
    assert list(report.unread) == [f"{TOPICS.results}-1"]
    assert (report.total.synced, report.total.pending, report.problems) == (3, 0, [])
    assert not report.is_ok


async def test_an_outcome_of_the_future_stops_no_curve_of_the_dashboard(reader) -> None:
    """One word of a worker whose clock jumped ahead: everything since was older than the curve."""
    now_ms = int(time.time() * 1000)
    for offset, at_ms in enumerate((now_ms + 30 * 24 * HOUR_MS, now_ms)):
        reader.accept(0, f"event {offset}")
        told = SOUND | {"event_id": f"event {offset}", "origin_offset": offset, "at_ms": at_ms}
        reader.put(TOPICS.results, 0, orjson.dumps(told | {"outcome": "synced"}))
    totals = LiveTotals(SETTINGS)
    await totals.refresh(reader)
    until_ms = now_ms + 3 * BUCKET_SECONDS * 1000
    points = totals.flow.rates("out", until_ms=until_ms, buckets=10)
    assert round(sum(rate for _, rate in points) * BUCKET_SECONDS) == 2
    assert max(at for at, _ in totals.ages.points()) <= until_ms


async def test_what_workers_have_passed_without_an_outcome_is_named_with_its_places(reader) -> None:
    """An unclean election cut the results: 21 events were unanswered for ever, and no way out."""
    for number in range(6):
        reader.accept(0, f"event {number}")
    reader.settle(0, "event 2", 2)
    reader.put(TOPICS.customers, 1, b"{}")
    reader.commits = {(TOPICS.orders, 0): 5, (TOPICS.customers, 1): 0}
    report = await run_audit(SETTINGS, now_ms=NOW_MS, grace_seconds=NOW_MS)
    assert report.missing == {TOPICS.orders: {"0": [(0, 2), (3, 5)]}}
    assert (report.missing_count(TOPICS.orders), report.is_ok) == (4, False)
    reader.commits[TOPICS.orders, 0] = 7  # of the topic's former life: these are yet to be read
    assert not (await run_audit(SETTINGS, now_ms=NOW_MS)).missing
    reader.commits[TOPICS.orders, 0] = 5
    reader.cracks[TOPICS.results, 0] = (0, 1)  # their outcomes may be there
    assert not (await run_audit(SETTINGS, now_ms=NOW_MS)).missing


async def test_a_retry_that_is_long_overdue_is_in_nobodys_hands_either(reader) -> None:
    """Its tier was cut: the relay has nothing of it to forward."""
    reader.accept(0, "event 0")
    told = SOUND | {"event_id": "event 0", "not_before_ms": NOW_MS - 2 * HOUR_MS}
    reader.put(TOPICS.results, 0, orjson.dumps(told))
    reader.commits = {(TOPICS.orders, 0): 1}
    report = await run_audit(SETTINGS, now_ms=NOW_MS, grace_seconds=3600)
    assert report.missing == {TOPICS.orders: {"0": [(0, 1)]}}
    assert not (await run_audit(SETTINGS, now_ms=NOW_MS, grace_seconds=10_800)).missing
    reader.put(TOPICS.settle, 0, b"{}")  # the relay has not come to it: it may be this one
    assert not (await run_audit(SETTINGS, now_ms=NOW_MS, grace_seconds=3600)).missing


async def test_a_retry_that_comes_back_while_the_audit_reads_is_not_lost(
    reader, monkeypatch
) -> None:
    """The relay was away and has begun again: its tier was empty when the results were read."""
    reader.accept(0, "event 0")
    told = SOUND | {"event_id": "event 0", "not_before_ms": NOW_MS - 2 * HOUR_MS}
    reader.put(TOPICS.results, 0, orjson.dumps(told))
    reader.put(TOPICS.settle, 0, b"{}")
    reader.commits = {(TOPICS.orders, 0): 1}
    read = reader.read

    async def read_while_it_is_done(spans):
        async for batch in read(spans):
            yield batch
        if any(span.topic == TOPICS.results for span in spans):
            reader.commits[TOPICS.settle, 0] = 1
            reader.settle(0, "event 0")

    monkeypatch.setattr(reader, "read", read_while_it_is_done)
    report = await run_audit(SETTINGS, now_ms=NOW_MS, grace_seconds=3600)
    assert (report.overdue_waiting, report.missing) == (1, {})


async def test_who_was_sent_again_is_in_the_hands_of_the_workers(reader) -> None:
    """The second audit named the command once more, and it sent them all a second time."""
    for number in range(3):
        reader.accept(0, f"event {number}")
    reader.commits = {(TOPICS.orders, 0): 3, (TOPICS.due, 0): 1}
    for offset in (0, 1):
        origin = {"origin-topic": TOPICS.orders, "origin-partition": 0, "origin-offset": offset}
        headers = [(name, str(value).encode()) for name, value in origin.items()]
        reader.put(TOPICS.due, 0, b"{}", headers=headers)
    report = await run_audit(SETTINGS, now_ms=NOW_MS)
    assert report.missing == {TOPICS.orders: {"0": [(0, 1), (2, 3)]}}
    assert report.unanswered_count == 3
