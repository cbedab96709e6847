"""What a group's coordinator answers, where aiokafka 0.14 hears something else.

**An error of the whole answer.** aiokafka looks at those of rows only. A coordinator that moves or
loads answers the question for committed offsets with an error and no rows. Taken for a group that
has committed nothing, it sends whoever has just got partitions back to the beginning of their logs:
workers through a month of events, the relay through a week of retries that were long tried again,
everything new behind them. (librdkafka #5586 is the same.)

**A refusal that passes** (rights that a broker has not loaded yet, an error of its own). It ends
the task that asked: no heartbeat is sent any more, nobody joins again, and the same error is told
for ever. A relay stood still with every retry until somebody started it again; so did a worker.

**A topic that is not there.** aiokafka asks again for ever: a topic that was deleted a moment ago
kept a member from committing anything, and from giving its partitions away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorForGroupError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.structs import OffsetAndMetadata

IS_ELSEWHERE = (GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError)

COMMIT_SECONDS = 5.0
AGAIN_SECONDS = 2.0


def refuse(error: int, group: str) -> None:
    """Raise the KafkaError of a code; 0 is none."""
    if error:
        raise for_code(error)(group)


def heed_errors(coordinator: Any) -> None:
    """Have a consumer's coordinator raise such an error: aiokafka asks again for what passes."""
    ask = coordinator._send_req  # noqa: SLF001 - test_private_names.py holds the name

    async def heeding(request: Any) -> Any:
        answer = await ask(request)
        error = getattr(answer, "error_code", 0)
        if error and isinstance(request, OffsetFetchRequest):
            if for_code(error) in IS_ELSEWHERE:
                coordinator.coordinator_dead()
            refuse(error, coordinator.group_id)
        return answer

    coordinator._send_req = heeding  # noqa: SLF001 - it, too


def go_on(coordinator: Any) -> None:
    """Have a consumer join again whose tasks have ended by an error that somebody has heard."""
    if coordinator is None:  # of a consumer that has not started
        return
    tasks = (coordinator._heartbeat_task, coordinator._commit_refresh_task)  # noqa: SLF001 - it, too
    ended = (task for task in tasks if task is not None and task.done() and not task.cancelled())
    if any(task.exception() is not None for task in ended):
        coordinator.request_rejoin()


def has_ended(consumer: Any) -> bool:
    """Whether a task of aiokafka's own has ended: it tells nobody, and nothing more comes."""
    fetcher = consumer._fetcher  # noqa: SLF001 - test_private_names.py holds it
    if fetcher is None:
        return True
    tasks = (fetcher.error_future, consumer._coordinator._coordination_task)  # noqa: SLF001 - it, too
    return any(task.done() for task in tasks)


async def commit_what_is_there(
    consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, OffsetAndMetadata]
) -> None:
    """Commit, if need be without the topics that are gone meanwhile. Raises KafkaError."""
    left = dict(offsets)
    while left:
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                await consumer.commit(left)
        except TimeoutError:
            gone = await _gone(consumer, {pair.topic for pair in left})
            left = {pair: at for pair, at in left.items() if pair.topic not in gone}
        else:
            return


async def _gone(consumer: Any, topics: set[str]) -> set[str]:
    """Return which topics are not there; a broker that has just begun may not know them yet."""
    for _ in range(2):
        await _look_again(consumer)
        topics = {topic for topic in topics if not consumer.partitions_for_topic(topic)}
        if topics:
            await asyncio.sleep(AGAIN_SECONDS)
    return topics


async def _look_again(consumer: Any) -> None:
    with suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(COMMIT_SECONDS):
            await consumer._client.force_metadata_update()  # noqa: SLF001 - see above
