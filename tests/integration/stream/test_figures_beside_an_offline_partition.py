"""What does not answer is named and not counted; all else is told, by all that show figures."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from aiokafka.errors import KafkaError
from prometheus_client import REGISTRY
from support.topic_writer import TopicWriter, now_ms

from chaos.topic_tools import leaders
from cli.commands.lag import exit_code
from dashboard.data.overview import alerts
from sandbox.broker import Cluster
from schemas.person import Person
from stream.audit.audit import run_audit
from stream.audit.live_totals import LiveTotals
from stream.erasure.proof import prove_erasure
from stream.erasure.search import find_person
from stream.errors import BrokerError
from stream.job_service import read_jobs
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.topic_admin import TopicAdmin
from stream.lag.evaluator import LagState
from stream.lag.exporter import export
from stream.lag.sampler import LagSampler

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400), pytest.mark.proof]

LOST = 1  # broker
POLL_SECONDS = 0.5
EVENTS = 24


async def test_an_offline_partition_hides_no_other(make_settings):
    one_is_enough = {"min.insync.replicas": "1"}  # of the groups' offsets
    with Cluster.start(brokers=2, extra_properties=one_is_enough) as cluster:
        settings = make_settings(kafka_bootstrap_servers=cluster.bootstrap_servers)
        topics = settings.topics
        names = [spec.name for spec in topics.specs()]
        async with TopicAdmin(settings) as admin:
            await admin.create(topics.specs())
        async with TopicWriter(settings) as writer:
            placed = [
                (await writer.accept(str(n), at_ms=now_ms() - 90_000)).origin.partition
                for n in range(EVENTS)
            ]
        homes = {name: await leaders(settings, name) for name in names}
        lost = {n for n, broker in homes[topics.orders].items() if broker == LOST}
        assert lost
        assert lost < set(placed)

        async with LagSampler(settings) as sampler:
            before = await sampler.sample()
            assert not before.unknowns
            assert before.groups[0].lag == EVENTS

            cluster.brokers[LOST].kill()

            async def has_no_leader():
                with suppress(KafkaError):  # it may be the lost broker that is asked
                    led = await leaders(settings, topics.orders)
                    return LOST not in led.values()
                return False

            await until(has_no_leader)
            snapshot = await sampler.sample()

        unknown = {(one.topic, one.partition): one.why for one in snapshot.unknown}
        away = {
            (name, n)
            for name, led in homes.items()
            for n, broker in led.items()
            if broker == LOST and name in {*topics.sources, *topics.retry_tiers, topics.settle}
        }
        assert unknown == dict.fromkeys(away, "no leader")
        left = {p.partition: p.lag for p in snapshot.partitions if p.topic == topics.orders}
        assert left == {n: placed.count(n) for n in homes[topics.orders] if n not in lost}
        assert snapshot.groups[0].unknown
        assert exit_code(snapshot) == 1  # nobody works on the others: they are in STOP
        assert any("no leader" in line for line in alerts(None, snapshot, None))

        export(snapshot, dead_letter_topic=topics.dead_letters)
        for number in homes[topics.orders]:
            labels = {
                "consumergroup": settings.worker_group,
                "topic": topics.orders,
                "partition": str(number),
            }
            state = labels | {"state": LagState.UNKNOWN}
            assert REGISTRY.get_sample_value("orderstream_lag_state", state) == (number in lost)
            assert REGISTRY.get_sample_value("kafka_consumergroup_lag", labels) == left.get(number)

        report = await run_audit(settings, grace_seconds=3600)
        mute = {n for name in (topics.orders, topics.results) for n in unled(homes[name])}
        assert report.total.accepted == sum(n not in mute for n in placed)
        assert {f"{topics.orders}-{n}" for n in lost} <= report.unread.keys()
        assert (report.is_ok, report.problems) == (False, [])

        await check_balance_jobs_and_erasure(settings, homes, placed)
        cluster.brokers[LOST].restart()

        async def is_whole():
            return (await run_audit(settings, grace_seconds=3600)).total.accepted == EVENTS

        await until(is_whole)
        assert (await run_audit(settings, grace_seconds=3600)).is_ok


async def until(condition):
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(POLL_SECONDS)


def unled(homes):
    """Return the partitions that the lost broker had."""
    return {number for number, broker in homes.items() if broker == LOST}


async def check_balance_jobs_and_erasure(settings, homes, placed):
    jane = Person(("jane@example.com",))
    totals, (_, unread), found, proof = await asyncio.gather(
        balance_of(settings),
        read_jobs(settings),
        find_person(settings, jane),
        prove_erasure(settings, jane),
    )
    lost = unled(homes[settings.topics.orders])
    mute = lost | unled(homes[settings.topics.results])
    assert totals.balance.accepted == sum(n not in mute for n in placed)
    assert totals.refreshed_ms is None or (settings.topics.orders, min(lost)) in totals.unread
    assert bool(unread) == bool(unled(homes[settings.topics.operator_audit]))
    dark = {(name, n) for name in homes for n in unled(homes[name])}
    assert found.unread.keys() == proof.unread.keys() == dark
    assert not proof.holds


async def balance_of(settings):
    totals = LiveTotals(settings)
    async with RangeReader(settings) as reader:
        with suppress(BrokerError):  # no partition of facts answers together with its results
            await totals.refresh(reader)
    return totals
