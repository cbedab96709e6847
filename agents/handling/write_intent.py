"""Foresight: a write that may go backwards after a crash is announced before it is made. Pure.

The newest event of an order in a batch is sent, the older ones are let go. A worker that is killed
after that write and before its state is on record leaves no trace of it; its successor is given the
same events in other batches, may meet an older one alone, and would write it over the newer one.
So the state of such an order is marked as in doubt, with the version that is about to be sent,
first: then the older one is superseded, and the newer one is sent again.

It takes an older event of the same order that has not been written: in the same batch, waiting for
a retry (its state is in doubt, or says who waits), or unread in another topic: live events have
one, what jobs and people bring has another, and each is read at its own pace. Nobody can look
there, so what is brought is always announced, and what is live while something is brought. A record
more, and no call. All other orders cost nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Sequence

from agents.handling.decode import DecodedEvent
from agents.handling.intent import Intent
from agents.handling.version_guard import overrules
from agents.handling.written_fields import told_of
from agents.mapping.apply import Mapped
from schemas.event import Via
from schemas.state import UNSURE, State

NoteDoubt = Callable[[Sequence[tuple[DecodedEvent, State]]], Awaitable[None]]

LATELY_MS = 600_000  # a job's events come one behind the other


class Brought:
    """Which partitions something was brought to lately, beside their live events."""

    def __init__(self) -> None:
        self._at_ms: dict[int, int] = {}

    def note(self, items: Iterable[DecodedEvent], now_ms: int) -> None:
        """Note what was brought of these."""
        for item in items:
            if item.candidate.via is not Via.LIVE:
                self._at_ms[item.origin.partition] = now_ms

    def is_beside(self, item: DecodedEvent, now_ms: int) -> bool:
        """Whether events of the item's order may stand in two topics."""
        return now_ms - self._at_ms.get(item.origin.partition, -LATELY_MS) < LATELY_MS


def doubts(
    intents: Iterable[tuple[Intent, State | None]], is_beside: Callable[[DecodedEvent], bool]
) -> list[tuple[DecodedEvent, State]]:
    """Return the items to be announced, each with the state to put on record.

    An intent is contested when an older event was in the same batch and would have been sent alone.
    """
    return [
        (intent.item, announced(intent.item, intent.records, state))
        for intent, state in intents
        if intent.is_contested
        or is_beside(intent.item)
        or (state is not None and state.is_doubtful)
    ]


def announced(item: DecodedEvent, records: Mapped, state: State | None) -> State:
    """Return the state in doubt; a write that overrules the org does so when it is made again."""
    told = told_of(item, records) | ({UNSURE} if item.candidate.is_part else set())
    coming = item.new_state(state, {}, told)
    if item.told_over is None:
        is_reset = overrules(state, item.candidate)
        return dataclasses.replace(coming, digest="", is_reset=is_reset)
    return coming.beneath_in_doubt()
