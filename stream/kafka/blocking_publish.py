"""Publishing that never gives up: what the agents and the relay do with what they hold.

An offset may be committed only when its consequences are on disk. So while Kafka is away this
waits, tells a person, and goes on by itself; only what was not acknowledged is sent again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import structlog

from stream.backoff import Backoff
from stream.errors import PublishError
from stream.kafka.publisher import Ack, Publisher, Record
from stream.ops import metrics
from stream.ops.alerts import Alert, Alerts

log = structlog.get_logger()

REPEAT = Backoff(first_seconds=0.2, cap_seconds=5.0)
# How long records may wait for an ack before a person is told, and how often it is logged.
BLOCKED_AFTER_SECONDS = 10.0
LOG_EVERY_SECONDS = 60.0
TICK_SECONDS = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _Wait:
    """One publish that is waited for: told from another one that began at the same time."""

    started: float


class BlockingPublish:
    """`publish_all(records)`: returns when every record is on disk, however long that takes.

    After ten seconds, or when a record is too large for its topic, PUBLISH_BLOCKED is raised; it is
    resolved when nothing that was blocked is left: several publishes wait at the same time, and one
    partition that takes its records says nothing about another one.

    `check_alive` is asked before anything is sent and twice a second: what it raises ends the wait,
    and what was not acknowledged may or may not be there. Without it, only a cancel does. In a
    Faust loop that error must not end in a commit: end the process. While `may_send` says no,
    nothing is sent, and nothing is given up.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        alerts: Alerts,
        check_alive: Callable[[], None] = lambda: None,
        may_send: Callable[[], bool] = lambda: True,
        tick_seconds: float = TICK_SECONDS,
        blocked_after_seconds: float = BLOCKED_AFTER_SECONDS,
    ) -> None:
        self._publisher = publisher
        self._alerts = alerts
        self._check_alive = check_alive
        self._may_send = may_send
        self._tick_seconds = tick_seconds
        self._blocked_after_seconds = blocked_after_seconds
        self._logged_at = float("-inf")
        self._blocked: set[_Wait] = set()

    async def __call__(self, records: Sequence[Record]) -> list[Ack]:
        """Return one ack per record, in their order. Only what failed is sent again."""
        wait = _Wait(time.monotonic())
        try:
            return await self._until_acked(records, wait)
        finally:  # a cancelled one waits no more either, and nobody else would resolve it
            if self._blocked == {wait}:
                self._alerts.resolve(Alert.PUBLISH_BLOCKED)
            self._blocked.discard(wait)

    async def _until_acked(self, records: Sequence[Record], wait: _Wait) -> list[Ack]:
        acks: dict[int, Ack] = {}
        waiting = list(range(len(records)))
        attempt = 0
        while waiting:
            await self._until_may_send(records, wait)
            answers = await self._answers([records[position] for position in waiting], wait)
            refused: dict[int, PublishError] = {}
            for position, answer in zip(waiting, answers, strict=True):
                if isinstance(answer, Ack):
                    acks[position] = answer
                else:
                    refused[position] = answer
            if refused:
                attempt += 1
                self._note_refused([records[p] for p in refused], refused.values(), wait)
                await self._pause(attempt)
            waiting = list(refused)
        return [acks[position] for position in range(len(records))]

    async def _answers(self, records: Sequence[Record], wait: _Wait) -> list[Ack | PublishError]:
        task = asyncio.ensure_future(self._publisher.publish_each(records))
        try:
            while not (await asyncio.wait({task}, timeout=self._tick_seconds))[0]:
                self._check_alive()
                self._tell_if_blocked(wait, f"{_topics(records)}: no ack", records)
        finally:
            if not task.done():
                task.cancel()
        return task.result()

    async def _until_may_send(self, records: Sequence[Record], wait: _Wait) -> None:
        self._check_alive()
        while not self._may_send():
            self._tell_if_blocked(wait, "our place in the group is not confirmed", records)
            await asyncio.sleep(self._tick_seconds)
            self._check_alive()

    async def _pause(self, attempt: int) -> None:
        until = time.monotonic() + REPEAT.drawn_seconds(attempt, random.random())  # noqa: S311 - spreads load only
        while (left := until - time.monotonic()) > 0:
            self._check_alive()
            await asyncio.sleep(min(left, self._tick_seconds))

    def _note_refused(
        self, records: Sequence[Record], errors: Collection[PublishError], wait: _Wait
    ) -> None:
        for topic, count in Counter(record.topic for record in records).items():
            metrics.PUBLISH_RETRIES.labels(topic).inc(count)
        reason = str(next(iter(errors)))
        self._log(reason, records)
        if any(error.is_too_large for error in errors):
            self._blocked.add(wait)
            self._alerts.fire(Alert.PUBLISH_BLOCKED, reason)
        self._tell_if_blocked(wait, reason, records)

    def _tell_if_blocked(self, wait: _Wait, reason: str, records: Sequence[Record]) -> None:
        waited = time.monotonic() - wait.started
        if waited >= self._blocked_after_seconds:
            self._blocked.add(wait)
            self._alerts.fire(Alert.PUBLISH_BLOCKED, f"{reason} (for {waited:.0f} s)")
            self._log(reason, records)

    def _log(self, reason: str, records: Sequence[Record]) -> None:
        if time.monotonic() - self._logged_at >= LOG_EVERY_SECONDS:
            self._logged_at = time.monotonic()
            log.warning(
                "publish_blocked", topics=_topics(records), records=len(records), reason=reason
            )


def _topics(records: Sequence[Record]) -> str:
    return ", ".join(sorted({record.topic for record in records}))
