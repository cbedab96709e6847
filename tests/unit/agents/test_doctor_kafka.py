"""Misconfigurations of topics and groups: each is found, by name."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support.doctor_facts import found, make

from agents.doctor.kafka_checks import check_kafka
from agents.doctor.kafka_facts import GroupFacts, KafkaFacts, gather_kafka
from stream.config import Settings
from stream.kafka.topic_plan import ExistingTopic, wanted_config

# Kafka --------------------------------------------------------------------------------------------


def cluster(settings: Settings, **changes: Any) -> KafkaFacts:
    """Facts of a cluster as `topics apply` leaves it, with one worker and one relay running."""
    replicas = settings.kafka_replication_factor
    topics = {
        spec.name: ExistingTopic(settings.kafka_partitions, replicas, wanted_config(spec, replicas))
        for spec in settings.topics.specs()
    }
    names, numbers = settings.topics, range(settings.kafka_partitions)
    held = {
        settings.worker_group: frozenset((t, n) for t in names.sources for n in numbers),
        settings.relay_group: frozenset(
            (t, n) for t in (*names.retry_tiers, names.settle) for n in numbers
        ),
    }
    groups = {group: GroupFacts(1, pairs) for group, pairs in held.items()}
    facts = KafkaFacts(brokers=3, topics=topics, groups=groups, now_ms=1_000_000)
    return dataclasses.replace(facts, **changes)


def with_topic(facts: KafkaFacts, name: str, **changes: Any) -> KafkaFacts:
    """Return the facts with one topic changed; a `config` is laid over its own."""
    topic = facts.topics[name]
    if "config" in changes:
        changes["config"] = {**topic.config, **changes["config"]}
    return dataclasses.replace(
        facts, topics={**facts.topics, name: dataclasses.replace(topic, **changes)}
    )


def config(name: str, value: str) -> dict[str, dict[str, str]]:
    return {"config": {name: value}}


def test_a_cluster_as_topics_apply_leaves_it_is_fine() -> None:
    settings = make(kafka_replication_factor=3)
    assert found(list(check_kafka(settings, cluster(settings)))) == {}


@pytest.mark.parametrize(
    ("name", "result", "topic", "changes"),
    [
        ("kafka-partitions", "fail", "salesforce.due", {"partitions": 4}),
        ("kafka-replication", "fail", "magento.orders", {"replication_factor": 1}),
        ("kafka-leaders", "fail", "magento.orders", {"leaderless": 2}),
        ("kafka-min-insync", "fail", "magento.orders", config("min.insync.replicas", "4")),
        ("kafka-min-insync", "warn", "magento.orders", config("min.insync.replicas", "1")),
        ("kafka-min-insync", "warn", "magento.orders", config("min.insync.replicas", "3")),
        (
            "kafka-unclean-election",
            "fail",
            "magento.orders",
            config("unclean.leader.election.enable", "true"),
        ),
        ("kafka-state-policy", "fail", "salesforce.state", config("cleanup.policy", "delete")),
        ("kafka-facts-policy", "fail", "magento.orders", config("cleanup.policy", "compact")),
        ("kafka-size-retention", "warn", "magento.orders", config("retention.bytes", "1073741824")),
        ("kafka-size-retention", "warn", "salesforce.dlq", config("retention.bytes", "0")),
        ("kafka-results-retention", "fail", "salesforce.results", config("retention.ms", "1000")),
        ("kafka-retry-retention", "fail", "salesforce.retry.1h", config("retention.ms", "3600000")),
        ("kafka-message-size", "fail", "salesforce.due", config("max.message.bytes", "1048588")),
    ],
)
def test_a_topic_that_does_not_fit_is_found(name, result, topic, changes) -> None:
    settings = make(kafka_replication_factor=3)
    facts = with_topic(cluster(settings), topic, **changes)
    assert found(list(check_kafka(settings, facts)))[name] == result


def test_a_cluster_without_the_setting_is_not_told_to_set_it() -> None:
    """Redpanda acknowledges with a majority, and shows no min.insync.replicas."""
    settings = make(kafka_replication_factor=3)
    facts = cluster(settings)
    for topic in facts.topics.values():
        topic.config.pop("min.insync.replicas")
    assert found(list(check_kafka(settings, facts))) == {}


def test_a_missing_topic_is_found() -> None:
    settings = make()
    facts = cluster(settings)
    topics = {name: topic for name, topic in facts.topics.items() if name != "salesforce.dlq"}
    checks = list(check_kafka(settings, dataclasses.replace(facts, topics=topics)))
    assert found(checks) == {"kafka-topics": "fail"}


def test_two_orders_with_one_number_are_a_line_that_says_what_to_set() -> None:
    settings = make()
    facts = dataclasses.replace(cluster(settings), collisions={"TWO_ORDERS_ONE_NUMBER": 1_200})
    checks = list(check_kafka(settings, facts))
    assert found(checks) == {"key-collisions": "fail"}
    (line,) = (check for check in checks if check.name == "key-collisions")
    assert line.detail == "1,200 open dead letters of TWO_ORDERS_ONE_NUMBER"
    assert "MAGENTO_ORDER_KEY" in line.fix


def test_kafka_away_is_one_failure_and_the_rest_is_skipped() -> None:
    checks = list(check_kafka(make(), KafkaFacts(problem="no Kafka at 127.0.0.1:1")))
    assert found(checks) == {"kafka-reachable": "fail"}
    assert [check.result for check in checks[1:]] == ["skipped", "skipped"]


async def test_sasl_without_a_user_is_a_kafka_that_cannot_be_reached() -> None:
    settings = make(kafka_security_protocol="SASL_SSL")
    checks = list(check_kafka(settings, await gather_kafka(settings)))
    assert found(checks) == {"kafka-reachable": "fail"}
    assert "KAFKA_SASL_USERNAME" in checks[0].detail


def test_groups_without_members_and_partitions_without_readers_are_found() -> None:
    settings = make()
    nobody = cluster(settings, groups={})
    assert found(list(check_kafka(settings, nobody))) == {"workers": "warn", "relay": "warn"}
    facts = cluster(settings)
    held = facts.groups[settings.worker_group].held
    assert held is not None
    lonely = GroupFacts(1, held - {("magento.orders", 3)})
    groups = {**facts.groups, settings.worker_group: lonely}
    checks = list(check_kafka(settings, dataclasses.replace(facts, groups=groups)))
    assert found(checks) == {"workers": "fail"}
    assert any("magento.orders/3" in check.detail for check in checks)


def test_a_group_that_rebalances_is_a_warning() -> None:
    settings = make()
    facts = cluster(settings)
    groups = {**facts.groups, settings.worker_group: GroupFacts(1, None)}
    checks = list(check_kafka(settings, dataclasses.replace(facts, groups=groups)))
    assert found(checks) == {"workers": "warn"}


def test_workers_without_a_partition_are_a_warning() -> None:
    settings = make()
    facts = cluster(settings)
    crowd = dataclasses.replace(facts.groups[settings.worker_group], members=9)
    groups = {**facts.groups, settings.worker_group: crowd}
    checks = list(check_kafka(settings, dataclasses.replace(facts, groups=groups)))
    assert found(checks) == {"workers-idle": "warn"}


def test_any_number_of_workers_is_well_since_partitions_divide_the_calls() -> None:
    settings = make(worker_count=3)
    assert found(list(check_kafka(settings, cluster(settings)))) == {}


def test_a_retry_tier_that_nobody_reads_any_more_is_found() -> None:
    settings = make()
    facts = cluster(settings, old_tiers={"salesforce.retry.5m": 12})
    assert found(list(check_kafka(settings, facts))) == {"retry-tiers-of-the-past": "warn"}


def test_records_from_the_future_are_found() -> None:
    settings = make()
    facts = cluster(settings, newest_ms=1_000_000 + 3_600_000)
    assert found(list(check_kafka(settings, facts))) == {"clock-records": "fail"}
