"""What a worker's agent and pipeline work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from agents.delivery.types import WriteSet
from agents.handling.handler import Handler
from agents.handling.outcome import Decision
from agents.handling.poison_pills import PoisonPillJournal
from agents.handling.state_store import StateStore
from agents.pacing.stall_clock import Progress
from agents.worker.call_pacing import CallPacing


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Everything is injected. `finish` publishes decisions and returns after the acks.

    `asks_first` says of a write whether the org is asked something before it; `unanswered`, of
    which partitions no publish was acknowledged for so many seconds.

    `end_process` never returns: it is called when this process was frozen, when it could not give
    its partitions away in time, or when a bug is about to leave the pipeline, where it would end
    as an acknowledged, lost message. What is in hand is redelivered.
    """

    handler: Handler
    state: StateStore
    finish: Callable[[Sequence[Decision]], Awaitable[None]]
    journal: PoisonPillJournal
    progress: Progress
    pacing: CallPacing
    check_alive: Callable[[], None]
    end_process: Callable[[BaseException], None]
    max_held: int
    max_held_bytes: int
    asks_first: Callable[[WriteSet], bool] = lambda _: False
    unanswered: Callable[[float], Sequence[tuple[str, int]]] = lambda _seconds: ()

    def or_end(self, step: Callable[[], None]) -> None:
        """Take a step of the event loop's; a bug in it ends the process, as one in a task does.

        The loop alone would log it and go on without what the step would have started: a worker
        that takes events and sends none, until the watchdog sees it minutes later.
        """
        try:
            step()
        except Exception as error:  # noqa: BLE001 - see above
            self.end_process(error)
