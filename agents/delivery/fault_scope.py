"""Whose fault is a refusal? The record's, this kind of write's, or everybody's. Pure.

| refused | and | then it is |
|---|---|---|
| a record | others of its kind passed since it was first refused | the record's |
| few records, alike | nothing of their kind passed | not clear: nobody is condemned |
| enough distinct records, alike | nothing of their kind passed, others did | the write kind's |
| enough distinct records, alike | nothing passed at all | everybody's |

A kind of write is the creates or the updates of one sObject: full storage refuses creates while
updates pass. Records are counted, not refusals: one odd record that is saved ten times is one, and
an order with ten lines is one.
A whole call is judged by its status alone: only 400, 413, 414 and 431 can be a row's.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from agents.salesforce.errors.error_kind import ErrorKind

Operation = Literal["create", "update", "delete", "any"]

ENOUGH_RECORDS = 3
MAX_REMEMBERED = 20_000

# What is a record's own until more is known; of the rest, nobody is charged before it is clear.
OWN_UNTIL_PROVEN = frozenset({ErrorKind.LOCK, ErrorKind.ORDERING})
BAD_RECORD = frozenset({ErrorKind.PERMANENT, ErrorKind.UNKNOWN})


class FaultScope(Enum):
    """Whose fault it is."""

    RECORD = auto()
    UNCLEAR = auto()
    WRITE_KIND = auto()
    EVERYBODY = auto()


class Charge(Enum):
    """What a refused event pays."""

    NOTHING = auto()  # it waits
    ATTEMPT = auto()  # it may be its own fault: retried, and counted
    AS_JUDGED = auto()  # what its kind of error costs


@dataclass(frozen=True, slots=True)
class WriteKind:
    """Creates, updates or deletes of one sObject.

    `any`: of calls that were refused without saying which.
    """

    sobject: str
    operation: Operation


ANY_SOBJECT = "*"
ANYTHING = WriteKind(ANY_SOBJECT, "any")


@dataclass(frozen=True, slots=True)
class Fault:
    """One refusal: which order or customer, in which kind of write, with which answer."""

    kind: WriteKind
    answer: str
    record: str


@dataclass(slots=True)
class _Streak:
    """Distinct records refused alike since the last write of their kind passed."""

    passes_at_start: int
    records: set[str] = field(default_factory=set)


class FaultWatch:
    """Remembers what was refused and what passed, for all calls of a worker."""

    def __init__(self) -> None:
        self._passes: Counter[WriteKind] = Counter()
        self._streaks: dict[tuple[WriteKind, str], _Streak] = {}
        self._first: OrderedDict[Fault, int] = OrderedDict()
        self._of: dict[str, set[Fault]] = {}  # the same, by record

    def passes(self, kind: WriteKind) -> int:
        """Return how many writes of a kind have passed so far."""
        return self._passes[kind]

    def passed(self, kind: WriteKind, rows: int = 1) -> None:
        """Note rows that Salesforce took."""
        whole = dict.fromkeys((kind, WriteKind(kind.sobject, "any"), ANYTHING))
        for name in whole:
            self._passes[name] += rows
        for key in [key for key in self._streaks if key[0] in whole]:
            del self._streaks[key]

    def suspect(self, fault: Fault, passes_before: int) -> None:
        """Note that a record may be the one at fault; `passes_before`: of its kind, by then."""
        if fault not in self._first:
            self._first[fault] = passes_before
            self._of.setdefault(fault.record, set()).add(fault)
        if len(self._first) > MAX_REMEMBERED:
            oldest, _ = self._first.popitem(last=False)
            self._of[oldest.record].discard(oldest)
            if not self._of[oldest.record]:
                del self._of[oldest.record]

    def clear(self, records: Collection[str]) -> None:
        """Forget what was suspected of records that are written."""
        for record in records if self._of else ():
            for fault in self._of.pop(record, ()):
                del self._first[fault]

    def refused(self, fault: Fault, anything_before: int | None = None) -> None:
        """Note a refusal. A record with an explanation of its own says nothing about others.

        `anything_before`: how much had passed when its call was sent, the present by default. What
        passes in the same call shows that not everything is refused.
        """
        self.suspect(fault, self._passes[fault.kind])
        if self.is_proven(fault):
            return
        key = (fault.kind, fault.answer)
        before = self._passes[ANYTHING] if anything_before is None else anything_before
        streak = self._streaks.setdefault(key, _Streak(before))
        if len(streak.records) < MAX_REMEMBERED:
            streak.records.add(fault.record)

    @property
    def is_holding(self) -> bool:
        """Whether a kind of write waits, as far as the last answers say."""
        return any(len(streak.records) >= ENOUGH_RECORDS for streak in self._streaks.values())

    def is_proven(self, fault: Fault) -> bool:
        """Whether others of its kind passed since the record was first refused."""
        first = self._first.get(fault)
        return first is not None and self._passes[fault.kind] > first

    def scope(self, fault: Fault) -> FaultScope:
        """Return whose fault a refusal is, as far as is known by now."""
        if self.is_proven(fault):
            return FaultScope.RECORD
        streak = self._streaks.get((fault.kind, fault.answer))
        if streak is None or len(streak.records) < ENOUGH_RECORDS:
            return FaultScope.UNCLEAR
        has_passed = self._passes[ANYTHING] > streak.passes_at_start
        return FaultScope.WRITE_KIND if has_passed else FaultScope.EVERYBODY


def charge(scope: FaultScope, kind: ErrorKind) -> Charge:
    """Return what a refused event pays."""
    match scope:
        case FaultScope.RECORD:
            return Charge.AS_JUDGED
        case FaultScope.UNCLEAR if kind in OWN_UNTIL_PROVEN:
            return Charge.AS_JUDGED
        case FaultScope.UNCLEAR if kind in BAD_RECORD:
            return Charge.ATTEMPT
        case _:
            return Charge.NOTHING
