"""What the cluster says of itself: brokers, controller, replicas, and where clients are sent.

Asked over one connection to a bootstrap address, so that it works while most of the cluster is
down, and when no advertised address can be reached: those are questions, not conditions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from agents.doctor.broker_clock import controller_time_ms
from stream.config import Settings
from stream.errors import BrokerError, SettingsError
from stream.kafka.connection import kafka_connection
from stream.kafka.consumer_groups import committed_readings
from stream.kafka.log.position import find_gone_back
from stream.kafka.log.range_reader import RangeReader

ASK_SECONDS = 10.0
CONNECT_SECONDS = 3.0
OFFSETS_TOPIC = "__consumer_offsets"


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """A partition: broker ids. `leader` is -1 without one."""

    topic: str
    number: int
    leader: int
    replicas: tuple[int, ...]
    insync: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """`problem` is why nothing is known. `unreachable`: broker id → address and why.

    `gone_back`: what is to say of committed offsets that their logs do not bear out.
    `ahead_ms`: how far this machine's clock is ahead of the controller's.
    """

    problem: str = ""
    brokers: Mapping[int, str] = field(default_factory=dict)
    controller: int = -1
    partitions: tuple[PartitionFacts, ...] = ()
    unreachable: Mapping[int, str] = field(default_factory=dict)
    gone_back: tuple[str, ...] | None = None
    ahead_ms: int | None = None


async def gather_cluster(settings: Settings) -> ClusterFacts:
    """Ask any bootstrap address that answers; never raises for what is wrong with the cluster."""
    if not settings.kafka_bootstrap_servers:
        return ClusterFacts(problem="KAFKA_BOOTSTRAP_SERVERS is missing")
    answer, ahead_ms, problem = None, None, ""
    for address in settings.kafka_bootstrap_servers.split(","):
        try:
            async with asyncio.timeout(ASK_SECONDS):
                answer, ahead_ms = await _metadata(settings, address.strip())
            break
        except (KafkaError, SettingsError, OSError, TimeoutError, ValueError) as error:
            problem += f"{address.strip()}: {str(error) or type(error).__name__}; "
    if answer is None:
        return ClusterFacts(problem=problem.rstrip("; "))
    brokers = {broker["node_id"]: (broker["host"], broker["port"]) for broker in answer["brokers"]}
    return ClusterFacts(
        brokers={number: f"{host}:{port}" for number, (host, port) in brokers.items()},
        controller=answer.get("controller_id", -1),
        partitions=_partitions(settings, answer["topics"]),
        unreachable=await _unreachable(brokers),
        gone_back=await _gone_back(settings),
        ahead_ms=ahead_ms,
    )


async def _metadata(settings: Settings, address: str) -> tuple[dict[str, Any], int | None]:
    """Return what the cluster is, and how far our clock is ahead of its controller's."""
    options = kafka_connection(settings)
    del options["bootstrap_servers"], options["connections_max_idle_ms"]  # a client's, not one's
    host, _, port = address.rpartition(":")
    connection = await create_conn(
        host, int(port), request_timeout_ms=int(ASK_SECONDS * 1000), **options
    )
    try:
        # All topics: asking for a missing one by name would create it on some clusters.
        answer: Any = await connection.send(MetadataRequest(None))
        theirs = await controller_time_ms(connection)
        ahead = None if theirs is None else time.time_ns() // 1_000_000 - theirs
        return dict(answer.to_object()), ahead
    finally:
        connection.close()


def _partitions(settings: Settings, topics: list[dict[str, Any]]) -> tuple[PartitionFacts, ...]:
    wanted = {OFFSETS_TOPIC, *(spec.name for spec in settings.topics.specs())}
    return tuple(
        PartitionFacts(
            topic["topic"],
            part["partition"],
            part["leader"],
            tuple(part["replicas"]),
            tuple(part["isr"]),
        )
        for topic in topics
        if topic["topic"] in wanted
        for part in topic["partitions"]
    )


async def _unreachable(brokers: Mapping[int, tuple[str, int]]) -> dict[int, str]:
    """Connect to every address that clients are sent to."""

    async def reach(host: str, port: int) -> str:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(host, port)
            writer.close()
        except TimeoutError:
            return f"{host}:{port} does not answer within {CONNECT_SECONDS:.0f} s"
        except OSError as error:
            return f"{host}:{port}: {error.strerror or error}"
        return ""

    found = await asyncio.gather(*(reach(*address) for address in brokers.values()))
    return {number: why for number, why in zip(brokers, found, strict=True) if why}


async def _gone_back(settings: Settings) -> tuple[str, ...] | None:
    """Compare what the groups have committed with their logs; None when it cannot be asked.

    What went back is said, also where other partitions are silent.
    """
    said: list[str] = []
    silent: set[tuple[str, int]] = set()
    try:
        async with asyncio.timeout(3 * ASK_SECONDS), RangeReader(settings) as reader:
            for group in (settings.worker_group, settings.relay_group):
                readings = await committed_readings(settings, group)
                there = set(await reader.topics_starting(settings.kafka_topic_prefix))
                known = {place: read for place, read in readings.items() if place[0] in there}
                compared = await find_gone_back(reader, known)
                said += [f"{group}: {item.sentence}" for item in compared.gone.values()]
                silent |= compared.silent.keys()
    except (BrokerError, KafkaError, OSError, TimeoutError):
        return None
    return None if silent and not said else tuple(said)
