from __future__ import annotations

from stream.kafka.topic_plan import ExistingTopic, TopicAction, plan_topics, wanted_config
from stream.topics import Topics, TopicSpec

SPEC = TopicSpec("orders", "order events", {"retention.ms": "1000"})


def existing(**changes):
    values = {"partitions": 8, "replication_factor": 1, "config": {"retention.ms": "1000"}}
    return ExistingTopic(**{**values, **changes})


def plan(topic=None, *, partitions=8, replication_factor=1):
    (made,) = plan_topics(
        [SPEC],
        {} if topic is None else {"orders": topic},
        partitions=partitions,
        replication_factor=replication_factor,
    )
    return made


def test_a_missing_topic_is_created_with_its_settings():
    made = plan()
    assert (made.action, made.config, made.problems) == (
        TopicAction.CREATE,
        {"retention.ms": "1000", "min.insync.replicas": "1"},
        (),
    )


def test_a_topic_as_wanted_is_left_alone():
    made = plan(existing())
    assert (made.action, made.changes, made.problems) == (TopicAction.OK, {}, ())


def test_a_changed_setting_is_set_back_and_the_owners_other_settings_survive():
    made = plan(
        existing(
            config={"retention.ms": "5", "segment.bytes": "9"},
            overrides={"retention.ms": "5", "segment.bytes": "9"},
        )
    )
    assert made.action is TopicAction.CHANGE
    assert made.changes == {"retention.ms": ("5", "1000")}
    assert made.config == {"retention.ms": "1000", "segment.bytes": "9"}


def test_a_cluster_that_keeps_how_it_compacts_to_itself_is_as_wanted():
    """Confluent Cloud takes the setting without a word and keeps its own: no end of changes."""
    spec = next(spec for spec in Topics().specs() if spec.name == Topics().state)
    there = existing(config={**spec.config, "min.cleanable.dirty.ratio": "0.5"})
    (made,) = plan_topics([spec], {spec.name: there}, partitions=8, replication_factor=1)
    assert (made.action, made.changes) == (TopicAction.OK, {})


def test_what_an_owner_says_of_compaction_stays_when_another_setting_is_set_back():
    spec = next(spec for spec in Topics().specs() if spec.name == Topics().state)
    own = {"min.cleanable.dirty.ratio": "0.05"}
    there = existing(config={**spec.config, **own, "cleanup.policy": "delete"}, overrides=own)
    (made,) = plan_topics([spec], {spec.name: there}, partitions=8, replication_factor=1)
    assert made.config == {**spec.config, **own}
    assert set(made.changes) == {"cleanup.policy"}


def test_a_topic_with_fewer_replicas_than_must_be_in_sync_needs_a_person():
    """A cluster's own default is 2: `apply` was content, and no order was ever acknowledged."""
    own = {"retention.ms": "1000", "min.insync.replicas": "2"}
    (said,) = plan(existing(config=own)).problems
    assert "nothing can be written" in said
    assert plan(existing(config=own, replication_factor=2)).problems == ()


def test_a_clusters_own_defaults_compact_no_events_and_delete_none_by_size():
    """Bitnami's brokers kept a gigabyte a partition: what nobody had read went with the rest."""
    topics = Topics()
    default = {"cleanup.policy": "compact", "retention.bytes": "1073741824"}
    for spec in topics.specs():
        if spec.name == topics.state:
            continue
        (made,) = plan_topics([spec], {}, partitions=8, replication_factor=1)
        assert made.config.items() >= {"cleanup.policy": "delete", "retention.bytes": "-1"}.items()
        there = existing(config={**spec.config, **default})
        (made,) = plan_topics([spec], {spec.name: there}, partitions=8, replication_factor=1)
        # How large a log may be is an owner's to say, whose disk it is; doctor warns of it.
        assert made.changes == {"cleanup.policy": ("compact", "delete")}


def test_a_setting_that_the_cluster_does_not_have_is_no_difference():
    """Redpanda has no min.insync.replicas: `apply` waited for it and failed, each time anew."""
    spec = next(spec for spec in Topics().specs() if spec.name == Topics().state)
    shown = {"cleanup.policy": "compact", "segment.bytes": "9"}
    there = existing(replication_factor=3, config=shown)
    (made,) = plan_topics([spec], {spec.name: there}, partitions=8, replication_factor=3)
    assert (made.action, made.changes, made.problems) == (TopicAction.OK, {}, ())
    there = existing(replication_factor=3, config={**shown, "cleanup.policy": "delete"})
    (made,) = plan_topics([spec], {spec.name: there}, partitions=8, replication_factor=3)
    assert made.config == {"cleanup.policy": "compact"}, "what it has not cannot be altered"


def test_numbers_are_compared_as_numbers():
    assert plan(existing(config={"retention.ms": "1000.0"})).action is TopicAction.OK


def test_another_partition_count_needs_a_person_and_says_why():
    (problem,) = plan(existing(partitions=4)).problems
    assert "has 4 partitions, KAFKA_PARTITIONS is 8" in problem
    assert "Set KAFKA_PARTITIONS to 4" in problem


def test_too_few_replicas_need_a_person_and_more_than_wanted_are_fine():
    (problem,) = plan(existing(), replication_factor=2).problems
    assert "kafka-reassign-partitions" in problem
    assert plan(existing(replication_factor=3), replication_factor=2).problems == ()


def test_a_partition_without_leader_needs_a_person():
    (problem,) = plan(existing(leaderless=2)).problems
    assert problem.startswith("2 partitions have no leader")


def test_two_copies_are_demanded_when_there_are_three_replicas():
    assert "min.insync.replicas" not in wanted_config(SPEC, 2)
    assert wanted_config(SPEC, 3)["min.insync.replicas"] == "2"


def test_every_topic_of_an_installation_is_planned():
    topics = Topics("staging.")
    plans = plan_topics(topics.specs(), {}, partitions=8, replication_factor=1)
    names = {made.name for made in plans}
    assert {*topics.sources, *topics.retry_tiers, topics.dead_letters, topics.state} <= names
    assert all(name.startswith("staging.") for name in names)
