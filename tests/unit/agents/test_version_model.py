"""Guard, state and handler against a model of ten lines: what must Salesforce hold?

Deliveries shuffled, repeated, undated, with wrong clocks; edits, replays, repairs, resets; calls
that fail, workers that die between write and record. `ORDERSTREAM_MODEL_EXAMPLES` makes it long.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
from dataclasses import dataclass, field

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from agents.delivery.types import RefusedWrite, Written
from agents.handling.handler import Handler
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
    mark: tuple[int, str]
    edited: str = ""
    is_edit: bool = False
    is_repair: bool = False
    is_forced: bool = False


@dataclass
class Model:
    """What Salesforce must hold, by docs/decisions/0018."""

    held: Event | None = None
    time: str = ""
    replaced: list[int] = field(default_factory=list)
    overruled: list[tuple[int, str]] = field(default_factory=list)
    amount: int | None = None

    def takes(self, new: Event) -> bool:  # noqa: PLR0911 - one return per rule
        held = self.held
        if held is None:
            return True
        if new.is_edit:
            is_of_it = new.mark == held.mark and not held.is_edit  # the same bytes came twice
            return new.offset == held.offset or is_of_it or new.time >= self.time
        if new.mark in self.overruled:
            return False
        if new.is_repair:
            said = self.time or max(held.received, held.edited)
            return not (held.is_edit and new.time <= said)
        if new.time and self.time and new.time != self.time:
            return new.time > self.time
        if new.amount == held.amount:
            return new.is_forced
        goes_back = new.amount in self.replaced or new.rank < held.rank
        if new.time and not self.time:
            return not (new.time < held.received and goes_back)
        if self.time and not new.time:
            return new.rank > held.rank and not goes_back
        return not goes_back and (new.rank, new.offset) >= (held.rank, held.offset)

    def see(self, new: Event) -> None:
        if not self.takes(new):
            same = self.held is not None and new.amount == self.held.amount
            if same and not new.is_edit and new.mark not in self.overruled and new.time > self.time:
                self.held, self.time = new, new.time  # unchanged, and its version is remembered
            return
        if self.held is not None:
            if new.is_edit:
                self._overrule(new.mark)
            elif new.time and new.time < self.time:
                self._overrule(self.held.mark)
            _remember(self.replaced, self.held.amount, 8)
        self.replaced = [amount for amount in self.replaced if amount != new.amount]
        if new.is_edit and self.held is None:
            self._overrule(new.mark)
        self.held, self.time = new, new.time or self.time
        self.amount = new.amount

    def _overrule(self, mark: tuple[int, str]) -> None:
        _remember(self.overruled, mark, 4)


def _remember(kept: list, entry, most: int) -> None:
    if kept[:1] != [entry]:
        kept[:] = [entry, *(other for other in kept if other != entry)][:most]


def _pick(data, choices):
    """Return one of the choices: drawn by Hypothesis, which shrinks, or by a die, which is fast."""
    if isinstance(data, random.Random):
        return data.choice(choices)
    return data.draw(st.sampled_from(choices))


class FakeMapping:
    version = "m"

    def apply(self, document, **_known):
        row = Row("Opportunity", "K__c", document.key, {"Amount": document.entity["grand_total"]})
        return Mapped((row,))


class Pipe(RuleBasedStateMachine):
    """The store, the worker and the org; `model` says what the org must hold."""

    def __init__(self):
        super().__init__()
        self.model, self.now, self.offset, self.made = Model(), BEGAN_MS, 0, 0
        self.saves: list[Save] = []
        self.events: list[tuple[Envelope, Event]] = []
        self.waiting: list[tuple[Envelope, Event]] = []
        self.states: dict[bytes, bytes] = {}
        self.org: int | None = None
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
            self.org = bundle.rows[0].fields["Amount"]
        if self.dies:
            raise FrozenError("killed after the write, before anything was on record")
        return [Written({"Opportunity": "006"}) for _ in bundles]

    def handle(self, *batch: tuple[Envelope, Event]) -> None:
        self.now += 1_000
        envelopes = [envelope for envelope, _ in batch]
        for decision in LOOP.run_until_complete(self.handler.handle(envelopes)):
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
        assert self.org == self.model.amount

    def event(self, save: Save, clock: str, **how) -> tuple[Envelope, Event]:
        self.now += 1_000
        self.offset += 1
        text, time = {
            "good": (utc_text(save.at_ms), utc_text(save.at_ms)),
            "zone": (utc_text(save.at_ms + ZONE_MS), utc_text(save.at_ms)),
            "future": ("2099-01-01 00:00:00", utc_text(self.now)),
            "garbage": ("2026-99-99 99:99:99", ""),
            "undated": ("", ""),
        }[clock]
        order = {"increment_id": KEY, "state": STATES[save.rank], "grand_total": save.amount}
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
        mark = (save.amount, text)
        return envelope, Event(time, save.rank, save.amount, self.offset, received, mark)

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
        made = self.event(_pick(data, self.saves), clock)
        self.events.append(made)
        self.arrive(made)

    @rule(data=st.data(), count=st.integers(2, 4))
    def delivers_several(self, data, count):
        """A batch: as if they had come one after the other."""
        batch = []
        for _ in range(count):
            clock = _pick(data, ["good"] * 4 + ["zone", "garbage", "undated"])
            made = self.event(_pick(data, self.saves), clock)
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
            value=orjson.dumps(document.entity | {"grand_total": self.made}),
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
        if (
            not (self.model.held and self.model.held.is_edit)
            and event.mark not in self.model.overruled
        ):
            assert self.org == save.amount, "after a repair it is what the store says"

    @rule()
    def resets(self):
        self.offset += 1
        origin = Origin(TOPICS.due, 0, self.offset, self.now)
        event = Envelope("r", RESET_EVENT, Kind.ORDER, KEY, self.now, b"{}", origin=origin)
        self.handle((event, None))
        self.model = Model(amount=self.model.amount)

    @rule()
    def restarts(self):
        self.handler = self.worker()

    @rule(data=st.data())
    def fails_once(self, data):
        made = self.event(_pick(data, self.saves), "good")
        self.events.append(made)
        held = self.model.held
        is_unchanged = held is not None and held.amount == made[1].amount
        if is_unchanged or not self.model.takes(made[1]):
            return
        self.fails = True
        self.handle(made)
        self.fails = False
        self.check()
        self.arrive(self.waiting.pop())

    @rule(data=st.data())
    def dies_after_the_write(self, data):
        made = self.event(_pick(data, self.saves), "good")
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
        assert self.org == self.saves[-1].amount


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
