"""Where logs begin and end, asked of their leaders: an answer within seconds, or why there is none.

A reader waits for an end that it was told. That end never comes when the log is cut meanwhile
(unclean election, restore, a topic made again), and nobody tells it while a partition has no
leader. aiokafka waits 40 s for all partitions together and then names none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.errors import BrokerError, LogCutError, NoLeaderError
from stream.kafka.any_records import UnreadableError
from stream.kafka.error_text import RESOURCES, error_text

EDGE_SECONDS = 15.0  # an election takes less: a broker is missed after 9
NO_LEADER = -1


@dataclass(frozen=True, slots=True)
class Edges:
    """The first offset that is left, and the one that the next record will have."""

    begin: int
    end: int


async def log_edges(
    consumer: AIOKafkaConsumer, pairs: Iterable[TopicPartition]
) -> dict[TopicPartition, Edges]:
    """Return the edges of each partition. Raises BrokerError, naming those without a leader."""
    wanted = list(pairs)
    ends = await of_leaders(consumer, consumer.end_offsets(wanted), wanted)
    begins = await of_leaders(consumer, consumer.beginning_offsets(wanted), wanted)
    return {pair: Edges(begins[pair], ends[pair]) for pair in wanted}


async def of_leaders(
    consumer: AIOKafkaConsumer, question: Any, pairs: Iterable[TopicPartition]
) -> Any:
    """Return what the leaders of partitions answer. Raises BrokerError in time."""
    try:
        async with asyncio.timeout(EDGE_SECONDS):
            return await question
    except (TimeoutError, KafkaError) as error:
        if without := leaderless(consumer, pairs):
            raise NoLeaderError(without) from None
        raise no_answer(error) from None


def no_answer(error: Exception) -> BrokerError:
    """Return the error of a question that Kafka did not answer."""
    if isinstance(error, tuple(RESOURCES)):
        return BrokerError(error_text(error, operation="Read"))
    if isinstance(error, UnreadableError):
        return BrokerError(str(error))
    return BrokerError(f"Kafka did not answer: {error_text(error)}")


def leaderless(
    consumer: AIOKafkaConsumer, pairs: Iterable[TopicPartition]
) -> list[tuple[str, int]]:
    """Return the partitions of known topics without a leader, by what the client was told last."""
    cluster = _client_of(consumer).cluster
    return sorted(
        (pair.topic, pair.partition)
        for pair in pairs
        if cluster.partitions_for_topic(pair.topic) and leader_of(consumer, pair) is None
    )


def leader_of(consumer: AIOKafkaConsumer, pair: TopicPartition) -> int | None:
    """Return the broker that leads a partition, by what the client was told last."""
    leader: int | None = _client_of(consumer).cluster.leader_for_partition(pair)
    return None if leader == NO_LEADER else leader


async def leaderless_now(
    consumer: AIOKafkaConsumer, pairs: Iterable[TopicPartition]
) -> list[tuple[str, int]]:
    """Ask the cluster which partitions have no leader; none while it does not answer."""
    wanted, client = list(pairs), _client_of(consumer)
    for topic in {pair.topic for pair in wanted}:
        client.add_topic(topic)
    with suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(EDGE_SECONDS):
            if await client.force_metadata_update():
                return leaderless(consumer, wanted)
    return []


def _client_of(consumer: AIOKafkaConsumer) -> Any:
    # aiokafka has no public word for the leaders of partitions.
    return consumer._client  # noqa: SLF001 - test_private_names.py holds the name


async def why_silent(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> str:
    """Return why nothing comes of partitions. Raises LogCutError when nothing more will."""
    try:
        now = await of_leaders(consumer, consumer.end_offsets(list(ends)), ends)
    except BrokerError as error:
        return str(error)
    for pair, end in now.items():
        if end < ends[pair]:
            raise went_back(pair, ends[pair], end)
    return ", ".join(f"{pair.topic}-{pair.partition}" for pair in ends)


async def refuse_silence(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> None:
    """Raise NoLeaderError or LogCutError where nothing more will come."""
    if without := leaderless(consumer, ends):
        raise NoLeaderError(without)
    await why_silent(consumer, ends)


async def still_there(
    consumer: AIOKafkaConsumer, positions: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """Return where reading goes on after "out of range": retention may have taken the position.

    Raises LogCutError when a log ends before its position.
    """
    found = {}
    for pair, edges in (await log_edges(consumer, positions)).items():
        if edges.end < positions[pair]:
            raise went_back(pair, positions[pair], edges.end)
        found[pair] = max(edges.begin, positions[pair])
    return found


def went_back(pair: TopicPartition, was: int, end: int) -> LogCutError:
    """Return the error of a log that was cut below `was`."""
    return LogCutError(
        f"{pair.topic}-{pair.partition} went back while it was read: it reached {was}, now it ends "
        f"at {end} (unclean election, restore, or a topic made again). Begin again"
    )
