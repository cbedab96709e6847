"""One order, its topics, and workers that are killed at every await: nothing old over what is newer.

Live events come late and out of order, jobs bring old records and what the store says, calls fail,
events settle, wait and are held back. A worker reads its topics in any order; killed, it leaves
what was acknowledged by the broker, and its successor begins at what was committed.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from schemas.event import Envelope, Kind, Via
from schemas.headers import envelope_of, headers_of
from schemas.sender_clock import utc_text
from schemas.state import state_key
from schemas.state_order import goes_back
from stream.errors import FrozenError
from support.crash_worker import SOURCES, TOPICS, Worker, save_of
from support.version_model import Save, said

KEY = "100"
STATE_KEY = state_key(Kind.ORDER, KEY)
BEGAN_MS = 1_773_500_000_000


@dataclass
class Log:
    """A topic's partition, and how far the group has committed it."""

    records: list[Envelope] = field(default_factory=list)
    committed: int = 0


class Org:
    """What Salesforce holds, and the writes that took it back."""

    def __init__(self) -> None:
        self.fields = {"Amount": 0, "StageName": 0}  # the number of the save that told it
        self.went_back: list[str] = []

    def write(self, fields: Mapping[str, int]) -> None:
        for name, save in fields.items():
            if save < self.fields[name]:
                self.went_back.append(f"{name}: {save} over {self.fields[name]}")
            self.fields[name] = save


class Cluster:
    """The topics, the store and the org; `live`, `bring` and `work` are what happens."""

    def __init__(
        self, die: random.Random, *, debounce_ms: int = 0, has_parts: bool = False
    ) -> None:
        self.die, self.debounce_ms = die, debounce_ms
        self.says = ("whole", "whole", "stage", "amount") if has_parts else ("whole",)
        self.told = {"Amount": 0, "StageName": 0}  # by the newest save that came
        self.now, self.made = BEGAN_MS, 0
        self.saves: list[Save] = []
        self.bad: set[int] = set()  # what Salesforce refuses, until a person has seen to it
        self.unsent: list[Save] = []  # hooks that the store has yet to send
        self.copies: list[Envelope] = []  # of a backfill, read and not yet published
        self.live, self.due = Log(), Log()
        self.later: list[Envelope] = []  # in retry tiers and in settle
        self.letters: list[Envelope] = []
        self.states: dict[bytes, bytes] = {}
        self.org = Org()
        self.story: list[str] = []
        self.may_fail = True
        self.worker = Worker(self)

    def tell(self, *what: object) -> None:
        self.story.append(" ".join(map(str, what)))

    def save(self) -> None:
        self.now += 2_000
        self.made += 1
        save = Save(self.now, 0, self.made)
        self.saves.append(save)
        self.unsent.append(save)
        if self.die.random() < 0.1:
            self.bad.add(self.made)
        self.tell("save", self.made)

    def event(self, save: Save, says: str = "whole", **how) -> Envelope:
        order = {"increment_id": KEY, **said(save, says), "updated_at": utc_text(save.at_ms)}
        for name, source in SOURCES.items():
            if source in order:
                self.told[name] = max(self.told[name], save.amount)
        return Envelope(
            event_id=f"e{self.die.getrandbits(60):x}",
            event="sales_order_save_after",
            kind=Kind.ORDER,
            key=KEY,
            received_at_ms=self.now,
            value=orjson.dumps(order),
            **how,
        )

    def hook(self) -> None:
        """One of the hooks comes, in any order."""
        if self.unsent:
            save = self.unsent.pop(self.die.randrange(len(self.unsent)))
            says = self.die.choice(self.says)
            self.live.records.append(self.event(save, says))
            self.tell("hook", save.amount, says)

    def read_store(self) -> None:
        self.copies.append(self.event(self.saves[-1], via=Via.BACKFILL, job_id="b"))
        self.tell("reads", self.saves[-1].amount)

    def bring(self) -> None:
        if self.copies:
            self.publish(self.copies.pop(0))

    def replay(self) -> None:
        if self.live.records:
            at = self.die.randrange(len(self.live.records))
            record = self.as_consumed(TOPICS.orders, self.live, at)
            self.publish(dataclasses.replace(record, via=Via.REPLAY, job_id="r"))

    def requeue(self) -> None:
        if self.letters:
            letter = self.letters.pop()
            self.bad.discard(save_of(letter))
            self.publish(dataclasses.replace(letter, via=Via.REQUEUE, attempt=0, job_id="q"))

    def publish(self, envelope: Envelope) -> None:
        self.due.records.append(envelope)
        self.tell("due", envelope.via.value, save_of(envelope), "at", len(self.due.records) - 1)

    def relay(self) -> None:
        for envelope in self.later:
            self.now = max(self.now, envelope.not_before_ms or 0)
            self.publish(envelope)
        self.later.clear()

    def as_consumed(self, topic: str, log: Log, offset: int) -> Envelope:
        record = log.records[offset]
        return envelope_of(
            topic=topic,
            partition=0,
            offset=offset,
            timestamp_ms=record.received_at_ms,
            key=record.key.encode(),
            value=record.value,
            headers=headers_of(record),
        )

    def keep(self, value: bytes) -> None:
        known = self.states.get(STATE_KEY)
        if known is None or not goes_back(known, value, utc_text(self.now + 300_000)):
            self.states[STATE_KEY] = value

    def work(self) -> None:
        try:
            self.worker.step()
        except FrozenError as death:
            self.tell("killed", death)
            self.worker = Worker(self)

    def settle_all(self) -> None:
        """Let everything come to its end, without failures."""
        self.may_fail = False
        while self.unsent:
            self.hook()
        while self.copies:
            self.bring()
        for _ in range(60):
            self.relay()
            self.work()
        assert not self.later, "something waits for ever"


def live_on(die: random.Random, steps: int, **options) -> Cluster:
    """Live one history by the die."""
    cluster = Cluster(die, **options)
    cluster.save()
    moves = (
        *[cluster.save] * 2,
        *[cluster.hook] * 3,
        cluster.read_store,
        cluster.bring,
        cluster.replay,
        cluster.requeue,
        cluster.relay,
        *[cluster.work] * 6,
    )
    for _ in range(steps):
        die.choice(moves)()
    return cluster
