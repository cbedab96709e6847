"""A machine that fails sends no reset: its connections stay, and carry nothing."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.conn import create_conn
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest
from aiokafka.protocol.metadata import MetadataRequest

from chaos.links import Links
from sandbox.ports import HOST
from stream.kafka import prompt_connection
from stream.kafka.connection import kafka_connection

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(60)]

LONG_MS = 90_000  # a worker's: a join lasts as long as a rebalance
BROKER = 1


@pytest.fixture
async def links(settings, monkeypatch):
    """A way to the broker that falls silent by `hush`; yields it with its port."""
    monkeypatch.setattr(prompt_connection, "ANSWER_SECONDS", 0.3)
    kafka_connection(settings)
    port = int(settings.kafka_bootstrap_servers.rpartition(":")[2])
    async with Links() as links:
        yield links, await asyncio.to_thread(links.add, BROKER, port)


@pytest.mark.parametrize("question", [MetadataRequest([]), HeartbeatRequest("group", 1, "member")])
async def test_a_small_question_is_given_up_with_its_connection(links, question):
    way, port = links
    connection = await create_conn(HOST, port, request_timeout_ms=LONG_MS)
    way.hush(BROKER)
    with pytest.raises(TimeoutError):
        await connection.send(question)
    assert not connection.connected(), "it would be asked again"
    way.heal()


async def test_a_join_has_all_the_time_that_it_had(links):
    way, port = links
    connection = await create_conn(HOST, port, request_timeout_ms=1_500)
    way.hush(BROKER)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await connection.send(JoinGroupRequest("group", 10_000, 60_000, "", None, "consumer", []))
    assert time.monotonic() - began > 1
    connection.close()
    way.heal()


async def test_whoever_connects_is_not_held_for_long_by_one_that_says_nothing(links):
    way, port = links
    way.hush(BROKER)
    with pytest.raises(TimeoutError):
        await create_conn(HOST, port, request_timeout_ms=LONG_MS)
    way.heal()


async def test_whose_connection_fell_silent_finds_the_cluster_by_another(links, settings):
    """A third of all metadata was asked there, for ninety seconds each; nobody saw new leaders."""
    way, port = links
    options = kafka_connection(settings) | {"bootstrap_servers": f"{HOST}:{port}"}
    async with AIOKafkaConsumer(**options, request_timeout_ms=LONG_MS) as consumer:
        client = consumer._client
        silent = await create_conn(HOST, port, request_timeout_ms=LONG_MS)
        (node,) = {broker.nodeId for broker in client.cluster.brokers()}
        client._conns = {(node, group): silent for (_, group) in client._conns} or {
            (node, 0): silent
        }
        way.hush(BROKER)
        async with asyncio.timeout(20):
            while not await client.force_metadata_update():
                await asyncio.sleep(0.05)
        way.heal()
