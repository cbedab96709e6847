"""Faust's consumer: the one place that decides which records may be passed over.

Only those that the broker does not have any more, by its own word. Everything else is read:

* A rebalance throws away what was fetched and not yet handled, and goes back to the committed
  offset. Where nothing is committed yet, aiokafka does not go back at all (34 of 1,501 events were
  skipped in one run), so those partitions go back to their beginning.
* When rebalances follow each other closely, Faust drops what it has fetched and not delivered, and
  takes what comes next for a topic with gaps (56 of 1,245 events in one run of a rebalance storm).
  So every message must be the next one of its partition; if it is not, the broker is asked what is
  in between, and what is there is read.
* When one rebalance overtakes another, Faust clears its agents' queues once more, and what stood in
  them is in nobody's hands (1 of 22,235 events, three brokers, leaders killed). So the agent asks
  of each event as well whether it is the next (`is_next`), and takes none twice in a generation.
* A log may go back: cut by an unclean election, restored, mirrored, made again. Faust drops
  everything below its read offset without a word and never commits backwards. So every commit
  carries some of the records that were read (`log_witness`); they are compared with the log before
  a partition is read, and every few seconds while it is. A partition whose log went back is left
  and taken again like at a rebalance, from the last record that both have in common.

Faust hands each message to its stream in a task of its own, beside three more tasks that watch for
a rebalance, a stop and a crash: four tasks a message, a tenth of all that a worker does, and nearly
every delivery is a put into a queue that has room. Here the delivery begins without a task. Only
one that has to wait (a full queue) is watched as Faust does it, from the point where it waits.
What is delivered, in which order, and what is counted as read stays the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping
from contextlib import suppress
from typing import Any, cast

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP
from mode.services import WaitResults

from agents.worker.consumer_thread import NO_GENERATION, WitnessingThread
from agents.worker.faust_events import straight
from agents.worker.session_guard import Membership
from stream.begun import rest_of
from stream.errors import BrokerError
from stream.kafka.log.read_log import START_SECONDS, ReadLog

log = structlog.get_logger()

DELIVERED = WaitResults([], [], False)
FULL_SECONDS = 0.02  # between two looks whether the queue has room again
SIZES = 64  # over how many messages a message's size is averaged
DELIVERY_WAITS = 2  # the delivery, and the wait for a rebalance


class PromptConsumer(Consumer):
    """Differs from its base in `wait_first`, `getmany`, and in what it seeks and commits."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.callback = straight(self.app, self.callback)
        self.expected: dict[TP, int] = {}  # the next offset to be taken
        self._entered: dict[TP, int] = {}  # the next offset that the agent takes, in a generation
        self._entered_generation = NO_GENERATION
        self._returning: set[TP] = set()
        self._is_cleared = False
        self._mean_bytes = 0.0  # of a message
        self._seeking = asyncio.Lock()
        self.read_log: ReadLog = cast("Any", self.app).read_log

    _thread: WitnessingThread

    def _new_consumer_thread(self) -> WitnessingThread:
        return WitnessingThread(self, loop=self.loop, beacon=self.beacon)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust logs here what our watchdog judges, and reads private state for it.

        Of a partition that has no position yet (its log was just left and is taken again), that
        state raises, which ended the consumer of a living process.
        """

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - the signature is Faust's
        """Yield fetched messages, each the next one of its partition."""
        if self._is_cleared:
            self._is_cleared = False
            await self._back_to_entered()
        await self._room()
        left: set[TP] = set()
        async for tp, message in super().getmany(timeout):
            offset = message.offset
            expected = self.expected.get(tp, offset)
            if tp in left:
                continue
            if offset < expected:  # aiokafka starts over by itself where an offset is out of range
                left.add(tp)
                self.read_log.suspect(tp)
                continue
            if offset > expected and await self._is_hole(tp, expected, offset):
                left.add(tp)
                await self._go_back({tp: expected}, found=offset)
                continue
            read = self._read_offset.get(tp)
            if read is None or offset >= read:  # or else Faust drops it
                self.expected[tp] = max(self.expected.get(tp, 0), offset + 1)
                self.read_log.note(tp, message)
            self._mean_bytes += (len(message.value or b"") - self._mean_bytes) / SIZES
            yield tp, message

    async def _room(self) -> None:
        """Return when the agent's queue takes more bytes: Faust counts its messages only.

        Four thousand large orders are gigabytes. One fetch more is taken: 1 MiB a partition.
        """
        app: Any = self.app  # a WorkerApp
        while app.queued() * self._mean_bytes > app.most_queued_bytes:
            if self.should_stop or not self.flow_active:
                return
            await asyncio.sleep(FULL_SECONDS)

    async def _is_hole(self, tp: TP, expected: int, offset: int) -> bool:
        """Whether the topic has records between the two. Nobody who can say: it has."""
        try:
            return await self.read_log.has_records(tp, expected, offset)
        except BrokerError as error:
            log.warning("hole_not_judged", topic=tp.topic, partition=tp.partition, error=str(error))
            return True

    def highwater(self, tp: TP) -> int:  # noqa: ARG002 - the signature is Faust's
        """Return nothing that is known: Faust asks with each record, for its monitor alone."""
        return 0

    def follows(self, tp: TP, offset: int, generation: int) -> bool:
        """Whether an event plainly is the next of its partition, as nearly all are: it is taken."""
        books = self._entered
        if generation != self._entered_generation or books.get(tp) != offset:
            return False
        self._returning.discard(tp)
        books[tp] = offset + 1
        return True

    async def is_next(self, tp: TP, offset: int, generation: int) -> bool:
        """Whether an event that reached the agent is the next of its partition; if not, it waits.

        Between the consumer and its agent Faust clears queues, also without seeking back after it.
        What comes again is passed over; what is missing is read again.
        """
        if self.follows(tp, offset, generation):
            return True
        books = self._entered  # a rebalance opens others, also while the broker is asked
        entered = books.get(tp) if generation == self._entered_generation else None
        if entered is None or offset < entered or tp in self._returning:
            return False
        is_hole = await self._is_hole(tp, entered, offset)
        if books is not self._entered:
            return False
        if is_hole:
            self._returning.add(tp)
            await self._go_back({tp: entered}, found=offset)
            return False
        self._returning.discard(tp)
        books[tp] = offset + 1
        return True

    def resume_flow(self) -> None:
        """Let messages flow; Faust has just cleared the queues of its agents."""
        self._is_cleared = True
        super().resume_flow()

    async def go_back_to_last(self, paused: Collection[TP]) -> None:
        """Have partitions read on behind what they gave last, before they are resumed.

        A partition that is paused in the midst of a fetch gives nothing more of it: Faust passes
        over the records, with the position behind them.
        """
        to = {tp: self.expected[tp] for tp in paused if tp in self.expected}
        # Not assigned any more, or not led: then it is sought by a rebalance, or later again.
        with suppress(IllegalStateError, TimeoutError):
            await self.seek_wait(to)

    async def _back_to_entered(self) -> None:
        lost = {tp: at for tp, at in self._entered.items() if self.expected.get(tp, at) > at}
        if lost:
            await self._go_back(lost)

    def forget_entered(self) -> None:
        """Take nothing more until partitions were sought: they go, and what waited was dropped."""
        self._entered_generation, self._entered = NO_GENERATION, {}

    def _enter(self, offsets: Mapping[TP, int], generation: int) -> None:
        """Note where the agent begins in a generation; what it has taken in it, it keeps."""
        if generation != self._entered_generation:
            self._entered_generation, self._entered = generation, {}
        for tp, offset in offsets.items():
            self._entered.setdefault(tp, max(offset or 0, 0))
        self._returning.clear()

    async def _go_back(self, to: Mapping[TP, int], *, found: int | None = None) -> None:
        """Read on from these offsets, whatever was counted as read; `found`: what came instead."""
        places = {f"{tp.topic}/{tp.partition}": offset for tp, offset in to.items()}
        log.warning("gone_back", to=places, found=found)
        self.expected.update(to)
        self._read_offset.update(to)
        # Not assigned any more: then the next rebalance is under way, and it seeks itself.
        with suppress(IllegalStateError):
            await self.seek_wait(to)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every partition to where its log is read on; to its beginning without a commit.

        One at a time: Faust may ask again while the logs are compared, and the later answer, made
        of the older commits, would undo what the first has healed.
        """
        async with self._seeking:
            return await self._seek_to_read()

    async def _seek_to_read(self) -> Mapping[TP, int]:
        generation = self._generation
        committed = dict(await super().seek_to_committed())
        healed = await self.read_log.healed(committed, await self._thread.commit_metadata())
        if healed:
            committed |= healed
            with suppress(IllegalStateError):
                await self.seek_wait({tp: offset for tp, offset in healed.items() if offset})
                await self._thread.commit(healed)
        self.expected.update({tp: max(offset or 0, 0) for tp, offset in committed.items()})
        self._enter(committed, generation)
        unread = [TopicPartition(*tp) for tp, offset in committed.items() if not offset]
        if unread:
            # Not assigned any more: then the next rebalance is under way, and it seeks again.
            # Without a leader it takes effect later: the other partitions do not wait for it.
            with suppress(IllegalStateError, TimeoutError):
                async with asyncio.timeout(START_SECONDS):
                    await self._thread.seek_to_beginning(*unread)
        return committed

    @property
    def _generation(self) -> int:
        return int(cast("Any", self.app).consumer_generation_id or 0)

    @property
    def membership(self) -> Membership:
        """What is known of our place in the group; any thread may ask."""
        return Membership(self._generation, self._thread.generation, self._thread.heard_at)

    async def rejoin(self) -> None:
        """Leave all partitions and take them again."""
        await self._thread.rejoin()

    async def wait_first(self, *waits: Any, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109 - the signature is Faust's
        """Wait for the first of several; a delivery is tried at once."""
        is_delivery = len(waits) == DELIVERY_WAITS and isinstance(waits[0], Coroutine)
        if timeout is not None or not is_delivery:
            return await super().wait_first(*waits, timeout=timeout)
        delivery, suspension = waits
        try:
            obstacle = delivery.send(None)
        except StopIteration:
            suspension.close()
            return DELIVERED
        except BaseException:
            suspension.close()
            raise
        return await super().wait_first(rest_of(delivery, obstacle), suspension)


class PromptTransport(Transport):
    """Faust's Kafka transport with the consumer above."""

    Consumer = PromptConsumer
