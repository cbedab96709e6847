"""The relay on a real broker: what its topics hold is forwarded, also when a log goes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CorruptRecordException
from aiokafka.structs import OffsetAndMetadata
from support.topic_writer import TopicWriter

from schemas.event import Envelope, Kind, Origin, new_event_id
from schemas.headers import envelope_of
from stream.config import Settings
from stream.kafka.connection import kafka_connection
from stream.kafka.log.read_log import ReadLog
from stream.kafka.publisher import Ack, Record
from stream.ops.alerts import Alert, Alerts
from stream.retry.longest_waits import LongestWaits
from stream.retry.relay import Relay
from tests.support import topics_anew

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

HOUR_MS = 3_600_000


class Outbox:
    """Takes what the relay forwards."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.relay: Relay  # who forwards here

    async def publish_all(self, records: Sequence[Record]) -> list[Ack]:
        for record in records:
            envelope = envelope_of(
                topic=record.topic,
                partition=record.partition or 0,
                offset=0,
                timestamp_ms=0,
                key=record.key,
                value=record.value,
                headers=record.headers,
            )
            self.ids.append(envelope.event_id)
        return [Ack(record.topic, record.partition or 0, 0, 0) for record in records]

    async def holds(self, wanted: Sequence[str]) -> None:
        async with asyncio.timeout(60):
            while not set(wanted) <= set(self.ids):
                await asyncio.sleep(0.05)


class Loud(Alerts):
    """Remembers which alerts were raised."""

    def __init__(self) -> None:
        super().__init__()
        self.fired: list[Alert] = []

    def fire(self, alert: Alert, detail: str) -> None:
        self.fired.append(alert)
        super().fire(alert, detail)


@asynccontextmanager
async def running(
    settings: Settings, outbox: Outbox | None = None, *, seconds_to_stop: float = 20
) -> AsyncIterator[tuple[Outbox, Loud]]:
    """A relay as its process runs it."""
    outbox, alerts, stopping = outbox or Outbox(), Loud(), asyncio.Event()
    read_log = ReadLog(settings)
    relay = Relay(
        topics=settings.topics,
        group=settings.relay_group,
        connection=kafka_connection(settings),
        publish_all=outbox.publish_all,
        read_log=read_log,
        longest=LongestWaits(settings.topics, settle_seconds=0),
    )
    outbox.relay = relay
    work = asyncio.create_task(relay.run(stopping))
    watch = asyncio.create_task(read_log.watch(alerts, relay.take_again))
    try:
        yield outbox, alerts
    finally:
        stopping.set()
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        with suppress(TimeoutError):
            await asyncio.wait_for(work, seconds_to_stop)
        await read_log.close()


async def put(
    writer: TopicWriter, topic: str, count: int, *, in_ms: int = -1000, partition: int = 0
) -> list[str]:
    """Write copies that are due in so many milliseconds, all into one partition."""
    now_ms = int(time.time() * 1000)
    ids = []
    for number in range(count):
        envelope = Envelope(
            event_id=new_event_id(now_ms),
            event="order_saved",
            kind=Kind.ORDER,
            key=f"{number}",
            received_at_ms=now_ms,
            value=b"{}",
            origin=Origin(writer.topics.orders, partition, number, now_ms),
            attempt=1,
        )
        envelope = replace(envelope, not_before_ms=now_ms + in_ms)
        await writer.copy(envelope, topic)
        ids.append(envelope.event_id)
    return ids


async def make_anew(settings: Settings, topic: str, *, keep_commits: bool = False) -> None:
    """Delete a topic and make it again; a restored or mirrored one keeps its group's commits."""
    kept = await _commits(settings, topic) if keep_commits else {}
    await topics_anew.make_anew(settings, topic)
    if kept:
        consumer = AIOKafkaConsumer(group_id=settings.relay_group, **kafka_connection(settings))
        await consumer.start()
        try:
            consumer.assign(list(kept))
            await consumer.commit(kept)
        finally:
            await consumer.stop()


async def _commits(settings: Settings, topic: str) -> dict[Any, OffsetAndMetadata]:
    admin = AIOKafkaAdminClient(**kafka_connection(settings))
    await admin.start()
    found = await admin.list_consumer_group_offsets(settings.relay_group)
    await admin.close()
    return {
        pair: OffsetAndMetadata(said.offset, said.metadata)
        for pair, said in found.items()
        if pair.topic == topic and said.offset > 0
    }


