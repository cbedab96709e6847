"""Questions to the leaders of many partitions, so that one without an answer hides no other.

aiokafka asks all leaders in one call and gives either all answers or none. Here each leader is
asked by itself, and when it does not answer, for each of its partitions by itself. A partition that
does not answer is in `silent` with the reason, and is not asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.errors import BrokerError, NoLeaderError
from stream.kafka.error_text import RESOURCES, error_text
from stream.kafka.log.edges import Edges, leader_of, leaderless

ANSWER_SECONDS = 3.0  # for one question, where the others' answers are wanted soon
Question: TypeAlias = Callable[[Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, Any]]]


class LeaderQuestions:
    """The leaders of some partitions; `seconds`: how long one may take to answer."""

    def __init__(
        self, consumer: AIOKafkaConsumer, pairs: Iterable[TopicPartition], seconds: float
    ) -> None:
        self._consumer = consumer
        self._seconds = seconds
        self._asked = list(pairs)
        self.silent: dict[tuple[str, int], str] = {}

    @property
    def answering(self) -> list[TopicPartition]:
        """The partitions that have answered everything so far."""
        return [pair for pair in self._asked if pair not in self.silent]

    async def edges(self) -> dict[TopicPartition, Edges]:
        """Return where the logs begin and end."""
        ends = await self._ask(self._consumer.end_offsets)
        begins = await self._ask(self._consumer.beginning_offsets)
        return {pair: Edges(begin, ends[pair]) for pair, begin in begins.items()}

    async def first_at(
        self, at_ms: int, edges: Mapping[TopicPartition, Edges]
    ) -> dict[TopicPartition, int]:
        """Return the first offset with a record time at or after `at_ms`; the end without one."""

        async def question(pairs: Sequence[TopicPartition]) -> Mapping[TopicPartition, Any]:
            times = dict.fromkeys(pairs, max(0, at_ms))
            found: Mapping[TopicPartition, Any] = await self._consumer.offsets_for_times(times)
            return found

        found = await self._ask(question)
        return {pair: hit.offset if hit else edges[pair].end for pair, hit in found.items()}

    async def _ask(self, question: Question) -> dict[TopicPartition, Any]:
        by_leader: dict[int | None, list[TopicPartition]] = {}
        for pair in self.answering:
            by_leader.setdefault(leader_of(self._consumer, pair), []).append(pair)
        found: dict[TopicPartition, Any] = {}
        failed: dict[TopicPartition, str] = {}

        async def ask(pairs: Sequence[TopicPartition], seconds: float) -> None:
            try:
                async with asyncio.timeout(seconds):
                    found.update(await question(pairs))
            except (TimeoutError, KafkaError) as error:
                failed.update(dict.fromkeys(pairs, _reason(error, seconds)))

        await asyncio.gather(*(ask(pairs, self._seconds) for pairs in by_leader.values()))
        without = {TopicPartition(*place) for place in leaderless(self._consumer, failed)}
        again = [pair for pair in failed if pair not in without]
        await asyncio.gather(*(ask([pair], min(self._seconds, ANSWER_SECONDS)) for pair in again))
        self.silent |= {
            pair: "no leader" if pair in without else why
            for pair, why in failed.items()
            if pair not in found
        }
        return found


def _reason(error: Exception, seconds: float) -> str:
    if isinstance(error, tuple(RESOURCES)):
        return error_text(error, operation="Read")
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:.0f} s"
    return error_text(error)


def all_silent(consumer: AIOKafkaConsumer, silent: Mapping[tuple[str, int], str]) -> BrokerError:
    """Return the error of whoever needs every partition."""
    if without := leaderless(consumer, (TopicPartition(*place) for place in silent)):
        return NoLeaderError(without)
    return BrokerError(f"Kafka did not answer: {name_silent(silent)}")


def name_silent(silent: Mapping[tuple[str, int], str]) -> str:
    """Return partitions by the reason for which they do not answer, as one line."""
    by_reason: dict[str, list[str]] = {}
    for (topic, number), why in sorted(silent.items()):
        by_reason.setdefault(why, []).append(f"{topic}-{number}")
    return "; ".join(f"{why}: {', '.join(names)}" for why, names in by_reason.items())
