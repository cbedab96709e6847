"""What `orderstream topics` would do: the difference between the topics we want and those there.

| difference                 | what happens                                                        |
|----------------------------|---------------------------------------------------------------------|
| topic missing              | create                                                              |
| a setting of ours differs  | change; settings that are not ours stay as they are, and WISHES     |
| partition count            | a person: keys would move to other partitions, and orders with them |
| too few replicas           | a person: `kafka-reassign-partitions` moves data between brokers    |
| fewer than must be in sync | a person: nothing can be written                                    |
| partition without leader   | a person: a broker is down                                          |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from stream.topics import TopicSpec

# From this replication factor on, one broker may be down while acks=all still means two copies.
REPLICATION_FOR_MIN_INSYNC = 3
MIN_INSYNC_REPLICAS = "2"
# Asked for when a topic is made; what is there then stays. Confluent Cloud takes the ratio and
# keeps its own without a word, and the runbook lets an owner choose another. How large a log may be
# says whose disk it is, and doctor warns of it.
WISHES = frozenset({"min.cleanable.dirty.ratio", "retention.bytes"})


class TopicAction(StrEnum):
    """What `apply` does with a topic."""

    CREATE = "create"
    CHANGE = "change"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class ExistingTopic:
    """A topic as the cluster has it. `overrides` are the settings made on the topic itself."""

    partitions: int
    replication_factor: int
    config: dict[str, str]
    overrides: dict[str, str] = field(default_factory=dict)
    leaderless: int = 0


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """One line of the plan. `changes`: setting → (now, wanted). `problems` need a person."""

    name: str
    purpose: str
    action: TopicAction
    config: dict[str, str]
    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def plan_topics(
    specs: Sequence[TopicSpec],
    existing: Mapping[str, ExistingTopic],
    *,
    partitions: int,
    replication_factor: int,
) -> list[TopicPlan]:
    """Return one plan per wanted topic, in the order of `specs`."""
    plans = []
    for spec in specs:
        config = wanted_config(spec, replication_factor)
        topic = existing.get(spec.name)
        if topic is None:
            made = made_config(spec, replication_factor)
            plans.append(TopicPlan(spec.name, spec.purpose, TopicAction.CREATE, made))
            continue
        changes = config_changes(config, topic.config)
        plans.append(
            TopicPlan(
                spec.name,
                spec.purpose,
                TopicAction.CHANGE if changes else TopicAction.OK,
                # Kafka's AlterConfigs replaces all settings of a topic: send the others along.
                {**topic.overrides, **_insisted_on(config, topic)},
                changes,
                tuple(_problems(topic, partitions, replication_factor)),
            )
        )
    return plans


def wanted_config(spec: TopicSpec, replication_factor: int) -> dict[str, str]:
    """Return the settings of a topic, with min.insync.replicas where replicas allow it."""
    if replication_factor < REPLICATION_FOR_MIN_INSYNC:
        return dict(spec.config)
    return {**spec.config, "min.insync.replicas": MIN_INSYNC_REPLICAS}


def made_config(spec: TopicSpec, replication_factor: int) -> dict[str, str]:
    """Return the settings a topic is made with.

    Where a cluster's own default wants two copies in sync, one replica could never be written.
    """
    alone = {"min.insync.replicas": "1"} if replication_factor == 1 else {}
    return alone | wanted_config(spec, replication_factor)


def config_changes(
    wanted: Mapping[str, str], current: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return setting → (now, wanted) for what differs; numbers are compared as numbers.

    Kafka shows every setting there is. What is not shown a cluster of another make has not
    (Redpanda's acks=all needs a majority, whatever min.insync.replicas says).
    """
    return {
        name: (current[name], value)
        for name, value in wanted.items()
        if name in current and name not in WISHES and not _is_same(current[name], value)
    }


def _insisted_on(config: Mapping[str, str], topic: ExistingTopic) -> dict[str, str]:
    """Return the settings without the wishes that the topic has its own value for.

    And without those that the cluster does not have.
    """
    return {
        name: value
        for name, value in config.items()
        if name in topic.config and (name not in WISHES or name not in topic.overrides)
    }


def least_in_sync(topic: ExistingTopic) -> int:
    """Return how many copies a write needs."""
    return int(topic.config.get("min.insync.replicas") or 1)


def _is_same(left: str, right: str) -> bool:
    try:
        return float(left) == float(right)
    except ValueError:
        return left == right


def _problems(topic: ExistingTopic, partitions: int, replication_factor: int) -> list[str]:
    problems = []
    if topic.leaderless:
        problems.append(f"{topic.leaderless} partitions have no leader: is a broker down?")
    if topic.partitions != partitions:
        problems.append(
            f"has {topic.partitions} partitions, KAFKA_PARTITIONS is {partitions}: changing the "
            "count moves orders to other partitions and breaks their order. Set KAFKA_PARTITIONS "
            f"to {topic.partitions}, or move to new topics (docs/operations.md)"
        )
    if topic.replication_factor < replication_factor:
        problems.append(
            f"has {topic.replication_factor} replicas, KAFKA_REPLICATION_FACTOR is "
            f"{replication_factor}: use kafka-reassign-partitions to add replicas"
        )
    if (least := least_in_sync(topic)) > topic.replication_factor:
        problems.append(
            f"has {topic.replication_factor} replicas and min.insync.replicas={least}: nothing can "
            "be written. Add replicas with kafka-reassign-partitions, or lower the setting"
        )
    return problems
