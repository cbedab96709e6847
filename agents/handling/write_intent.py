"""Foresight: a write that may go backwards after a crash is announced before it is made. Pure.

The newest event of an order in a batch is sent, the older ones are let go. A worker that is killed
after that write and before its state is on record leaves no trace of it; its successor is given the
same events in other batches, may meet an older one alone, and would write it over the newer one.
So the state of such an order is marked as in doubt, with the version that is about to be sent,
first: then the older one is superseded, and the newer one is sent again.

It takes an older event of the same order that has not been written: in the same batch, waiting for
a retry (its state is in doubt already), or unread in the topic where live events come. For that one
nobody can look, and each topic is read at its own pace: so what a job or a person brings is always
announced, a record more and no call. All other orders cost nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Sequence

from agents.handling.decode import DecodedEvent
from agents.handling.intent import Intent
from agents.handling.version_guard import overrules
from agents.handling.written_fields import told_of
from schemas.event import Via
from schemas.state import State

NoteDoubt = Callable[[Sequence[tuple[DecodedEvent, State]]], Awaitable[None]]


def doubts(
    intents: Iterable[tuple[Intent, State | None]],
) -> list[tuple[DecodedEvent, State]]:
    """Return the items to be announced, each with the state to put on record.

    An intent is contested when an older event was in the same batch and would have been sent alone.
    """
    return [
        (intent.item, _announced(intent, state))
        for intent, state in intents
        if intent.is_contested or _is_brought(intent) or (state is not None and not state.digest)
    ]


def _is_brought(intent: Intent) -> bool:
    """Whether it comes beside its order's live events, not among them."""
    return intent.item.candidate.via is not Via.LIVE


def _announced(intent: Intent, state: State | None) -> State:
    """Return the state in doubt; a write that overrules the org does so when it is made again."""
    item = intent.item
    announced = item.new_state(state, {}, told_of(item, intent.records))
    if item.told_over is None:
        is_reset = overrules(state, item.candidate)
        return dataclasses.replace(announced, digest="", is_reset=is_reset)
    return announced.beneath_in_doubt()
