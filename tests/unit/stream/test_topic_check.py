"""Topics that belong together have one partition count; a difference is named with its way out."""

from stream.kafka.topic_check import shortage, surplus
from stream.topics import Topics

TOPICS = Topics("", (30,))
EVERYWHERE = {spec.name: 4 for spec in TOPICS.specs()}


def test_topics_of_one_count_fit_together():
    assert shortage(TOPICS, EVERYWHERE) == []
    assert surplus(TOPICS, EVERYWHERE) == []


def test_partitions_that_were_added_to_one_topic_are_named_and_not_used():
    (said,) = surplus(TOPICS, EVERYWHERE | {TOPICS.orders: 6})
    assert said.startswith(
        f"{TOPICS.orders} has 6 partitions, others 4: partitions 4 to 5 are not used"
    )
    assert shortage(TOPICS, EVERYWHERE | {TOPICS.orders: 6}) == []


def test_a_topic_that_lacks_partitions_is_named_with_the_command_that_adds_them():
    (said,) = shortage(TOPICS, EVERYWHERE | {TOPICS.state: 3})
    assert said.startswith(
        f"{TOPICS.state} has 3 partitions, the fact topics 4: orders of partitions 3 to 3"
    )
    assert f"--alter --topic {TOPICS.state} --partitions 4" in said


def test_what_both_fact_topics_have_and_others_lack_is_no_surplus():
    """Publishers use it: events of these partitions come in, and nobody can take them."""
    counts = EVERYWHERE | dict.fromkeys(TOPICS.facts, 6)
    assert surplus(TOPICS, counts) == []
    assert len(shortage(TOPICS, counts)) == len(counts) - 2
    assert any(said.startswith(f"{TOPICS.due} has 4") for said in shortage(TOPICS, counts))


def test_what_is_missing_altogether_is_left_to_who_reads_it():
    without = {name: count for name, count in EVERYWHERE.items() if name != TOPICS.state}
    assert shortage(TOPICS, without) == []
    assert shortage(TOPICS, {}) == []
