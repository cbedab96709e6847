"""Do the topics fit together? Asked by every process at its start, and while it runs.

Partition p of every topic belongs together: an order's event, its retries, its results and its
state have one partition number. Somebody who gives one topic more partitions, or makes one anew
with fewer, breaks that; what follows for whom:

| a topic has | what happens |
|---|---|
| more partitions than the others | the surplus is not used: publishers stay in those that both fact topics have, workers take what all sources have |
| fewer partitions than both fact topics | orders of the missing ones are accepted, and can be neither read, kept nor retried: worker and relay do not start |
| not been made | as its readers say: `orderstream topics apply` |
"""  # noqa: E501 - a table row cannot be broken

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from stream.config import Settings
from stream.errors import BrokerError, SettingsError
from stream.kafka.log.range_reader import RangeReader
from stream.ops.alerts import Alert, Alerts
from stream.topics import Topics

log = structlog.get_logger()

CHECK_SECONDS = 30.0
AWAY_CHECKS = 3  # that fail in a row, until a person is told: a broker restarts in less
START_SECONDS = 10.0


def surplus(topics: Topics, counts: Mapping[str, int]) -> list[str]:
    """Return one sentence per topic with partitions that nobody uses."""
    used = _used(topics, counts)
    return [
        f"{name} has {counts[name]} partitions, others {used}: partitions {used} to "
        f"{counts[name] - 1} are not used and not read. Kafka takes no partition away: leave it "
        "so, or move to new topics (docs/operations.md, Changing the partition count)"
        for name in _names(topics)
        if counts.get(name, 0) > used
    ]


def shortage(topics: Topics, counts: Mapping[str, int]) -> list[str]:
    """Return one sentence per topic that lacks partitions which both fact topics have."""
    used = _used(topics, counts)
    return [
        f"{name} has {counts[name]} partitions, the fact topics {used}: orders of partitions "
        f"{counts[name]} to {used - 1} come in, and have no place there. Add them: "
        f"`kafka-topics.sh --alter --topic {name} --partitions {used}`"
        for name in _names(topics)
        if name in counts and counts[name] < used
    ]


def _used(topics: Topics, counts: Mapping[str, int]) -> int:
    """Return how many partitions publishers use (`KafkaPublisher`)."""
    return min((counts[name] for name in topics.facts if name in counts), default=0)


def _names(topics: Topics) -> list[str]:
    return [spec.name for spec in topics.specs()]


async def partition_counts(settings: Settings, reader: RangeReader) -> dict[str, int]:
    """Return topic → partitions, of the topics that are there. Raises BrokerError."""
    wanted = set(_names(settings.topics))
    there = await reader.topics_starting(settings.kafka_topic_prefix)
    found = await reader.partitions(*(name for name in there if name in wanted))
    return {name: len(numbers) for name, numbers in found.items()}


async def refuse_shortage(settings: Settings) -> None:
    """Raise SettingsError when a topic lacks partitions. Kafka away: nobody can say."""
    try:
        async with asyncio.timeout(START_SECONDS), RangeReader(settings) as reader:
            counts = await partition_counts(settings, reader)
    except (BrokerError, TimeoutError) as error:
        log.warning("topics_not_checked", error=str(error) or type(error).__name__)
        return
    if problems := shortage(settings.topics, counts):
        raise SettingsError(problems)


async def watch_topics(settings: Settings, alerts: Alerts) -> None:
    """Tell when topics do not fit together any more, until they do. Never returns.

    And when Kafka stays away: who has nothing in hand would say nothing, and webhooks are refused.
    """
    failed = 0
    while True:
        try:
            async with RangeReader(settings) as reader:
                while True:
                    counts = await partition_counts(settings, reader)
                    if failed >= AWAY_CHECKS:
                        alerts.resolve(Alert.PUBLISH_BLOCKED)
                    failed = 0
                    _tell(settings, counts, alerts)
                    await asyncio.sleep(CHECK_SECONDS)
        except BrokerError as error:
            failed += 1
            log.warning("topics_not_checked", error=str(error))
            if failed >= AWAY_CHECKS:
                alerts.fire(Alert.PUBLISH_BLOCKED, str(error))
            await asyncio.sleep(CHECK_SECONDS)


def _tell(settings: Settings, counts: Mapping[str, int], alerts: Alerts) -> None:
    problems = [
        *shortage(settings.topics, counts),
        *surplus(settings.topics, counts),
    ]
    if problems:
        alerts.fire(Alert.TOPICS_DIFFER, "; ".join(problems))
    else:
        alerts.resolve(Alert.TOPICS_DIFFER)
