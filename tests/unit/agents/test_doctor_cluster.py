"""The doctor's questions to the cluster: each by itself."""

import dataclasses

import pytest

from agents.doctor.check import CheckResult
from agents.doctor.cluster_checks import NAMES, check_cluster
from agents.doctor.cluster_facts import OFFSETS_TOPIC, ClusterFacts, PartitionFacts

ALL = (1, 2, 3)
GOOD = ClusterFacts(
    brokers={1: "a:9092", 2: "b:9092", 3: "c:9092"},
    controller=1,
    partitions=(
        PartitionFacts("magento.orders", 0, 1, ALL, ALL),
        PartitionFacts(OFFSETS_TOPIC, 0, 2, ALL, ALL),
    ),
    gone_back=(),
    ahead_ms=120,
)
LEAST = {"magento.orders": 2}


def judged(**changes):
    checks = list(check_cluster(dataclasses.replace(GOOD, **changes), LEAST))
    assert tuple(check.name for check in checks) == NAMES
    return {check.name: check for check in checks}


def partition(topic="magento.orders", *, leader=1, insync=ALL):
    return PartitionFacts(topic, 0, leader, ALL, tuple(insync))


def test_a_whole_cluster_is_ok():
    assert {check.result for check in judged().values()} == {CheckResult.OK}


@pytest.mark.parametrize(
    ("changes", "name", "result", "says"),
    [
        ({"brokers": {1: "a:9092"}}, "kafka-brokers", CheckResult.FAIL, "broker 3 is down"),
        (
            {"unreachable": {2: "b:9092: Name or service not known"}},
            "kafka-addresses",
            CheckResult.FAIL,
            "broker 2 is at b:9092: Name or service not known",
        ),
        ({"controller": -1}, "kafka-controller", CheckResult.FAIL, "none"),
        ({"partitions": (partition(leader=-1),)}, "kafka-offline", CheckResult.FAIL, "orders/0"),
        (
            {"partitions": (partition(insync=(1,)),)},
            "kafka-in-sync",
            CheckResult.FAIL,
            "magento.orders/0 has 1 in sync",
        ),
        (
            {"partitions": (partition(insync=(1, 2)),)},
            "kafka-in-sync",
            CheckResult.WARN,
            "2 of 3 in sync",
        ),
        (
            {"partitions": (partition(OFFSETS_TOPIC, insync=(2,)),)},
            "kafka-group-storage",
            CheckResult.WARN,
            "1 of 3",
        ),
        ({"gone_back": ("g: orders-0 went back",)}, "kafka-positions", CheckResult.FAIL, "back"),
        ({"gone_back": None}, "kafka-positions", CheckResult.SKIPPED, "could not be asked"),
        ({"ahead_ms": 45_000}, "clock-kafka", CheckResult.FAIL, "45 s ahead of Kafka's"),
        ({"ahead_ms": -90_000}, "clock-kafka", CheckResult.FAIL, "90 s behind Kafka's"),
        ({"ahead_ms": None}, "clock-kafka", CheckResult.SKIPPED, "did not tell its time"),
    ],
)
def test_each_trouble_is_named_and_hides_no_other(changes, name, result, says):
    checks = judged(**changes)
    assert checks[name].result is result
    assert says in checks[name].detail
    assert {c.result for c in checks.values() if c.name != name} <= {CheckResult.OK}


def test_a_cluster_that_does_not_answer_is_named_by_its_addresses():
    checks = judged(problem="a:9092: refused")
    assert checks["kafka-brokers"].result is CheckResult.FAIL
    assert "a:9092: refused" in checks["kafka-brokers"].detail
