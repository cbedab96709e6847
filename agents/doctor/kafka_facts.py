"""What the brokers say of this installation: topics, groups, and the times of its newest records.

Reads only; no consumer group is joined.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from agents.handling.collision import CODES as COLLIDING
from stream.config import Settings
from stream.dlq.index import DeadLetterIndex
from stream.errors import BrokerError, SettingsError, TopicAdminError
from stream.kafka.closing import closed
from stream.kafka.connection import kafka_connection
from stream.kafka.consumer_groups import committed_offsets, held_partitions
from stream.kafka.log.passing_reader import PassingReader
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.topic_admin import TopicAdmin
from stream.kafka.topic_plan import ExistingTopic
from stream.settings.kafka import KafkaSettings

NEWEST_SECONDS = 3.0
COORDINATOR_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A consumer group. `held` is None while it rebalances."""

    members: int
    held: frozenset[tuple[str, int]] | None


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """`problem` is why nothing else is known. `newest_ms` is the latest record time of our topics.

    `old_tiers`: retry topics of an earlier RETRY_DELAYS, with how many records they hold.
    `collisions`: open dead letters of two documents with one key, by code.
    """

    problem: str = ""
    brokers: int = 0
    topics: Mapping[str, ExistingTopic] = field(default_factory=dict)
    groups: Mapping[str, GroupFacts] = field(default_factory=dict)
    old_tiers: Mapping[str, int] = field(default_factory=dict)
    collisions: Mapping[str, int] = field(default_factory=dict)
    newest_ms: int | None = None
    now_ms: int = 0


async def gather_kafka(settings: Settings) -> KafkaFacts:
    """Ask the brokers of the settings; never raises for what they or the settings lack."""
    if not settings.kafka_bootstrap_servers:
        return KafkaFacts(problem="KAFKA_BOOTSTRAP_SERVERS is missing")
    try:
        return await _gather(settings)
    except (SettingsError, TopicAdminError, BrokerError, KafkaError, OSError) as error:
        return KafkaFacts(problem=" ".join(str(error).split()))


async def _gather(settings: Settings) -> KafkaFacts:
    names = [spec.name for spec in settings.topics.specs()]
    async with TopicAdmin(settings) as admin:
        brokers = await admin.broker_count()
        topics = await admin.existing(names)
    async with PassingReader(settings) as reader:
        prefix = settings.topics.retry_prefix
        tiers = set(await reader.topics_starting(prefix)) - set(settings.topics.retry_tiers)
        old = {tier: sum(span.size for span in await reader.spans([tier])) for tier in tiers}
        collisions = await _collisions(settings, reader, topics)
        newest = await _newest_ms(reader, [name for name in names if name in topics])
    return KafkaFacts(
        brokers=brokers,
        topics=topics,
        groups=await _groups(settings),
        old_tiers={tier: count for tier, count in old.items() if count},
        collisions=collisions,
        newest_ms=newest,
        now_ms=time.time_ns() // 1_000_000,
    )


async def _collisions(
    settings: KafkaSettings, reader: RangeReader, topics: Container[str]
) -> dict[str, int]:
    """Return how many open dead letters say that two documents have one key."""
    if settings.topics.dead_letters not in topics:
        return {}
    index = DeadLetterIndex(settings, reader)
    await index.refresh()
    index.refuse_silence()
    return dict(Counter(letter.code for letter in index.letters() if letter.code in COLLIDING))


async def _newest_ms(reader: RangeReader, topics: list[str]) -> int | None:
    """Return the latest time among the last records of all partitions."""
    spans = [span for span in await reader.spans(topics) if span.size] if topics else []
    positions = {span.place: span.end - 1 for span in spans}
    records = await reader.first_records(positions, timeout_seconds=NEWEST_SECONDS)
    return max((record.timestamp for record in records.values()), default=None)


async def _groups(settings: KafkaSettings) -> dict[str, GroupFacts]:
    admin = AIOKafkaAdminClient(**kafka_connection(settings))
    try:
        await admin.start()
        # A new cluster has no coordinator until somebody asks for offsets; this waits for it.
        await committed_offsets(admin, settings.worker_group, timeout_seconds=COORDINATOR_SECONDS)
        return {
            group: GroupFacts(await _members(admin, group), await held_partitions(admin, group))
            for group in (settings.worker_group, settings.relay_group)
        }
    finally:
        await closed(admin.close())


async def _members(admin: AIOKafkaAdminClient, group: str) -> int:
    responses: list[Any] = await admin.describe_consumer_groups([group])
    return sum(len(described[5]) for response in responses for described in response.groups)
