"""Guard, state and handler as a state machine beside the model."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Sequence

import orjson
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from agents.delivery.types import RefusedWrite, Written
from agents.handling.decode import item_of
from agents.handling.handler import Handler
from agents.handling.outcome import Decision
from agents.salesforce.api.send_right import check_of_context
from agents.salesforce.errors.error_kind import ErrorKind
from schemas.codec import decode
from schemas.digest import content_digest, save_mark
from schemas.event import Envelope, Kind, Origin, Via
from schemas.sender_clock import utc_text
from schemas.state import State
from schemas.state_order import goes_back
from schemas.version_reset import RESET_EVENT
from stream.errors import FrozenError
from stream.topics import Topics
from support.version_model import Event, FakeMapping, Model, Save, corrected_to, said

TOPICS = Topics()
KEY = "100"
BEGAN_MS = 1_773_500_000_000
ZONE_MS = 8 * 3_600_000
LOOP = asyncio.new_event_loop()
PARTS = ("stage", "amount")
SAYS = ("whole", "whole", *PARTS)


def _pick(data, choices):
    """Return one of the choices: drawn by Hypothesis, which shrinks, or by a die, which is fast."""
    if isinstance(data, random.Random):
        return data.choice(choices)
    return data.draw(st.sampled_from(choices))


class Pipe(RuleBasedStateMachine):
    """The store, the worker and the org; `model` says what the org must hold."""

    def __init__(self):
        super().__init__()
        self.model, self.now, self.offset, self.made = Model(), BEGAN_MS, 0, 0
        self.saves: list[Save] = []
        self.events: list[tuple[Envelope, Event]] = []
        self.waiting: list[tuple[Envelope, Event]] = []
        self.states: dict[bytes, bytes] = {}
        self.org: dict[str, int] = {}
        self.fails = self.dies = False
        self.shows = b""  # what the store shows to who completes events
        self.handler = self.worker()

    def worker(self) -> Handler:
        async def mapping():
            return FakeMapping()

        async def note_doubt(foreseen):
            for item, state in foreseen:
                self.keep(item.key, state)

        return Handler(
            org_mapping=mapping,
            dispatcher=self,
            get_state=lambda _p, key: State.from_bytes(s) if (s := self.states.get(key)) else None,
            check_alive=lambda: None,
            topics=TOPICS,
            note_doubt=note_doubt,
            enrich=self.enrich,
            clock_ms=lambda: self.now,
        )

    async def enrich(self, items, _ends, _decisions):
        if not self.shows:
            return items
        read = decode(self.shows, event="order_saved")
        return [
            item_of(item.envelope, item.origin, read, read_at_ms=self.now)
            if item.candidate.is_part
            else item
            for item in items
        ]

    def keep(self, key: bytes, state: State) -> None:
        """Store a state as the state store does: never an older one over a newer."""
        value, known = state.to_bytes(), self.states.get(key)
        assert known is None or not goes_back(known, value, utc_text(self.now + 300_000))
        self.states[key] = value

    async def send(self, bundles):
        check_of_context()()
        if self.fails:
            return [RefusedWrite(ErrorKind.LOCK, "UNABLE_TO_LOCK_ROW", "locked") for _ in bundles]
        for bundle in bundles:
            self.org |= bundle.rows[0].fields
        if self.dies:
            raise FrozenError("killed after the write, before anything was on record")
        return [Written({"Opportunity": "006"}) for _ in bundles]

    def handle(self, *batch: tuple[Envelope, Event]) -> None:
        """Let the worker have a batch; what is to be taken again it gets when the rest is over."""
        self.now += 1_000
        envelopes = [envelope for envelope, _ in batch]
        while envelopes:
            prepared = LOOP.run_until_complete(self.handler.prepare(envelopes))
            written = self.handler.write(prepared.intents)
            for decision in (*prepared.decisions, *LOOP.run_until_complete(written)):
                self.end(decision, batch)
            assert len(prepared.later) < len(envelopes)
            envelopes = prepared.later

    def end(self, decision: Decision, batch: Sequence[tuple[Envelope, Event]]) -> None:
        if decision.state is not None:
            self.keep(f"order:{KEY}".encode(), decision.state)
        if decision.result.outcome.value == "retry":
            self.waiting += [
                (e, m)
                for e, m in batch
                if e is decision.envelope or e.event_id == decision.envelope.event_id
            ]
        assert decision.result.outcome.value != "dead", decision.result

    def arrive(self, *batch: tuple[Envelope, Event]) -> None:
        self.handle(*batch)
        for _, event in batch:
            self.model.see(event)
        self.check()

    def check(self) -> None:
        assert self.org == self.model.fields

    def event(self, save: Save, clock: str, says: str = "whole", **how) -> tuple[Envelope, Event]:
        self.now += 1_000
        self.offset += 1
        text, time = {
            "good": (utc_text(save.at_ms), utc_text(save.at_ms)),
            "zone": (utc_text(save.at_ms + ZONE_MS), utc_text(save.at_ms)),
            "future": ("2099-01-01 00:00:00", utc_text(self.now)),
            "garbage": ("2026-99-99 99:99:99", ""),
            "undated": ("", ""),
        }[clock]
        order = {"increment_id": KEY, **said(save, says)}
        body = order | ({"updated_at": text} if text else {})
        envelope = Envelope(
            event_id=f"e{self.offset}",
            event="sales_order_save_after",
            kind=Kind.ORDER,
            key=KEY,
            received_at_ms=self.now,
            value=orjson.dumps(body),
            origin=Origin("magento.orders", 0, self.offset, self.now),
            **how,
        )
        received = utc_text(self.now)
        mark = (save.amount, text, says)
        made = Event(time, save.rank, save.amount, self.offset, received, mark, says=says)
        return envelope, made

    @initialize()
    def opens(self):
        self.saves_it(0, 0)

    @rule(seconds=st.integers(0, 3), progress=st.sampled_from([0, 0, 0, 1]))
    def saves_it(self, seconds, progress):
        self.now += seconds * 1_000
        self.made += 1
        rank = min(3, (self.saves[-1].rank if self.saves else 0) + progress)
        self.saves.append(Save(self.now // 1_000 * 1_000, rank, self.made))

    @rule(
        data=st.data(),
        clock=st.sampled_from(["good"] * 5 + ["zone", "future", "garbage", "undated"]),
    )
    def delivers(self, data, clock):
        made = self.event(_pick(data, self.saves), clock, _pick(data, SAYS))
        self.events.append(made)
        self.arrive(made)

    @rule(data=st.data(), count=st.integers(2, 4))
    def delivers_several(self, data, count):
        """A batch: as if they had come one after the other."""
        batch = []
        for _ in range(count):
            clock = _pick(data, ["good"] * 4 + ["zone", "garbage", "undated"])
            made = self.event(_pick(data, self.saves), clock, _pick(data, SAYS))
            self.events.append(made)
            batch.append(made)
        if _pick(data, [True, False]):
            batch.append(_pick(data, self.events))  # one of them comes twice
        self.arrive(*batch)

    @precondition(lambda self: self.events)
    @rule(data=st.data(), is_forced=st.booleans())
    def replays(self, data, is_forced):
        envelope, event = _pick(data, self.events)
        again = dataclasses.replace(envelope, via=Via.REPLAY, is_forced=is_forced)
        self.arrive((again, dataclasses.replace(event, is_forced=is_forced)))

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def edits(self, data):
        envelope, event = _pick(data, self.events)
        if event.is_edit:
            return
        self.now += 1_000
        self.made += 1
        document = decode(envelope.value, event=envelope.event)
        edited = dataclasses.replace(
            envelope,
            value=orjson.dumps(document.entity | corrected_to(document.entity, self.made)),
            via=Via.REQUEUE,
            corrects=save_mark(content_digest(document.entity), document.updated_at),
            edited_at_ms=self.now,
        )
        at = utc_text(self.now)
        corrected = dataclasses.replace(event, amount=self.made, is_edit=True, edited=at)
        self.arrive((edited, corrected))

    @rule()
    def repairs(self):
        save = self.saves[-1]
        envelope, event = self.event(save, "good", via=Via.BACKFILL, is_forced=True)
        self.arrive((envelope, dataclasses.replace(event, is_repair=True, is_forced=True)))
        held = self.model.top.held
        if not (held and held.is_edit) and event.mark not in self.model.overruled:
            assert self.org == event.fields, "after a repair it is what the store says"

    @rule(data=st.data())
    def completes(self, data):
        """A part is completed by the store: what it says of the order now is what counts."""
        envelope, event = self.event(_pick(data, self.saves), "good", _pick(data, PARTS))
        now = self.saves[-1]
        text = utc_text(now.at_ms)
        order = {"increment_id": KEY, **said(now, "whole"), "updated_at": text}
        whole = Event(text, now.rank, now.amount, event.offset, "", (now.amount, text, "whole"))
        received = utc_text(self.now + 1_000)  # the batch is a second later
        self.shows = orjson.dumps(order)
        self.arrive((envelope, dataclasses.replace(whole, received=received, is_read=True)))
        self.shows = b""

    @rule()
    def resets(self):
        self.offset += 1
        origin = Origin(TOPICS.due, 0, self.offset, self.now)
        event = Envelope("r", RESET_EVENT, Kind.ORDER, KEY, self.now, b"{}", origin=origin)
        self.handle((event, None))
        self.model = Model(fields=self.model.fields)

    @rule()
    def restarts(self):
        self.handler = self.worker()

    @rule(data=st.data())
    def fails_once(self, data):
        made = self.event(_pick(data, self.saves), "good", _pick(data, SAYS))
        self.events.append(made)
        self.fails = True
        self.handle(made)
        self.fails = False
        if self.waiting:
            self.check()
            self.model.doubt(made[1])
            made = self.waiting.pop()
        self.arrive(made)

    @rule(data=st.data())
    def dies_after_the_write(self, data):
        made = self.event(_pick(data, self.saves), "good", _pick(data, SAYS))
        self.events.append(made)
        self.dies = True
        try:
            self.handle(made)
        except FrozenError:
            self.handler = self.worker()
        self.dies = False
        self.arrive(made)

    @rule(seconds=st.integers(1, 3))
    def nothing_is_frozen(self, seconds):
        """A save of now, told with a good clock, is always written."""
        self.saves_it(seconds + 1, 1)
        made = self.event(self.saves[-1], "good")
        self.events.append(made)
        self.arrive(made)
        assert self.org == made[1].fields
