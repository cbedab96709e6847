"""What the handler asks the dispatcher to write, and what it is told became of it.

A bundle is all rows of one event, parents first. The dispatcher packs bundles into calls, recovers
what can be recovered in place, and answers every bundle: nothing is dropped, nothing raises.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol

from agents.mapping.line_model import Lines
from schemas.salesforce import Row


class ErrorKind(StrEnum):
    """Classes of failure (salesforce reference §4.1). They decide what becomes of an event."""

    TRANSIENT = "transient"  # try again later, as it is
    LOCK = "lock"  # somebody holds the row: at once, then later
    ORDERING = "ordering"  # the parent is not there yet
    AUTH = "auth"  # nobody gets in: pause everything
    QUOTA = "quota"  # the day's calls are spent: pause everything
    CONCURRENCY = "concurrency"  # too many at once: slow down
    PERMANENT = "permanent"  # this record will never be accepted as it is
    CONFIG = "config"  # no record will be accepted until somebody fixes the org or the mapping


class Priority(IntEnum):
    """Who goes first when the day's calls run short; lower is more urgent."""

    LIVE = 0
    REPLAY = 1
    BACKFILL = 2


@dataclass(frozen=True, slots=True)
class WriteSet:
    """The rows of one event, parents before children.

    Bundles that share a `lock_key` (the Account both would lock) never fly in parallel. `lines` is
    set when the order's lines are among the rows.
    """

    key: str
    rows: tuple[Row, ...]
    lock_key: str = ""
    priority: Priority = Priority.LIVE
    lines: Lines | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """Salesforce has every row. `ids` and `created` are by sObject."""

    ids: dict[str, str]
    created: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    calls: int = 1


@dataclass(frozen=True, slots=True)
class RefusedWrite:
    """Salesforce refused a row (record level): costs this event an attempt."""

    kind: ErrorKind
    code: str
    message: str
    fields: tuple[str, ...] = ()
    sobject: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Stale:
    """The org holds a newer state already (the validation rule said so)."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing was written for a reason that is not the record's: costs no attempt.

    `is_given_up` is set when the configured time of an open breaker is over: dead letter.
    """

    reason: str
    is_given_up: bool = False


WriteOutcome = Written | RefusedWrite | Stale | NotSent


@dataclass(slots=True)
class Interrupt:
    """Set by SIGTERM or a rebalance: who waits for better times (breaker, budget) stops waiting.

    Who only waits for its turn (a slot, the rate) goes on for `patience_seconds`: what is in hand
    is better finished than parked.
    """

    reason: str = ""
    listeners: list[Callable[[], None]] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    _patient_until: float = 0.0

    def set(self, reason: str, *, patience_seconds: float = 0.0) -> None:
        self.reason = reason
        self._patient_until = self.clock() + patience_seconds
        for listener in list(self.listeners):
            listener()

    def clear(self) -> None:
        self.reason = ""

    @property
    def is_set(self) -> bool:
        return bool(self.reason)

    @property
    def is_pressing(self) -> bool:
        """Whether its patience is over too."""
        return self.is_set and self.clock() >= self._patient_until


class Dispatcher(Protocol):
    """Writes bundles. The real one is `agents.delivery.dispatcher.SalesforceDispatcher`."""

    async def send(
        self, bundles: Sequence[WriteSet], *, check_alive: Callable[[], None]
    ) -> list[WriteOutcome]:
        """Return one outcome per bundle, in order.

        `check_alive` is called right before every HTTP call and raises FrozenError when this
        process no longer owns its partitions; that is the only exception that leaves `send`.
        """
        ...
