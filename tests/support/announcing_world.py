"""A handler's world that keeps what is announced before a write, as the state topic would."""

from __future__ import annotations

import dataclasses

import orjson

from stream.errors import FrozenError
from support.handler_world import World


class Announcing(World):
    """A world that keeps what is announced, as the state topic would, in the order of things."""

    def __init__(self, answer=None):
        super().__init__(answer)
        self.announced = []
        self.handler.note_doubt = self._note

    async def _note(self, foreseen):
        assert not self.dispatcher.sent or self.dispatcher.sent == self.sent_before
        for item, state in foreseen:
            self.announced.append(item.envelope.key)
            self.states[item.key] = state

    async def handle(self, *events):
        self.sent_before = list(self.dispatcher.sent)
        decisions, envelopes = [], list(events)
        while envelopes:
            prepared = await self.handler.prepare(envelopes)
            decisions += prepared.decisions + await self.handler.write(prepared.intents)
            envelopes = prepared.later
        return decisions

    async def keep(self, *events):
        """Handle events and keep their states, as the worker does when it lives."""
        decisions = await self.handle(*events)
        for decision in decisions:
            self.remember(decision)
        return decisions

    @staticmethod
    def told(event, body):
        return dataclasses.replace(event, value=orjson.dumps(body))

    def inherits(self, *events):
        """These were in a worker's hand before us."""
        theirs = {event.origin for event in events}
        self.handler.is_inherited = lambda origin: origin in theirs
        self.handler.__post_init__()

    def remember(self, decision):
        if decision.state is not None:
            self.states[f"order:{decision.envelope.key}".encode()] = decision.state


def outcomes(decisions):
    return {d.envelope.origin.offset: d.result.outcome for d in decisions}


def died(_bundle):
    raise FrozenError("killed after the write, before anything was on record")
