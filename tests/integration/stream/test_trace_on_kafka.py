"""Trace on a real broker: the whole life of one order, and nothing of any other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.topic_writer import as_replay, now_ms

from schemas.event import ErrorInfo, Kind, Via, new_event_id
from schemas.operator import Mark, Resolution
from schemas.result import Outcome
from stream.audit.signing_keys import keys_used
from stream.audit.trace import run_trace
from stream.audit.trace_rows import TraceStep
from stream.kafka.publisher import Record

pytestmark = pytest.mark.kafka

DAY_MS = 86_400_000
KEY = "000000123"
IDS = {"Account": "001000000000001AAA", "Opportunity": "006000000000001AAA"}


async def live_a_life(writer):
    """Delivered, failed, waited, due again, dead, requeued, synced; and a second delivery."""
    start = now_ms() - 60_000
    event = await writer.accept(KEY, {"entity_id": 4711}, at_ms=start)
    error = ErrorInfo("lock", "UNABLE_TO_LOCK_ROW", "locked for ann@example.com", ("AccountId",))
    failed = replace(event, attempt=1, error=error, not_before_ms=start + 30_000)
    tier = writer.topics.retry_tiers[0]
    await writer.conclude(
        failed,
        Outcome.RETRY,
        at_ms=start + 100,
        retry_topic=tier,
        not_before_ms=start + 30_000,
        error_kind=error.kind,
        error_code=error.code,
        error_message=error.message,
        error_fields=list(error.fields),
    )
    await writer.copy(failed, tier, at_ms=start + 110)
    await writer.copy(failed, writer.topics.due, at_ms=start + 30_001)
    dead = await writer.bury(failed, at_ms=start + 31_000)
    requeued = as_replay(event, "requeue-1", Via.REQUEUE)
    await writer.copy(requeued, writer.topics.due, at_ms=start + 40_000)
    mark = Mark(Resolution.REQUEUED, (dead.offset, 999), start + 40_001, "ann@desk", "fixed it")
    await writer.publish(
        Record(
            writer.topics.dead_letters, None, mark.to_bytes(), mark.headers, event.origin.partition
        ),
        timestamp_ms=start + 40_001,
    )
    await writer.conclude(
        requeued, Outcome.SYNCED, at_ms=start + 41_000, salesforce_ids=IDS, created=["Opportunity"]
    )
    await writer.remember(event, entity_id="4711", ids=IDS, first_seen_ms=start)
    second = await writer.accept(KEY, {"entity_id": 4711}, at_ms=start + 50_000)
    return event, second


async def other_lives(writer):
    for number in range(50):
        other = await writer.accept(f"other-{number}", {"entity_id": 5000 + number})
        await writer.conclude(other, Outcome.SYNCED)
        await writer.remember(other, entity_id=str(5000 + number))


LIFE = [
    (TraceStep.DELIVERED, ""),
    (TraceStep.OUTCOME, "retry"),
    (TraceStep.WAITS, ""),
    (TraceStep.DUE, ""),
    (TraceStep.OUTCOME, "dead"),
    (TraceStep.DEAD_LETTER, ""),
    (TraceStep.REQUEUED, ""),
    (TraceStep.RESOLVED, ""),
    (TraceStep.OUTCOME, "synced"),
    (TraceStep.DELIVERED, ""),
]


async def test_an_order_number_tells_the_whole_life_in_order(settings, writer):
    await other_lives(writer)
    event, _ = await live_a_life(writer)

    life = await run_trace(settings, KEY)

    assert [(row.step, row.outcome) for row in life.rows] == LIFE
    assert life.salesforce_ids == IDS
    assert life.deliveries == 2
    delivered, retried, waits, *_ = life.rows
    assert (delivered.more["signature_key"], delivered.more["sender"]) == ("1", "hmac")
    assert delivered.place.endswith(f"{event.origin.partition}@{event.origin.offset}")
    assert retried.text.startswith("UNABLE_TO_LOCK_ROW [AccountId]: locked")
    assert waits.attempt == 1
    assert life.rows[6].job_id == "requeue-1"
    assert life.rows[7].text == "requeued by ann@desk: fixed it"


async def test_entity_id_and_event_id_lead_to_the_same_life(settings, writer):
    await other_lives(writer)
    _, second = await live_a_life(writer)

    by_entity = await run_trace(settings, "4711")
    by_event = await run_trace(settings, second.event_id)

    assert by_entity.key == by_event.key == KEY
    assert [(row.step, row.outcome) for row in by_entity.rows] == LIFE
    assert [(row.step, row.outcome) for row in by_event.rows] == LIFE
    assert by_event.event_id == second.event_id


async def test_only_the_keys_partition_is_read_and_only_since_it_is_known(settings, writer):
    event = await writer.accept(KEY)
    old = now_ms() - 10 * DAY_MS
    for number in range(100):
        await writer.publish(
            Record(writer.topics.results, b"x", b"{}", partition=number % 4), timestamp_ms=old
        )
    await writer.conclude(event, Outcome.SYNCED)
    await writer.remember(event, first_seen_ms=event.received_at_ms)

    life = await run_trace(settings, KEY)

    assert [row.outcome for row in life.rows] == ["", "synced"]
    assert life.records_read == 3  # state, event, outcome


async def test_a_failure_hours_before_the_first_write_is_part_of_the_life(settings, writer):
    early = await writer.accept(KEY, at_ms=now_ms() - DAY_MS // 2)
    await writer.bury(early, at_ms=now_ms() - DAY_MS // 2 + 500)
    late = await writer.accept(KEY)
    await writer.conclude(late, Outcome.SYNCED)
    await writer.remember(late, first_seen_ms=late.received_at_ms)

    life = await run_trace(settings, KEY)

    assert [row.outcome or row.step.value for row in life.rows] == [
        "delivered",
        "dead",
        "dead letter",
        "delivered",
        "synced",
    ]


async def test_an_order_without_state_is_found(settings, writer):
    await writer.accept(KEY)
    assert [row.step for row in (await run_trace(settings, KEY)).rows] == [TraceStep.DELIVERED]


async def test_an_email_address_traces_the_customer_whatever_its_case(settings, writer):
    event = await writer.accept("ann@example.com", kind=Kind.CUSTOMER)
    await writer.conclude(event, Outcome.SYNCED)
    life = await run_trace(settings, "Ann@Example.com")
    assert [row.outcome for row in life.rows] == ["", "synced"]
    assert life.kind is Kind.CUSTOMER


async def test_an_instance_prefix_is_added_for_the_person_on_the_phone(make_settings, writer):
    await writer.accept(f"shop1:{KEY}")
    life = await run_trace(make_settings(magento_instance="shop1"), KEY)
    assert (life.key, life.deliveries) == (f"shop1:{KEY}", 1)


async def test_an_event_whose_record_was_deleted_is_found_by_its_outcome(settings, writer):
    event = replace(await writer.accept(KEY), event_id=new_event_id(now_ms()))
    await writer.conclude(event, Outcome.SYNCED)
    life = await run_trace(settings, event.event_id)
    assert life.key == KEY
    assert [row.outcome for row in life.rows] == ["", "synced"]


async def test_an_unknown_target_gives_an_empty_life(settings, topics):
    assert (await run_trace(settings, "999")).rows == []
    assert (await run_trace(settings, new_event_id(now_ms()))).rows == []


async def test_a_wait_in_a_retry_tier_of_the_past_is_part_of_the_life(make_settings, writer):
    event = await writer.accept(KEY)
    failed = replace(event, attempt=1, not_before_ms=now_ms())
    await writer.copy(failed, writer.topics.retry_tiers[1])
    life = await run_trace(make_settings(retry_delays="45s"), KEY)
    assert [row.step for row in life.rows] == [TraceStep.DELIVERED, TraceStep.WAITS]


async def test_which_keys_signed_and_when_last(settings, writer):
    start = now_ms() - 60_000
    for number, key in enumerate(("2-old", "2-old", "1-new", "")):
        at_ms = start + number * 1_000
        await writer.accept(f"{number}", at_ms=at_ms, signature_key=key)
    used = {use.key: use for use in await keys_used(settings)}
    assert set(used) == {"2-old", "1-new"}
    old = used["2-old"]
    assert (old.events, old.first_ms, old.last_ms) == (2, start, start + 1_000)
