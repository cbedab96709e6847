"""A partition of `salesforce.due` that takes nothing holds up its own retries, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from aiokafka.errors import CommitFailedError

from chaos.topic_tools import leaders, move_replicas
from sandbox.broker import Cluster
from stream.config import Settings
from stream.kafka.blocking_publish import BlockingPublish
from stream.kafka.publisher import Ack, KafkaPublisher, Record
from stream.kafka.topic_admin import TopicAdmin
from stream.ops.alerts import Alerts
from tests.integration.stream.test_relay_on_kafka import HOUR_MS, Outbox, committed, put, running
from tests.support.topic_writer import TopicWriter

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

STUCK, FREE = 0, 1  # partitions


class Blocked(Outbox):
    """An outbox whose partition STUCK takes nothing until `opened` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()
        self.tries = 0

    async def publish_all(self, records: Sequence[Record]) -> list[Ack]:
        if any(record.partition == STUCK for record in records):
            self.tries += 1
            await self.opened.wait()
        return await super().publish_all(records)


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(retry_delays="30s,1h")


async def test_the_others_are_forwarded_and_committed_meanwhile(settings, writer, topics):
    tier, other = settings.topics.retry_tiers
    async with running(settings, outbox := Blocked()):
        stuck = [*await put(writer, tier, 3), *await put(writer, other, 2)]
        await outbox.holds(await put(writer, tier, 4, partition=FREE))
        await committed(settings, tier, 4)
        await outbox.holds(await put(writer, other, 1, partition=FREE))
        await outbox.holds(await put(writer, tier, 2, partition=FREE))
        await committed(settings, tier, 6)
        behind = await put(writer, tier, 2)
        outbox.opened.set()
        await outbox.holds([*stuck, *behind])
        await committed(settings, tier, 5)
        of_the_tier = [event_id for event_id in outbox.ids if event_id in {*stuck[:3], *behind}]
        assert of_the_tier == [*stuck[:3], *behind]
        assert len(outbox.ids) == len(set(outbox.ids))


async def test_what_is_on_its_way_is_not_forwarded_again_when_partitions_are_taken_anew(
    settings, writer, topics
):
    tier = settings.topics.retry_tiers[0]
    async with running(settings, outbox := Blocked()):
        stuck = await put(writer, tier, 3)
        await put(writer, tier, 1, in_ms=HOUR_MS)
        for _ in range(3):
            await outbox.holds(await put(writer, tier, 1, partition=FREE))
            await outbox.relay.take_again()
        assert outbox.tries == 1
        outbox.opened.set()
        await outbox.holds(stuck)
        await committed(settings, tier, 3)
        assert len(outbox.ids) == len(set(outbox.ids))


async def test_a_commit_that_a_rebalance_refuses_forwards_nothing_again(settings, writer, topics):
    tier = settings.topics.retry_tiers[0]
    async with running(settings) as (outbox, _):
        await outbox.holds(await put(writer, tier, 1))
        await committed(settings, tier, 1)
        reader = outbox.relay._consumer
        commit, refused = reader.commit, asyncio.Event()

        async def refuses_once(offsets):
            if not refused.is_set():
                refused.set()
                raise CommitFailedError("the group has rebalanced")
            await commit(offsets)

        reader.commit = refuses_once
        await outbox.holds(await put(writer, tier, 3))
        await committed(settings, tier, 4)
        assert refused.is_set()
        assert len(outbox.ids) == len(set(outbox.ids))


async def test_a_stop_gives_up_what_is_on_its_way_uncommitted(settings, writer, topics):
    tier = settings.topics.retry_tiers[0]
    async with running(settings, outbox := Blocked(), seconds_to_stop=1):
        stuck = await put(writer, tier, 3)
        await outbox.holds(await put(writer, tier, 2, partition=FREE))
        await committed(settings, tier, 2)
    assert outbox.tries == 1
    async with running(settings) as (again, _):
        await again.holds(stuck)
        await committed(settings, tier, 3)
    assert again.ids == stuck


async def test_partitions_that_go_to_another_relay_meanwhile_lose_nothing(settings, writer, topics):
    tier = settings.topics.retry_tiers[0]
    async with running(settings, first := Blocked()):
        stuck = await put(writer, tier, 3)
        await first.holds(await put(writer, tier, 2, partition=FREE))
        async with running(settings, second := Blocked()):
            wanted = await put(writer, tier, 4, partition=FREE)
            async with asyncio.timeout(60):
                while not set(wanted) <= {*first.ids, *second.ids}:
                    await asyncio.sleep(0.05)
            first.opened.set()
            second.opened.set()
            async with asyncio.timeout(60):
                while not set(stuck) <= {*first.ids, *second.ids}:
                    await asyncio.sleep(0.05)
            await committed(settings, tier, 3)


@pytest.mark.proof
async def test_a_partition_whose_broker_is_away_holds_up_no_other(make_settings):
    lost, left = 1, 2
    one_is_enough = {"min.insync.replicas": "1"}  # of the group's offsets
    with Cluster.start(brokers=2, extra_properties=one_is_enough) as cluster:
        settings = make_settings(
            kafka_bootstrap_servers=cluster.bootstrap_servers, retry_delays="30s,1h"
        )
        tier, due = settings.topics.retry_tiers[0], settings.topics.due
        async with TopicAdmin(settings) as admin:
            await admin.create(settings.topics.specs())
        numbers = range(settings.kafka_partitions)
        homes = {spec.name: dict.fromkeys(numbers, left) for spec in settings.topics.specs()}
        homes[due][STUCK] = lost
        await move_replicas(
            settings, {name: {n: [b] for n, b in home.items()} for name, home in homes.items()}
        )
        async with asyncio.timeout(60):
            while {name: await leaders(settings, name) for name in homes} != homes:
                await asyncio.sleep(0.2)
        publisher = KafkaPublisher(settings)
        await publisher.start()
        publish = BlockingPublish(publisher, alerts=Alerts())

        class Real(Outbox):
            async def publish_all(self, records: Sequence[Record]) -> list[Ack]:
                await publish(records)
                return await super().publish_all(records)

        async with TopicWriter(settings) as writer, running(settings, outbox := Real()):
            await outbox.holds(await put(writer, tier, 1))
            cluster.brokers[lost].kill()
            stuck = await put(writer, tier, 3)
            for _ in range(3):
                await outbox.holds(await put(writer, tier, 4, partition=FREE))
            await committed(settings, tier, 12)
            cluster.brokers[lost].restart()
            await outbox.holds(stuck)
            await committed(settings, tier, 4)
        await publisher.stop()