async def committed(settings: Settings, topic: str, offset: int) -> None:
    async with asyncio.timeout(30):
        while offset not in [said.offset for said in (await _commits(settings, topic)).values()]:
            await asyncio.sleep(0.05)


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(retry_delays="30s,1h")


async def test_what_is_due_is_forwarded_and_what_is_not_waits(settings, writer, topics):
    tier = settings.topics.retry_tiers[1]
    async with running(settings) as (outbox, alerts):
        due = await put(writer, tier, 3)
        await put(writer, tier, 1, in_ms=HOUR_MS)
        late = await put(writer, settings.topics.settle, 2)
        await outbox.holds([*due, *late])
        await committed(settings, tier, 3)
        assert sorted(outbox.ids) == sorted([*due, *late])
    assert not alerts.fired


async def test_a_tier_made_again_under_a_running_relay_is_read_from_its_start(
    settings, writer, topics
):
    """It grows beyond the old position before anybody looks: only its records tell."""
    tier = settings.topics.retry_tiers[0]
    async with running(settings) as (outbox, _):
        await outbox.holds(await put(writer, tier, 3))
        await committed(settings, tier, 3)
        await make_anew(settings, tier)
        await outbox.holds(await put(writer, tier, 6))


async def test_a_tier_made_again_while_the_relay_was_away_is_read_from_its_start(
    settings, writer, topics
):
    tier = settings.topics.retry_tiers[0]
    async with running(settings) as (outbox, _):
        await outbox.holds(await put(writer, tier, 3))
        await committed(settings, tier, 3)
    await make_anew(settings, tier, keep_commits=True)
    ids = await put(writer, tier, 6)
    async with running(settings) as (outbox, _):
        await outbox.holds(ids)


@pytest.mark.proof
async def test_a_relay_that_waits_for_a_head_notices_that_it_is_gone(settings, writer, topics):
    tier = settings.topics.retry_tiers[1]
    async with running(settings) as (outbox, _):
        first = await put(writer, tier, 2)
        await put(writer, tier, 1, in_ms=HOUR_MS)
        await outbox.holds(first)
        await committed(settings, tier, 2)
        await make_anew(settings, tier)
        await outbox.holds(await put(writer, tier, 4))


async def test_commits_beyond_the_end_cost_no_record(settings, writer, topics):
    tier = settings.topics.retry_tiers[0]
    async with running(settings) as (outbox, _):
        await outbox.holds(await put(writer, tier, 3))
        await committed(settings, tier, 3)
    kept = await _commits(settings, tier)
    (pair,) = kept
    consumer = AIOKafkaConsumer(group_id=settings.relay_group, **kafka_connection(settings))
    await consumer.start()
    consumer.assign([pair])
    await consumer.commit({pair: OffsetAndMetadata(500, "")})
    await consumer.stop()
    ids = await put(writer, tier, 2)
    async with running(settings) as (outbox, _):
        await outbox.holds(ids)


@pytest.mark.parametrize("which", ["fetcher", "coordination"])
async def test_a_reader_that_ended_inside_aiokafka_gives_way_to_another(
    settings, writer, topics, which
):
    """It tells nobody: the relay would poll an empty buffer for ever, and look well."""
    tier = settings.topics.retry_tiers[0]
    async with running(settings) as (outbox, _):
        await outbox.holds(await put(writer, tier, 3))
        await committed(settings, tier, 3)
        reader = outbox.relay._consumer
        tasks = {
            "fetcher": reader._fetcher.error_future,
            "coordination": reader._coordinator._coordination_task,
        }
        tasks[which].cancel()
        await outbox.holds(await put(writer, tier, 2))
        await committed(settings, tier, 5)


async def test_what_was_read_before_an_error_is_forwarded_too(settings, writer, topics):
    """An answer that does not fit its checksum: aiokafka raises, and goes on behind what it had."""
    tier = settings.topics.retry_tiers[0]
    async with running(settings) as (outbox, _):
        await outbox.holds(await put(writer, tier, 1))
        await committed(settings, tier, 1)
        reader = outbox.relay._consumer
        getmany, failed = reader.getmany, asyncio.Event()

        async def fails_once(**options: Any) -> Any:
            found = await getmany(**options)
            if found and not failed.is_set():
                failed.set()
                raise CorruptRecordException("Invalid CRC")
            return found

        reader.getmany = fails_once
        lost = await put(writer, tier, 2)
        async with asyncio.timeout(60):
            await failed.wait()
        await outbox.holds([*lost, *await put(writer, tier, 1)])
        await committed(settings, tier, 4)
