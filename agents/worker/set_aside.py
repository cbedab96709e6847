"""Events of a partition that cannot be worked now wait beside the pipeline; all others go on.

Every event needs its partition of the state (what Salesforce has) and of the results (what became
of it). Where one of them has no leader, nothing may be written for that partition number: its
events are kept here in their order, and no more of them are fetched. They enter the pipeline when
the leader is back, and are dropped with their partition at a rebalance: nothing was acknowledged.

The same for a number of which a publish is not acknowledged (too few replicas in sync): what was
begun waits with its batches, and every further batch with an event of it would, until none is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from faust.types import TP

from agents.handling.state_store import StateStore
from agents.worker.faust_app import WorkerApp
from agents.worker.offset_ledger import HeldEvent
from stream.errors import NoLeaderError
from stream.ops.alerts import Alert, Alerts

log = structlog.get_logger()

CHECK_SECONDS = 2.0
NO_ACK_SECONDS = 3.0  # acks take milliseconds; a person is told later, by `blocking_publish`


class ConsumerFlow:
    """The consumer's flow by partition number, over all source topics."""

    def __init__(self, app: WorkerApp, sources: Sequence[str]) -> None:
        self._app = app
        self._sources = frozenset(sources)

    @property
    def generation(self) -> int:
        """The group generation of what is held now."""
        return int(self._app.consumer_generation_id or 0)

    @property
    def numbers(self) -> set[int]:
        """Which partition numbers are held now."""
        return {tp.partition for tp in self._held()}

    def pause(self, number: int) -> None:
        """Fetch nothing more of a number."""
        self._app.consumer.pause_partitions(self._of(number))

    async def go_back(self, number: int) -> None:
        """Go back to what a paused number gave last: what was fetched since, Faust has dropped."""
        consumer: Any = self._app.consumer  # a PromptConsumer
        await consumer.go_back_to_last(self._of(number))

    def resume(self, number: int) -> None:
        """Fetch it again."""
        self._app.consumer.resume_partitions(self._of(number))

    def _of(self, number: int) -> set[TP]:
        return {tp for tp in self._held() if tp.partition == number}

    def _held(self) -> set[TP]:
        return {tp for tp in self._app.consumer.assignment() if tp.topic in self._sources}


class SetAside:
    """`enter` puts an event into the pipeline, unless the group has gone on since it was taken.

    `drop` gives it back unacknowledged.
    """

    def __init__(
        self,
        states: StateStore,
        flow: ConsumerFlow,
        *,
        topics: Sequence[str],
        alerts: Alerts,
        enter: Callable[[HeldEvent], None],
        drop: Callable[[HeldEvent], None],
        end_process: Callable[[Exception], None],
        unanswered: Callable[[float], Sequence[tuple[str, int]]] = lambda _seconds: (),
    ) -> None:
        self._unanswered = unanswered
        self._states = states
        self._flow = flow
        self._topics = topics
        self._alerts = alerts
        self._enter = enter
        self._drop = drop
        self._end_process = end_process
        self._waiting: dict[int, list[HeldEvent]] = {}
        self._is_told = False

    async def admit(self, held: HeldEvent, generation: int) -> None:
        """Put an event into the pipeline when its state is known, or aside."""
        number = held.source[1]
        if number not in self._waiting:
            try:
                await self._states.ensure({number: generation})
            except NoLeaderError as error:
                self._close_without_leader(error)
        if number in self._waiting:
            self._waiting[number].append(held)
            self._flow.pause(number)  # a rebalance in between has opened it again
        else:
            self._enter(held)

    def forget(self) -> None:
        """Drop what waits: the partitions go."""
        for waiting in self._waiting.values():
            for held in waiting:
                self._drop(held)
            waiting.clear()

    async def watch(self) -> None:
        """Look for partitions that lose their leader, and for those that have one again."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - what waits would wait for ever
                self._end_process(error)

    async def look(self) -> None:
        """Ask once, close what has no leader and open what has."""
        numbers = {*self._flow.numbers, *self._waiting}
        pairs = [(topic, number) for topic in self._topics for number in sorted(numbers)]
        without = await self._states.leaderless(pairs)
        if without:
            self._close_without_leader(NoLeaderError(without))
        silent = [pair for pair in self._unanswered(NO_ACK_SECONDS) if pair[1] in numbers]
        self._close({number for _, number in silent}, f"no ack for {_names(silent)}")
        for number in self._waiting.keys() - {number for _, number in (*without, *silent)}:
            await self._open(number)

    def _close_without_leader(self, error: NoLeaderError) -> None:
        self._close({number for _, number in error.partitions}, str(error))
        self._is_told = True
        # Also when it is no news: others end this alert, and do not know of what waits here.
        self._alerts.fire(Alert.PUBLISH_BLOCKED, str(error))

    def _close(self, numbers: set[int], why: str) -> None:
        if numbers - self._waiting.keys():
            log.error("partition_set_aside", detail=why)
        for number in numbers:
            self._waiting.setdefault(number, [])
            self._flow.pause(number)

    async def _open(self, number: int) -> None:
        generation = self._flow.generation
        if number in self._flow.numbers:
            try:
                await self._states.ensure({number: generation})
            except NoLeaderError:
                return
            await self._flow.go_back(number)
        if generation != self._flow.generation:
            return
        # No await from here on: an event that comes now must not overtake those that waited.
        for held in self._waiting.pop(number):
            self._enter(held)
        self._flow.resume(number)
        log.info("partition_taken_up", partition=number)
        if not self._waiting and self._is_told:
            self._is_told = False
            self._alerts.resolve(Alert.PUBLISH_BLOCKED)


def _names(pairs: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{topic}-{number}" for topic, number in pairs)
