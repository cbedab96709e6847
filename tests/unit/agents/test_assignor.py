"""Partition p of every source topic is on one worker, whatever counts the topics have."""

from types import SimpleNamespace

from agents.worker.faust_app import CommonPartitionsAssignor

SUBSCRIPTIONS = {name: ["orders", "customers", "due"] for name in ("a", "b")}


def groups(**counts):
    cluster = SimpleNamespace(partitions_for_topic=lambda topic: set(range(counts.get(topic, 0))))
    found = CommonPartitionsAssignor._get_copartitioned_groups(
        {"orders", "customers", "due"}, cluster, SUBSCRIPTIONS
    )
    return {count: [set(topics) for topics in each] for count, each in found.items()}


def test_topics_of_different_counts_are_shared_out_together():
    assert groups(orders=6, customers=4, due=4) == {4: [{"orders", "customers", "due"}]}


def test_a_missing_topic_takes_nothing_from_the_others():
    assert groups(orders=4, due=4) == {4: [{"orders", "due"}]}
    assert groups() == {}
