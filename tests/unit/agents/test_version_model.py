"""Guard, state and handler against a model of ten lines: what must Salesforce hold?

Deliveries shuffled, repeated, undated, with wrong clocks; edits, replays, repairs, resets; calls
that fail, workers that die between write and record. `ORDERSTREAM_MODEL_EXAMPLES` makes it long.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from agents.delivery.types import RefusedWrite, Written
from agents.handling.handler import Handler
from agents.handling.outcome import Decision
from agents.handling.state_order import goes_back
from agents.mapping.apply import Mapped
from agents.salesforce.api.send_right import check_of_context
from agents.salesforce.errors.error_kind import ErrorKind
from schemas.codec import decode
from schemas.digest import content_digest, save_mark
from schemas.event import Envelope, Kind, Origin, Via
from schemas.salesforce import Row
from schemas.sender_clock import utc_text
from schemas.state import State
from schemas.version_reset import RESET_EVENT
from stream.errors import FrozenError
from stream.topics import Topics

TOPICS = Topics()
KEY = "100"
BEGAN_MS = 1_773_500_000_000
STATES = ("new", "processing", "complete", "closed")  # their ranks are their places
ZONE_MS = 8 * 3_600_000
LOOP = asyncio.new_event_loop()
SAYS = ("whole", "whole", "stage", "amount")
STEPS = 40  # of one history
RANDOM_STEPS = int(os.environ.get("ORDERSTREAM_MODEL_STEPS", "2000"))
EXAMPLES = int(os.environ.get("ORDERSTREAM_MODEL_EXAMPLES", "60"))


@dataclass(frozen=True)
class Save:
    """One save of the store."""

    at_ms: int
    rank: int
    amount: int


@dataclass(frozen=True)
class Event:
    """One delivery, as the model sees it. `time` is when it counts as saved; '' for undated."""

    time: str
    rank: int
    amount: int
    offset: int
    received: str
    mark: tuple[int, str, str]
    edited: str = ""
    says: str = "whole"
    is_edit: bool = False
    is_repair: bool = False
    is_forced: bool = False

    @property
    def is_part(self) -> bool:
        return self.says != "whole"

    @property
    def content(self) -> tuple[str, int, int]:
        return self.says, self.amount, self.rank

    @property
    def fields(self) -> dict[str, int]:
        """What it tells: the amount, the stage, or both."""
        names = {"whole": ("Amount", "StageName"), "amount": ("Amount",), "stage": ("StageName",)}
        return dict.fromkeys(names[self.says], self.amount)


@dataclass
class Register:
    """The newest save that counts: of all, or of the whole ones beneath the parts."""

    held: Event | None = None
    time: str = ""
    rank: int = 0

    def takes(self, new: Event, replaced: list, overruled: list) -> bool:  # noqa: PLR0911 - rules
        held = self.held
        if held is None:
            return True
        if new.is_edit:
            is_of_it = new.mark == held.mark and not held.is_edit  # the same bytes came twice
            return new.offset == held.offset or is_of_it or new.time >= self.time
        if new.mark in overruled:
            return False
        if new.is_repair:
            said = self.time or max(held.received, held.edited)
            return not (held.is_edit and new.time <= said)
        if new.time and self.time and new.time != self.time:
            return new.time > self.time
        if new.content == held.content:
            return new.is_forced
        is_behind, is_ahead = new.rank < self.rank, new.rank > self.rank
        if new.says == "amount":  # which does not say how far the order is
            is_behind = is_ahead = False
        goes_back = new.content in replaced or is_behind
        if new.time and not self.time:
            return not (new.time < held.received and goes_back)
        if self.time and not new.time:
            return is_ahead and not goes_back
        return not goes_back and (is_ahead or new.offset >= held.offset)

    def has(self, new: Event) -> bool:
        """Whether it is the same content, of a later save."""
        return (
            self.held is not None and new.content == self.held.content and new.time > self.time
        ) and not new.is_edit

    def put(self, new: Event) -> Register:
        rank = self.rank if new.says == "amount" else new.rank
        return Register(new, new.time or self.time, rank)


@dataclass
class Model:
    """What Salesforce must hold, by docs/decisions/0018."""

    top: Register = field(default_factory=Register)
    beneath: Register | None = None  # the whole save that parts came over
    told: dict[str, str] = field(default_factory=dict)  # by those parts: field → when
    replaced: list = field(default_factory=list)
    overruled: list = field(default_factory=list)
    fields: dict[str, int] = field(default_factory=dict)

    def takes(self, new: Event) -> bool:
        return self.top.takes(new, self.replaced, self.overruled)

    def see(self, new: Event) -> None:
        if self.takes(new):
            self._stands(new)
        elif self.top.has(new) and new.mark not in self.overruled:
            self.top = self.top.put(new)  # unchanged, and its version is remembered
            if new.is_part:
                self.told |= dict.fromkeys(new.fields, new.time)
        elif self.beneath is not None and (new.is_edit or new.mark not in self.overruled):
            is_later = self.beneath.has(new)
            if is_later or self.beneath.takes(new, self.replaced, self.overruled):
                self._fills(new)

    def _stands(self, new: Event) -> None:
        self._note([self.beneath, self.top], self.top, new)
        if not new.is_part:
            self.beneath, self.told = None, {}
        elif self.beneath is None:
            self.beneath = self.top
        if new.is_part:
            self.told |= dict.fromkeys(new.fields, new.time)
        self.top = self.top.put(new)
        self.fields |= new.fields

    def _fills(self, new: Event) -> None:
        """Beneath the newer parts it is written, except what they told."""
        fresh = {
            name: value
            for name, value in new.fields.items()
            if name not in self.told or (new.time and "" < self.told[name] < new.time)
        }
        self.fields |= fresh
        if new.is_part:
            if fresh:
                self._date(new)
                self._note([], Register(), new)
                self.told |= dict.fromkeys(fresh, new.time)
        elif fresh:
            self._date(new)
            self._note([self.beneath], self.beneath, new)
            self.beneath = self.beneath.put(new)
            self.told = {n: at for n, at in self.told.items() if n not in fresh}

    def _date(self, new: Event) -> None:
        """What is beneath undated parts dates them: nothing undated goes back behind it."""
        self.top = dataclasses.replace(self.top, time=self.top.time or new.time)

    def _note(self, undone: list[Register | None], over: Register, new: Event) -> None:
        """Remember what is replaced, and what is overruled."""
        if new.is_edit:
            _remember(self.overruled, new.mark, 4)
        for register in undone if not new.is_edit else ():
            if register and register.held and new.time and new.time < register.time:
                _remember(self.overruled, register.held.mark, 4)
        if over.held is not None:
            _remember(self.replaced, over.held.content, 8)
            self.replaced = [content for content in self.replaced if content != new.content]


def corrected_to(document: dict, value: int) -> dict:
    """Return what a person changes of a document: all that it tells."""
    changes = {"grand_total": value, "status": str(value)}
    return {name: new for name, new in changes.items() if name in document}


def _remember(kept: list, entry, most: int) -> None:
    if kept[:1] != [entry]:
        kept[:] = [entry, *(other for other in kept if other != entry)][:most]


def _pick(data, choices):
    """Return one of the choices: drawn by Hypothesis, which shrinks, or by a die, which is fast."""
    if isinstance(data, random.Random):
        return data.choice(choices)
    return data.draw(st.sampled_from(choices))


def said(save: Save, says: str) -> dict:
    """Return what a document says of a save: everything, its amount, or how far it is."""
    amount, stage = {"grand_total": save.amount}, {"state": STATES[save.rank]}
    stage["status"] = str(save.amount)
    rest = {"items": [], "customer_email": "a@b.c", "created_at": "x", "billing_address": {}}
    return {"whole": amount | stage | rest, "amount": amount, "stage": stage}[says]


class FakeMapping:
    version = "m"

    def apply(self, document, **_known):
        said = {"Amount": "grand_total", "StageName": "status"}
        fields = {
            name: int(document.entity[source])
            for name, source in said.items()
            if source in document.entity
        }
        return Mapped((Row("Opportunity", "K__c", document.key, fields),))


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
            clock_ms=lambda: self.now,
        )

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
        held = self.model.top.held
        is_unchanged = held is not None and held.content == made[1].content
        if is_unchanged or not self.model.takes(made[1]):
            return
        self.fails = True
        self.handle(made)
        self.fails = False
        self.check()
        self.arrive(self.waiting.pop())

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


def walk(die: random.Random) -> None:
    """Live one history by the die."""
    pipe = Pipe()
    pipe.opens()
    flags, clocks = (True, False), ["good"] * 5 + ["zone", "future", "garbage", "undated"]
    moves = (
        lambda: pipe.saves_it(die.randint(0, 3), die.choice([0, 0, 0, 1])),
        lambda: pipe.delivers(die, die.choice(clocks)),
        lambda: pipe.delivers_several(die, die.randint(2, 4)),
        lambda: pipe.events and pipe.replays(die, die.choice(flags)),
        lambda: pipe.events and pipe.edits(die),
        pipe.repairs,
        pipe.resets,
        pipe.restarts,
        lambda: pipe.fails_once(die),
        lambda: pipe.dies_after_the_write(die),
        lambda: pipe.nothing_is_frozen(die.randint(1, 3)),
    )
    for _ in range(STEPS):
        die.choice(moves)()


def test_many_random_histories() -> None:
    for number in range(RANDOM_STEPS // STEPS):
        try:
            walk(random.Random(number))
        except AssertionError as error:
            raise AssertionError(f"history {number}") from error


TestPipe = Pipe.TestCase
TestPipe.settings = settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES <= 60,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# However long it is asked to be.
pytestmark = pytest.mark.timeout(0) if EXAMPLES > 60 or RANDOM_STEPS > 2000 else []
