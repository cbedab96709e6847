"""What was read is remembered across assignments, also when Kafka has dropped the commits."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace

from aiokafka import TopicPartition

from stream.config import load_settings
from stream.kafka.log.position import Comparison, WentBack
from stream.kafka.log.read_log import ReadLog
from stream.kafka.log_witness import Witness, has_gone_back, identity_of, resume_offset
from stream.ops.alerts import Alert, Alerts

TIER = TopicPartition("salesforce.retry.30s", 0)


class AnotherLog(ReadLog):
    """Every log that is compared went back to its start."""

    def __init__(self) -> None:
        super().__init__(load_settings(env_file=None))
        self.compared = []

    async def _compare(self, readings, *, seconds=0.0):
        self.compared.append({place: reading.position for place, reading in readings.items()})
        return Comparison({place: WentBack(*place, 3, 0, 0, 6) for place in readings}, {})


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


class SlowBroker(ReadLog):
    """Compares with a log of these values; the first look has no answer in time.

    Of the `silent` partitions there is never one.
    """

    silent = ()

    def __init__(self, *values):
        super().__init__(load_settings(env_file=None))
        self.ids = {n: identity_of(key=b"k", value=v, headers=()) for n, v in enumerate(values)}
        self.looks = 0

    async def _compare(self, readings, *, seconds=0.0):
        self.looks += 1
        if self.looks == 1:
            raise TimeoutError
        end, gone = len(self.ids), {}
        heard = {place: r for place, r in readings.items() if place not in self.silent}
        for place, (was, witness) in ((p, (r.position, r.witness)) for p, r in heard.items()):
            found = self.ids.get(witness.newest.offset) if witness.newest else None
            if has_gone_back(witness, was, log_start=0, end=end, found=found):
                resume = resume_offset(witness, log_start=0, end=end, found=self.ids)
                gone[place] = WentBack(*place, was, resume, 0, end)
        return Comparison(gone, dict.fromkeys(readings.keys() - heard.keys(), "no leader"))


class RejoinedError(Exception):
    """The partitions are taken again."""


async def rejoin():
    raise RejoinedError


def handed_out(log, *records):
    for offset, value in records:
        log.note(TIER, SimpleNamespace(offset=offset, key=b"k", value=value, headers=()))


OLD = "w1,2:" + identity_of(key=b"k", value=b"old", headers=())


async def test_what_is_read_before_the_log_was_compared_vouches_for_nothing():
    """Or else the rest of the new log is lost: the next look finds the record it has just read."""
    log = SlowBroker(b"a", b"b", b"c", b"d", b"e", b"f")
    assert await log.healed({TIER: 3}, {TIER: OLD}) == {}
    handed_out(log, (3, b"d"), (4, b"e"), (5, b"f"))
    committed = log.metadata(TIER, 6)
    log._suspects.set()
    with suppress(RejoinedError):
        await log.watch(Alerts(), rejoin)
    assert log.metadata(TIER, 6) == committed  # also between the finding and the rejoin
    another_member = SlowBroker(b"a", b"b", b"c", b"d", b"e", b"f")
    another_member.looks = 1
    assert await another_member.healed({TIER: 6}, {TIER: committed}) == {TIER: 0}
    assert await log.healed({TIER: 6}, {TIER: committed}) == {TIER: 0}


async def test_a_log_that_proves_to_be_the_same_is_vouched_for_again():
    log = SlowBroker(b"x", b"y", b"old", b"d")
    await log.healed({TIER: 3}, {TIER: OLD})
    handed_out(log, (3, b"d"))
    log._suspects.set()
    real = log._compare

    async def once(readings):
        found = await real(readings)
        log._suspects.set()
        if log.looks > 2:
            raise RejoinedError
        return found

    log._compare = once
    with suppress(RejoinedError):
        await log.watch(Alerts(), rejoin)
    assert Witness.from_metadata(log.metadata(TIER, 4)).newest.offset == 3


async def test_what_was_done_of_the_old_log_is_not_committed_in_the_new_one():
    """Offset 3 of the new log would pass over three records that nobody has read."""
    log = SlowBroker(b"a", b"b", b"c", b"d")
    log.looks = 1
    handed_out(log, (0, b"x"), (1, b"y"), (2, b"old"))
    assert log.has_reached(TIER, 3)
    assert await log.healed({TIER: 3}, {TIER: OLD}) == {TIER: 0}
    assert [log.has_reached(TIER, offset) for offset in (0, 1, 3)] == [True, False, False]
    handed_out(log, (0, b"a"), (1, b"b"))
    assert [log.has_reached(TIER, offset) for offset in (2, 3)] == [True, False]


async def test_a_partition_without_an_answer_does_not_hide_that_another_went_back():
    """And it is not vouched for: its commits stay what they were until it was compared."""
    offline = TopicPartition(TIER.topic, 1)
    log = SlowBroker(b"a", b"b", b"c", b"d")
    log.looks, log.silent = 1, (offline,)
    healed = await log.healed({TIER: 3, offline: 3}, {TIER: OLD, offline: OLD})
    assert healed == {TIER: 0}
    log.note(offline, SimpleNamespace(offset=3, key=b"k", value=b"d", headers=()))
    assert log.metadata(offline, 4) == OLD


async def test_what_is_read_while_nothing_can_be_compared_costs_no_memory():
    log = SlowBroker(*(b"v" for _ in range(1000)))
    await log.healed({TIER: 1}, {TIER: f"w1,0:{log.ids[0]}"})
    for offset in range(1, 1000):
        read(log, offset)
        assert log.metadata(TIER, offset + 1) == f"w1,0:{log.ids[0]}"
    assert len(log._uncommitted[TIER]) == 1
    log._unverified.clear()  # compared at last
    assert log.metadata(TIER, 1000).endswith(f"999:{log.ids[999]}")
