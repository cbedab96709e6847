"""What the handler asks the dispatcher to write, and what it is told became of it.

A bundle is all rows of one event, parents first. The dispatcher packs bundles into calls, recovers
what can be recovered in place, and answers every bundle: nothing is dropped, nothing raises.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field
from typing import Protocol

from agents.delivery.fault_scope import Fault
from agents.mapping.line_model import Lines
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import ErrorVerdict
from schemas.frozen import dataclass
from schemas.priority import Priority
from schemas.salesforce import Row


@dataclass(frozen=True, slots=True)
class WriteSet:
    """The rows of one event, parents before children.

    Bundles that share a `lock_key` (the Account both would lock) never fly in parallel. `lines` is
    set when the order's lines are among the rows. `exists` names the sObjects that Salesforce has
    of this event already, as far as is known: their rows are updates, the others creates.
    `may_be_renamed`: a parent that is not there may have got another key; it is not made again.
    `waited`: how often the event has waited for another customer to leave its address.
    `may_lack_products`: who sends the bundle makes products again that its lines do not find.
    """

    key: str
    rows: tuple[Row, ...]
    lock_key: str = ""
    priority: Priority = Priority.LIVE
    lines: Lines | None = None
    exists: frozenset[str] = frozenset()
    may_be_renamed: bool = False
    may_lack_products: bool = False
    waited: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """Salesforce has every row. `ids` and `created` are by sObject.

    `renamed` are the keys that records of this customer had before.
    """

    ids: dict[str, str]
    created: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    calls: int = 1
    renamed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedWrite:
    """Salesforce refused a row (record level): costs this event an attempt.

    `status` is the refused call's, 200 for a row's own error; `rule` the row of the error table
    that judged. `is_unproven`: nothing else has passed since, so it may not be the record's fault.
    """

    kind: ErrorKind
    code: str
    message: str
    fields: tuple[str, ...] = ()
    sobject: str = ""
    fix: str = ""
    status: int = 200
    rule: str = ""
    meaning: str = ""
    fault: Fault | None = None
    is_unproven: bool = False

    @classmethod
    def of(
        cls,
        verdict: ErrorVerdict,
        message: str,
        sobject: str,
        *fields: str,
        fault: Fault | None = None,
    ) -> RefusedWrite:
        """Return the outcome of a row whose error was judged so."""
        return cls(
            verdict.kind,
            verdict.code,
            message,
            fields,
            sobject,
            verdict.fix,
            rule=verdict.rule,
            meaning=verdict.meaning,
            fault=fault,
        )


@dataclass(frozen=True, slots=True)
class Stale:
    """The org holds a newer state already (the validation rule said so)."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing was written for a reason that is not the record's: costs no attempt.

    `is_given_up` is set when the configured time of an open breaker is over: dead letter. `code` is
    that of the refusal that all of a kind share.
    """

    reason: str
    is_given_up: bool = False
    code: str = field(default="", compare=False)


WriteOutcome = Written | RefusedWrite | Stale | NotSent


class Dispatcher(Protocol):
    """Writes bundles. The real one is `agents.delivery.dispatcher.SalesforceDispatcher`."""

    async def send(self, bundles: Sequence[WriteSet]) -> list[WriteOutcome]:
        """Return one outcome per bundle, in order.

        Only FrozenError leaves `send`: this process no longer owns its partitions. It comes from
        what is asked right before every request (`agents.salesforce.api.send_right`).
        """
        ...


async def send_others(
    bundles: Sequence[WriteSet],
    outcomes: list[WriteOutcome | None],
    send: Callable[[Sequence[WriteSet]], Awaitable[list[WriteOutcome]]],
) -> list[WriteOutcome]:
    """Send the bundles that have no outcome yet; return one outcome per bundle, in order."""
    places = [place for place, outcome in enumerate(outcomes) if outcome is None]
    sent = await send([bundles[place] for place in places])
    for place, outcome in zip(places, sent, strict=True):
        outcomes[place] = outcome
    return [outcome for outcome in outcomes if outcome is not None]
