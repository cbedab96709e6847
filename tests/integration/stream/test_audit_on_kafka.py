"""The audit on a real broker: the records are written as ingress and workers would write them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from support.topic_writer import as_replay, delete_before, now_ms

from schemas.event import Kind, Via
from schemas.result import Outcome
from stream.audit.audit import run_audit
from stream.errors import BrokerError

pytestmark = pytest.mark.kafka
HOUR_MS = 3_600_000


async def test_an_empty_installation_balances(settings, topics):
    report = await run_audit(settings)
    assert report.is_ok
    assert report.total.accepted == 0


async def test_every_outcome_is_counted_once_per_topic(settings, writer):
    for position, outcome in enumerate(list(Outcome)):
        event = await writer.accept(f"1{position}")
        await writer.conclude(event, outcome, not_before_ms=now_ms() + 60_000)
    customer = await writer.accept("ann@example.com", kind=Kind.CUSTOMER)
    await writer.conclude(customer, Outcome.SYNCED)

    report = await run_audit(settings)

    orders = report.topics[settings.topics.orders]
    assert (orders.accepted, orders.synced, orders.unchanged) == (6, 1, 1)
    assert (orders.superseded, orders.dead, orders.pending, orders.waiting) == (1, 1, 2, 2)
    assert report.topics[settings.topics.customers].synced == 1
    assert report.total.line == (
        "accepted 7 = synced 2 + unchanged 1 + superseded 1 + dead 1 + pending 2"
    )
    assert report.is_ok


async def test_an_event_without_outcome_fails_only_after_the_grace_time(settings, writer):
    old = await writer.accept("old", at_ms=now_ms() - 2 * HOUR_MS)
    young = await writer.accept("young")

    report = await run_audit(settings, grace_seconds=3600)

    assert not report.is_ok
    assert (report.unanswered_count, report.overdue_count) == (2, 1)
    assert [(e.event_id, e.is_overdue) for e in report.unanswered] == [
        (old.event_id, True),
        (young.event_id, False),
    ]
    assert (await run_audit(settings, grace_seconds=3 * 3600)).is_ok


async def test_a_retry_that_never_came_back_is_overdue(settings, writer):
    lost = await writer.accept("lost")
    await writer.conclude(lost, Outcome.RETRY, not_before_ms=now_ms() - 2 * HOUR_MS)
    back = await writer.accept("back")
    await writer.conclude(back, Outcome.RETRY, not_before_ms=now_ms() - 2 * HOUR_MS)
    await writer.conclude(back, Outcome.SYNCED)

    report = await run_audit(settings, grace_seconds=3600)

    assert report.overdue_waiting == 1
    assert report.total.waiting == 1
    assert not report.is_ok


async def test_a_requeue_that_syncs_a_dead_event_moves_it(settings, writer):
    event = await writer.accept("1")
    await writer.conclude(event, Outcome.DEAD)
    requeued = as_replay(event, "job-1", Via.REQUEUE)
    await writer.conclude(requeued, Outcome.SYNCED)

    report = await run_audit(settings)

    assert (report.total.dead, report.total.synced) == (0, 1)
    assert (report.repeated, report.duplicates) == (1, 0)


async def test_a_replay_that_dies_does_not_unsync_what_salesforce_has(settings, writer):
    event = await writer.accept("1")
    await writer.conclude(event, Outcome.SYNCED)
    await writer.conclude(as_replay(event, "job-1"), Outcome.DEAD)
    assert (await run_audit(settings)).total.synced == 1


async def test_outcomes_written_twice_are_counted_as_duplicates(settings, writer):
    event = await writer.accept("1")
    for _ in range(3):
        await writer.conclude(event, Outcome.SYNCED)
    report = await run_audit(settings)
    assert (report.duplicates, report.total.synced) == (2, 1)


async def test_a_window_counts_the_events_accepted_in_it(settings, writer):
    start = now_ms() - 3 * HOUR_MS
    for hour in range(3):
        event = await writer.accept("1", at_ms=start + hour * HOUR_MS)
        await writer.conclude(event, Outcome.SYNCED, at_ms=start + hour * HOUR_MS + 50)

    report = await run_audit(settings, start + HOUR_MS, start + 2 * HOUR_MS)

    assert report.total.line.startswith("accepted 1 = synced 1 ")


async def test_events_deleted_unread_are_counted_for_ever_after(settings, writer):
    events = [await writer.accept("1") for _ in range(10)]
    partition = events[0].origin.partition
    for event in events[:4]:
        await writer.conclude(event, Outcome.SYNCED)
    await delete_before(settings, settings.topics.orders, partition, 7)
    for event in events[7:]:
        await writer.conclude(event, Outcome.SYNCED)

    report = await run_audit(settings)

    assert report.deleted_unread == 3
    assert report.total.line.startswith("accepted 3 = synced 3 ")
    assert report.problems == ["3 events were deleted by retention without an outcome"]


async def test_events_older_than_the_results_that_are_kept_are_not_judged(settings, writer):
    old = [await writer.accept("1", at_ms=now_ms() - HOUR_MS) for _ in range(3)]
    for event in old:
        await writer.conclude(event, Outcome.SYNCED, at_ms=now_ms() - HOUR_MS + 5000)
    young = await writer.accept("1")
    await writer.conclude(young, Outcome.SYNCED)
    await delete_before(settings, settings.topics.results, young.origin.partition, 2)

    report = await run_audit(settings, grace_seconds=1)

    assert report.is_ok
    assert (report.not_judged, report.total.accepted) == (3, 1)


async def test_a_strange_record_among_the_results_is_reported_not_fatal(settings, writer):
    event = await writer.accept("1")
    for value in (b"{", b"[]", b'{"outcome":"eaten"}', None):
        await writer._producer.send_and_wait(settings.topics.results, value=value, key=b"k")
    await writer.conclude(event, Outcome.SYNCED)

    report = await run_audit(settings)

    assert report.unreadable_results == 4
    assert report.total.synced == 1


async def test_offsets_taken_by_transaction_markers_are_no_events(settings, writer):
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        transactional_id=f"{settings.kafka_topic_prefix}tx",
    )
    await producer.start()
    for value in (b"1", b"2"):
        async with producer.transaction():
            await producer.send_and_wait(settings.topics.orders, value, partition=0)
    await producer.stop()

    report = await asyncio.wait_for(run_audit(settings), 10)

    assert report.total.accepted == 2


async def test_progress_reaches_the_total(settings, writer):
    events = await writer.accept_many(str(number) for number in range(1, 201))
    await asyncio.gather(*(writer.conclude(event, Outcome.SYNCED) for event in events))
    seen: list[tuple[int, int]] = []
    await run_audit(settings, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (400, 400)
    pending = [await writer.accept("late") for _ in range(10)]
    await run_audit(settings, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (400 + len(pending), 400 + len(pending))


async def test_a_missing_topic_is_named_with_the_fix(make_settings):
    settings = make_settings(kafka_topic_prefix="never-made.")
    with pytest.raises(BrokerError, match=r"never-made\.magento\.orders.*topics apply"):
        await run_audit(settings)


async def test_a_broker_that_is_away_is_named(make_settings, unused_tcp_port: Any):
    settings = make_settings(kafka_bootstrap_servers=f"127.0.0.1:{unused_tcp_port}")
    with pytest.raises(BrokerError, match=f"127.0.0.1:{unused_tcp_port} does not answer"):
        await asyncio.wait_for(run_audit(settings), 30)
