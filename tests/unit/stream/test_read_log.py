"""What was read is remembered across assignments, also when Kafka has dropped the commits."""

from __future__ import annotations

from types import SimpleNamespace

from aiokafka import TopicPartition

from stream.config import load_settings
from stream.kafka.log_position import WentBack
from stream.kafka.read_log import ReadLog
from stream.ops.alerts import Alert, Alerts

TIER = TopicPartition("salesforce.retry.30s", 0)


class AnotherLog(ReadLog):
    """Every log that is compared went back to its start."""

    def __init__(self) -> None:
        super().__init__(load_settings(env_file=None))
        self.compared = []

    async def _compare(self, readings):
        self.compared.append({place: reading.position for place, reading in readings.items()})
        return {place: WentBack(*place, 3, 0, 0, 6) for place in readings}


def read(log, *offsets):
    for offset in offsets:
        log.note(TIER, SimpleNamespace(offset=offset, key=b"k", value=b"v", headers=()))


async def test_a_topic_made_again_is_told_though_its_commits_went_with_it():
    log, alerts = AnotherLog(), Alerts()
    log._alerts = alerts
    read(log, 0, 1, 2)
    await log.healed({}, {})  # the topic is gone: assigned without it
    assert await log.healed({TIER: None}, {TIER: ""}) == {TIER: 0}
    assert log.compared[-1] == {(TIER.topic, 0): 3}
    assert Alert.LOG_WENT_BACK in alerts.active


async def test_what_was_never_read_has_nothing_to_compare():
    log = AnotherLog()
    assert await log.healed({TIER: None}, {TIER: ""}) == {}


async def test_a_commit_counts_more_than_what_was_only_handed_out():
    log = AnotherLog()
    read(log, 0, 1, 2)
    await log.healed({TIER: 2}, {TIER: "w1,1:abc"})
    assert log.compared[-1] == {(TIER.topic, 0): 2}
