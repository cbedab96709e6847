"""A client whose known brokers are all gone finds the cluster by the addresses that it was given."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import BrokerMetadata

from sandbox.ports import free_ports
from stream.kafka import known_brokers
from stream.kafka.connection import kafka_connection

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(60)]


async def test_brokers_that_have_all_gone_are_looked_for_by_the_configured_addresses(settings):
    """The last metadata named one broker, and that one has moved."""
    consumer = AIOKafkaConsumer(**kafka_connection(settings), retry_backoff_ms=50)
    async with consumer:
        client = consumer._client
        (gone,) = free_ports(1)
        client.cluster._brokers = {7: BrokerMetadata(7, "127.0.0.1", gone, None)}
        while not await client.force_metadata_update():
            await asyncio.sleep(0.05)
        assert 7 not in {broker.nodeId for broker in client.cluster.brokers()}


async def test_a_cluster_that_is_away_is_asked_for_at_its_addresses_now_and_then(
    settings, monkeypatch
):
    """aiokafka asks ten times a second, and each time a line in the log says so."""
    monkeypatch.setattr(known_brokers, "LEAST_SECONDS_APART", 3600.0)
    consumer = AIOKafkaConsumer(**kafka_connection(settings), retry_backoff_ms=20)
    async with consumer:
        client = consumer._client
        gone, nowhere = free_ports(2)
        client.cluster._brokers = {7: BrokerMetadata(7, "127.0.0.1", gone, None)}
        client._bootstrap_servers, asked = f"127.0.0.1:{nowhere}", []
        bootstrap = client.bootstrap

        async def counted():
            asked.append(1)
            await bootstrap()

        client.bootstrap = counted
        for _ in range(10):
            assert not await client.force_metadata_update()
        assert len(asked) == 1
