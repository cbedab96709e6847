"""Topics that belong together have one partition count; a difference is named with its way out."""

import asyncio

from stream.errors import BrokerError
from stream.kafka import topic_check
from stream.kafka.topic_check import AWAY_CHECKS, shortage, surplus, watch_topics
from stream.ops.alerts import Alert, Alerts
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


async def test_a_kafka_that_stays_away_from_a_quiet_worker_is_told_until_it_answers(monkeypatch):
    """Nothing was in hand that could be blocked: webhooks were 503s, and no alert said why."""
    alerts, told, is_over = Alerts(), [], asyncio.Event()

    class Reader:
        def __init__(self, _settings):
            pass

        async def __aenter__(self):
            told.append(alerts.active.get(Alert.PUBLISH_BLOCKED, ""))
            if len(told) <= AWAY_CHECKS + 1:
                raise BrokerError("Kafka at broker:9092 does not answer")
            return self

        async def __aexit__(self, *_error):
            pass

    async def counts(_settings, _reader):
        if not alerts.active and len(told) > AWAY_CHECKS + 1:
            is_over.set()
        return EVERYWHERE

    class Settings:
        topics = TOPICS

    monkeypatch.setattr(topic_check, "RangeReader", Reader)
    monkeypatch.setattr(topic_check, "partition_counts", counts)
    monkeypatch.setattr(topic_check, "CHECK_SECONDS", 0)
    watch = asyncio.create_task(watch_topics(Settings(), alerts))
    await is_over.wait()
    watch.cancel()
    assert told[:AWAY_CHECKS] == [""] * AWAY_CHECKS
    assert told[AWAY_CHECKS] == "Kafka at broker:9092 does not answer"
