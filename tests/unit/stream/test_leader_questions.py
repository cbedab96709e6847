"""One leader without an answer hides no other, and no partition hides another of its leader."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import NotLeaderForPartitionError, TopicAuthorizationFailedError

from stream.errors import BrokerError, NoLeaderError
from stream.kafka.log.edges import Edges
from stream.kafka.log.leader_questions import LeaderQuestions, all_silent, name_silent

A, B, C, D = (TopicPartition("t", number) for number in range(4))
LEADERS = {A: 1, B: 1, C: 2, D: -1}


class Cluster:
    """What a client knows of leaders."""

    def partitions_for_topic(self, topic):
        return {pair.partition for pair in LEADERS if pair.topic == topic}

    def leader_for_partition(self, pair):
        return LEADERS[pair]


class Consumer:
    """Answers as aiokafka does: everything that is asked in one call, or nothing of it.

    `hangs` and `errors`: partitions, and what becomes of a call that asks for them.
    """

    def __init__(self, *, hangs=(), errors=None):
        self._client = SimpleNamespace(cluster=Cluster())
        self.hangs = {*hangs, D}
        self.errors = errors or {}
        self.calls = []

    async def _answer(self, pairs, value):
        self.calls.append(tuple(pairs))
        for pair in pairs:
            if pair in self.errors:
                raise self.errors[pair]
        if self.hangs.intersection(pairs):
            await asyncio.Event().wait()
        return dict.fromkeys(pairs, value)

    async def end_offsets(self, pairs):
        return await self._answer(pairs, 9)

    async def beginning_offsets(self, pairs):
        return await self._answer(pairs, 2)

    async def offsets_for_times(self, times):
        return await self._answer(list(times), None)


def questions(consumer):
    return LeaderQuestions(consumer, LEADERS, 0.01)


async def test_who_has_no_leader_is_named_and_all_others_answer():
    asked = questions(consumer := Consumer())
    assert await asked.edges() == dict.fromkeys((A, B, C), Edges(2, 9))
    assert asked.silent == {D: "no leader"}
    assert asked.answering == [A, B, C]
    assert (D,) not in consumer.calls[3:], "who did not answer is not asked again"
    assert isinstance(all_silent(consumer, asked.silent), NoLeaderError)


async def test_a_leader_that_hangs_hides_no_other_leader():
    asked = questions(Consumer(hangs=[A, B]))
    assert (await asked.edges()).keys() == {C}
    assert {A, B, D} == asked.silent.keys()
    assert "no answer within" in asked.silent[A]


async def test_a_partition_that_fails_hides_no_other_of_its_leader():
    asked = questions(consumer := Consumer(errors={A: NotLeaderForPartitionError(A)}))
    assert (await asked.edges()).keys() == {B, C}
    assert (A, B) in consumer.calls
    assert (B,) in consumer.calls


async def test_a_right_that_is_missing_is_said_as_such():
    asked = questions(Consumer(errors={C: TopicAuthorizationFailedError("t")}))
    await asked.edges()
    assert "gives this user no Read on topic t" in asked.silent[C]
    assert not isinstance(all_silent(Consumer(), {C: asked.silent[C]}), NoLeaderError)


async def test_no_record_after_a_time_means_the_end():
    asked = questions(Consumer(hangs=[C]))
    edges = dict.fromkeys(LEADERS, Edges(0, 9))
    assert await asked.first_at(1, edges) == {A: 9, B: 9}


def test_the_reason_is_said_once_for_all_partitions_that_have_it():
    said = name_silent({("t", 1): "no leader", ("t", 0): "no leader", ("u", 0): "slow"})
    assert said == "no leader: t-0, t-1; slow: u-0"
    with pytest.raises(BrokerError, match="slow: u-0"):
        raise all_silent(Consumer(), {("u", 0): "slow"})
