"""The audit on a real broker whose logs were cut, made again or mirrored."""

from __future__ import annotations

import pytest
from support.topic_writer import delete_before

from chaos.balance import count_topics
from schemas.headers import headers_of
from schemas.result import Outcome
from stream.audit.audit import run_audit
from stream.audit.live_totals import LiveTotals
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.publisher import Record
from tests.support.topics_anew import make_anew

pytestmark = pytest.mark.kafka


async def both_balances(settings):
    """The audit's and the dashboard's balance, which must be one, and the judge's own."""
    report = await run_audit(settings)
    totals = LiveTotals(settings)
    async with RangeReader(settings) as reader:
        await totals.refresh(reader)
    assert totals.balance == report.total
    recount = await count_topics(settings)
    assert {name: getattr(report.total, name) for name in recount} == dict(recount)
    return report


async def again(writer, envelope):
    """The same event in the log once more, as a mirror or a restore brings it back."""
    record = Record(
        writer.topics.orders, envelope.key.encode(), envelope.value, headers_of(envelope)
    )
    return await writer.publish(record, timestamp_ms=envelope.received_at_ms)


async def test_outcomes_of_another_life_of_the_topic_prove_nothing(settings, writer):
    """Deleted and made again: the same offsets, other events, of which nobody has read one."""
    old = [await writer.accept("1") for _ in range(20)]
    for event in old:
        await writer.conclude(event, Outcome.SYNCED)
    await make_anew(settings, settings.topics.orders)
    for _ in range(30):
        await writer.accept("1")

    report = await both_balances(settings)

    assert (report.total.accepted, report.total.synced, report.total.pending) == (30, 0, 30)
    assert report.outcomes_of_others == 20


async def test_a_cut_log_counts_what_is_in_it(settings, writer):
    """As after an unclean election: a head that stayed, a tail of others at the old offsets."""
    old = [await writer.accept("1") for _ in range(20)]
    for event in old:
        await writer.conclude(event, Outcome.SYNCED)
    await make_anew(settings, settings.topics.orders)
    for event in old[:12]:
        await again(writer, event)
    new = [await writer.accept("1") for _ in range(6)]
    await writer.conclude(new[0], Outcome.UNCHANGED)

    report = await both_balances(settings)

    assert report.total.line == (
        "accepted 18 = synced 12 + unchanged 1 + superseded 0 + dead 0 + pending 5"
    )
    assert report.outcomes_of_others == 8  # six offsets hold others, two are beyond the end
    assert [event.event_id for event in report.unanswered] == [e.event_id for e in new[1:]]


async def test_a_mirrored_topic_keeps_its_outcomes_at_other_offsets(settings, writer):
    old = [await writer.accept("1") for _ in range(10)]
    await delete_before(settings, settings.topics.orders, old[0].origin.partition, 4)
    for event in old[4:]:
        await writer.conclude(event, Outcome.SYNCED)
    await make_anew(settings, settings.topics.orders)
    for event in old[4:]:
        await again(writer, event)

    report = await both_balances(settings)

    assert (report.total.synced, report.total.pending, report.moved) == (6, 0, 6)


async def test_a_dashboard_follows_a_topic_that_is_made_again(settings, writer):
    totals = LiveTotals(settings)
    for event in [await writer.accept("1") for _ in range(20)]:
        await writer.conclude(event, Outcome.SYNCED)
    async with RangeReader(settings) as reader:
        await totals.refresh(reader)
        assert totals.balance.synced == 20
        await make_anew(settings, settings.topics.orders)
        for _ in range(25):
            await writer.accept("1")
        await totals.refresh(reader)
    assert (totals.balance.accepted, totals.balance.synced) == (25, 0)
