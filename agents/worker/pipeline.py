"""The pipeline: several batches in flight, nothing waiting for an unrelated call.

A batch leaves when a call may start (a slot, a token, the day's pace), with what is ready then.
What needs no call ends at once; what is to be written goes in a call of its own, if no call in
flight has the same record or lock (`agents.delivery.lock_table`), or waits for that one alone. An
event is finished when all its consequences are on disk; the ledger decides what may be committed.

Whatever leaves a task or a step here as an exception ends the process uncommitted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from math import inf
from typing import Any

from agents.delivery.call_size import MOST_FRESH_CALLS, is_turn_of_lines
from agents.delivery.lock_table import LockTable
from agents.handling.intent import Intent
from agents.handling.outcome import Decision
from agents.salesforce.api.send_right import asked_before_requests
from agents.worker.batch_log import batch_span, log_batch, trace_events
from agents.worker.batches import Call, TakenBatch, event_ids_of, split_by_lock
from agents.worker.call_pacing import Claim
from agents.worker.context import WorkerContext
from agents.worker.long_lines import LongLines
from agents.worker.offset_ledger import HeldEvent, OffsetLedger, Phase
from agents.worker.ready_queue import ReadyQueue
from agents.worker.suspects import Suspects
from stream.ops import metrics

MOST_RUNNING = 64  # batches, most of which only wait for a publish or rest between tries


class Pipeline:
    """Works on events between the consumer and Salesforce. Use: `await room()`, then `add`."""

    def __init__(
        self,
        context: WorkerContext,
        *,
        ack: Callable[[HeldEvent], None],
        drop: Callable[[HeldEvent], None],
    ) -> None:
        self._context = context
        self._ledger = OffsetLedger(
            ack=ack, drop=drop, max_events=context.max_held, max_bytes=context.max_held_bytes
        )
        self._ready = ReadyQueue()
        self._locks: LockTable[Intent] = LockTable(lambda intent: intent.locks)
        self._held: dict[Intent, HeldEvent] = {}
        self._lines = LongLines(context.pacing.most_orders)
        self._suspects = Suspects(context.journal)
        self._running: set[asyncio.Task[None]] = set()
        self._is_pumping = False
        self._timer: asyncio.TimerHandle | None = None
        self._fresh_calls = MOST_FRESH_CALLS
        self._is_alone = False
        self._changed = asyncio.Event()
        self.is_fenced = False
        self._pacing = context.pacing
        self._pacing.admission.when_free = self._pump_soon

    @property
    def has_room(self) -> bool:
        """Whether another event may be taken."""
        return self.is_fenced or self._ledger.has_room

    async def room(self) -> None:
        """Return when there is. Not asking the consumer is the flow control."""
        while not self.has_room:
            await self._change()

    def add(self, held: HeldEvent) -> None:
        """Take an event in hand."""
        held.taken_at = self._context.progress.working_seconds()
        self._ledger.add(held)
        self._ready.add(held)
        self._pump_soon()

    def oldest_seconds(self) -> float:
        """Return the age of the event that has been in hand for longest; outages do not count."""
        taken = [held.taken_at for held in self._ledger.in_work()]
        return self._context.progress.working_seconds() - min(taken) if taken else 0.0

    async def fence(self, patience_seconds: float) -> bool:
        """Begin nothing more and wait for what was begun; return whether all of it has ended.

        What waits behind everything begun is dropped. When this returns False, a call may still
        land after the next owner's: the process must end.
        """
        self.is_fenced = True
        self._drop(self._ledger.tail())
        self._pump_soon()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                while self._running or self._ledger.events:
                    await self._change()
        if not self._running:
            self._drop(self._ledger.unfinished())
            self._ledger.clear()
        return not self._running

    def open(self) -> None:
        """Take events again: partitions are assigned."""
        self.is_fenced = False
        self._pump_soon()

    def _drop(self, events: Sequence[HeldEvent]) -> None:
        gone = set(events)
        in_line = [held for held in events if self._ready.is_waiting(held)]
        self._ready.forget(in_line)
        self._suspects.forget(gone)
        out = self._locks.forget(lambda intent: self._held[intent] in gone)
        self._lines.leave(*(intent.customer for intent in out))
        self._lines.forget(gone)
        self._held = {intent: held for intent, held in self._held.items() if held not in gone}
        self._ready.finish(gone - set(in_line))
        self._ledger.let_go(gone)
        self._changed.set()

    def _pump_soon(self) -> None:
        if not self._is_pumping:
            self._is_pumping = True
            asyncio.get_running_loop().call_soon(self._context.or_end, self._pump)

    def _pump(self) -> None:
        """Start what can start now."""
        self._is_pumping = False
        if self._suspects and not self._running:
            self._is_alone = True
            self._start_work(self._suspects.next_part(self._pacing.most_orders()))
        self._is_alone = self._is_alone and bool(self._running)
        if self._suspects or self._is_alone:
            return
        self._call_up()
        while len(self._running) < MOST_RUNNING and (self._ready or self._locks.free_lines):
            wait = self._pacing.wait_seconds(len(self._ready), self._ready.live)
            if 0 < wait < inf:
                self._look_again(wait)
            if wait > 0 or not self._start_next():
                break
        if self._suspects and not self._running:
            self._pump_soon()

    def _look_again(self, seconds: float) -> None:
        """Pump then, if not before: of each event that comes a timer of its own would stay."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._pump_soon)

    def _call_up(self) -> None:
        """Start on what may come into a line. It is in hand anew: a long line is no standstill."""
        for customer, events in self._lines.called_up():
            for held in events:
                for each in (held, *self._ready.waiting_for(held.key)):
                    each.taken_at = self._context.progress.working_seconds()
            self._start_work(events, customer)

    def _start_next(self) -> bool:
        """Start a call of those who waited for a lock, or a batch of fresh events, in turn."""
        in_lines, ready = self._locks.in_free_lines, len(self._ready)
        is_of_lines = is_turn_of_lines(in_lines, ready, self._fresh_calls)
        # Each by its own number: beside one fresh order a long line would go out one by one.
        waiting = in_lines if is_of_lines else ready
        size = self._pacing.size(waiting, self._locks.free_lines if is_of_lines else waiting)
        self._fresh_calls = 0 if is_of_lines else self._fresh_calls + 1
        if is_of_lines:
            call = Call()
            call.intents = self._locks.claim_waiting(size, call)
            if call.intents:
                self._begin([self._held[intent] for intent in call.intents])
                self._lines.leave(*(intent.customer for intent in call.intents))
                self._start(self._send(call, Claim(self._pacing), is_late=True))
            return True
        size = max(size, self._suspects.least_taken())
        taken = self._ready.take(size, is_mixed=self._pacing.is_scarce)
        fresh = self._suspects.put_aside(taken)
        if fresh:
            self._start_work(fresh)
        return not self._suspects

    def _start_work(self, events: Sequence[HeldEvent], customer: str = "") -> None:
        self._begin(events)  # here and not in the task: a fence in between must find it begun
        claim = Claim(self._pacing, calls=0 if customer else 1)  # who is called up starts no call
        self._start(self._work(events, claim, customer))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._changed.set()
        self._pump_soon()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - going on would acknowledge what is not done
            self._context.end_process(error)

    async def _work(self, events: Sequence[HeldEvent], claim: Claim, customer: str) -> None:
        """Go as far as it goes without a call, and send on the rest; `customer`: called up."""
        batch = TakenBatch(events)
        metrics.BATCH_EVENTS.observe(len(events))
        may_wait = not (customer or self._is_alone) and self._lines.has_long
        prepared = await self._context.handler.prepare(
            [held.envelope for held in events], self._lines.is_long if may_wait else None
        )
        calls = split_by_lock(prepared.intents)
        self._held |= {intent: batch.claim(intent.item.envelope) for intent in prepared.intents}
        waiting = [batch.claim(envelope) for envelope in prepared.later]
        self._ready.put_back(waiting)
        for call in calls:
            for intent in call.candidates:
                if self._locks.claim(intent, call):
                    call.intents.append(intent)
                else:
                    waiting.append(self._held[intent])
                    self._lines.join(intent.customer)
            if call.intents:
                self._start(self._send(call, claim))
                claim = Claim(self._pacing)
        claim.over()
        self._lines.arrived(customer)
        behind = [(whose, batch.claim(envelope)) for whose, envelope in prepared.behind]
        self._lines.stand_behind(behind)
        self._put_back(waiting, [held for _, held in behind])
        if prepared.decisions:
            await self._finish([(batch.claim(d.envelope), d) for d in prepared.decisions])

    def _begin(self, events: Sequence[HeldEvent]) -> None:
        self._ledger.begin(events)
        self._context.journal.begin(event_ids_of(events))
        self._context.progress.move()

    def _put_back(self, waiting: Sequence[HeldEvent], behind: Sequence[HeldEvent]) -> None:
        if waiting or behind:
            for held in waiting:
                held.phase = Phase.WAITING
            self._ledger.put_behind(behind)
            self._context.journal.pause(event_ids_of([*waiting, *behind]))
            if self.is_fenced:  # all of the tail: one that stayed would be acknowledged past these
                self._drop(self._ledger.tail())

    async def _send(self, call: Call, claim: Claim, *, is_late: bool = False) -> None:
        """Write what shares a call and finish it. `claim` is told of each call that flies."""
        began = time.monotonic()
        intents = call.intents
        ended: list[Decision] = []
        if is_late:
            intents, ended = self._context.handler.look_again(intents)
        claim.starts()
        if any(self._context.asks_first(intent.write_set) for intent in intents):
            claim.follow()

        loop = asyncio.get_running_loop()

        def check_alive() -> None:  # called in the thread of the call
            self._context.check_alive()
            loop.call_soon_threadsafe(claim.flies)

        with batch_span([intent.item.envelope for intent in intents]) as traced:
            with asked_before_requests(check_alive):
                decisions = await self._context.handler.write(intents)
            claim.over()
            if traced is not None:
                trace_events(decisions)
        by_envelope = TakenBatch([self._held.pop(intent) for intent in call.intents])
        await self._finish([(by_envelope.claim(d.envelope), d) for d in (*decisions, *ended)])
        for intent in call.intents:
            self._locks.release(intent)
        metrics.BATCH_SECONDS.observe(time.monotonic() - began)

    async def _finish(self, ended: list[tuple[HeldEvent, Decision]]) -> None:
        """Put what became of events on disk, then acknowledge them."""
        began = time.monotonic()
        events, decisions = [held for held, _ in ended], [decision for _, decision in ended]
        self._context.check_alive()
        await self._context.finish(decisions)
        self._context.journal.end(event_ids_of(events))
        self._context.progress.move()
        self._ledger.finish(events)
        self._ready.finish(events)
        log_batch([held.envelope for held in events], decisions, seconds=time.monotonic() - began)
        self._changed.set()
        self._pump_soon()

    def _change(self) -> Coroutine[Any, Any, bool]:
        self._changed.clear()
        return self._changed.wait()
