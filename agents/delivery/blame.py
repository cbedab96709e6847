"""Ends refused bundles: who pays an attempt, who waits, and when the breaker opens.

Whose fault a refusal is, `agents.delivery.fault_scope` says; here it becomes an outcome.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from agents.delivery.fault_scope import (
    ANY_SOBJECT,
    ANYTHING,
    Charge,
    Fault,
    FaultScope,
    FaultWatch,
    WriteKind,
    charge,
)
from agents.delivery.response_handling import Refusal, outage_of, reason_of_row
from agents.delivery.row_tracker import RowTracker
from agents.delivery.types import NotSent, RefusedWrite, WriteOutcome, Written
from agents.pacing.admission import Admission
from agents.pacing.system_failure import reason_of
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from stream.ops.alerts import Alert

HELD = (FaultScope.WRITE_KIND, FaultScope.EVERYBODY)


@dataclass(frozen=True, slots=True)
class Judge:
    """Gives refused bundles their outcome, by what is known of others."""

    watch: FaultWatch
    gate: Admission

    def hold_back(self, writes: Sequence[RowTracker]) -> None:
        """Let bundles wait whose cause is known not to be theirs: no repetition would help."""
        for write in writes:
            cause = write.cause()
            if cause is None or cause.fault is None or cause.kind is ErrorKind.ORDERING:
                continue
            if self.watch.scope(cause.fault) in HELD:
                write.outcome = self._held(cause)

    def charge_rows(self, writes: Sequence[RowTracker]) -> None:
        """Decide what bundles pay that ended with a refused row."""
        refused = [(w, found) for w in writes if isinstance(found := w.outcome, RefusedWrite)]
        for _, outcome in refused:  # all, before any is judged: they are each other's evidence
            if outcome.fault is not None:
                self.watch.refused(outcome.fault)
        for write, outcome in refused:
            write.outcome = self._charged(outcome)

    def charge_removals(
        self, kind: WriteKind, refused: dict[int, RefusedWrite], passed: int
    ) -> dict[int, WriteOutcome]:
        """Decide what orders pay, by place, that were written and whose old records stay."""
        for one in refused.values():
            if one.fault is not None:  # the order itself has just been taken
                self.watch.refused(one.fault, self.watch.passes(ANYTHING) - 1)
        if passed:
            self.watch.passed(kind, passed)
        return {place: self._charged(one) for place, one in refused.items()}

    def key_given(self, sobject: str, record_id: str) -> None:
        """Note a record that got its key."""
        self.watch.passed(WriteKind(sobject, "update"))
        self.watch.clear({record_id})

    def key_refused(self, refused: RefusedWrite, record_id: str) -> RefusedWrite | NotSent:
        """Decide what an event pays whose record could not get its key.

        It opens no breaker: keys are given before anything else of a batch is written. If nothing
        of that is taken either, its own refusals tell.
        """
        fault = Fault(WriteKind(refused.sobject, "update"), refused.rule, record_id)
        self.watch.refused(fault)
        return self._paid(dataclasses.replace(refused, fault=fault), fault)

    def _charged(self, refused: RefusedWrite) -> RefusedWrite | NotSent:
        if refused.fault is None:
            return refused
        outage = outage_of(refused, self.watch)
        if outage is not None and self.gate.open_for is None:
            self.gate.trip(outage.kind, outage.reason)
        return self._paid(refused, refused.fault)

    def _paid(self, refused: RefusedWrite, fault: Fault) -> RefusedWrite | NotSent:
        scope = self.watch.scope(fault)
        match charge(scope, refused.kind):
            case Charge.NOTHING if scope in HELD:
                return self._held(refused)
            case Charge.NOTHING:
                return NotSent(reason_of_row(refused), code=refused.code)
            case paid:
                return dataclasses.replace(refused, is_unproven=paid is Charge.ATTEMPT)

    def _held(self, cause: RefusedWrite) -> NotSent:
        reason = reason_of_row(cause)
        self.gate.alerts.fire(Alert.WRITES_HELD, reason)
        return NotSent(reason, code=cause.code)

    def suspect(self, refusal: Refusal, suspects: Sequence[RowTracker]) -> None:
        """Note who was in a refused call: who passes later is cleared, and clears the others."""
        for write in suspects:
            self.watch.suspect(fault_of(refusal, write), refusal.passes_before)

    def blame(self, refusal: Refusal, write: RowTracker) -> None:
        """End a bundle that was refused on its own."""
        error, fault = refusal.error, fault_of(refusal, write)
        self.watch.refused(fault)
        scope = self.watch.scope(fault)
        match charge(scope, error.kind):
            case Charge.NOTHING if scope is FaultScope.UNCLEAR:
                end([write], NotSent(reason_of(error), code=error.code))
            case Charge.NOTHING:
                self.hold(refusal, [write])
            case paid:
                refused = refused_as(error, refusal.sobject)
                is_unproven = paid is Charge.ATTEMPT
                end([write], dataclasses.replace(refused, is_unproven=is_unproven))

    def hold(self, refusal: Refusal, suspects: Sequence[RowTracker]) -> None:
        """Let bundles wait that an outage refused.

        One sObject that nobody may write, in calls that are answered, stops its own writes only.
        """
        error = refusal.error
        reason = reason_of(error)
        faults = [fault_of(refusal, write) for write in suspects]
        if refusal.is_part:
            for fault in faults:
                self.watch.refused(fault, refusal.anything_before)
        is_some = refusal.is_part and FaultScope.EVERYBODY not in map(self.watch.scope, faults)
        if error.kind is not ErrorKind.CONFIG or is_some:
            self.gate.alerts.fire(Alert.WRITES_HELD, reason)
        elif self.gate.open_for is None:
            self.gate.trip(ErrorKind.CONFIG, reason)
        end(suspects, NotSent(reason, code=error.code))

    def clear(self, writes: Sequence[RowTracker]) -> None:
        """Forget what was suspected of bundles that are written."""
        written = {w.bundle.key for w in writes if isinstance(w.outcome, Written)}
        self.watch.clear(written)
        if written and not self.watch.is_holding:
            self.gate.alerts.resolve(Alert.WRITES_HELD)


def fault_of(refusal: Refusal, write: RowTracker) -> Fault:
    """Return a whole refused call as a fault of one bundle in it."""
    error = refusal.error
    return Fault(WriteKind(refusal.sobject, "any"), error.rule or error.code, write.bundle.key)


def end(writes: Sequence[RowTracker], outcome: NotSent | RefusedWrite) -> None:
    """Give the outcome to every bundle that has none."""
    for write in writes:
        if write.is_open:
            write.outcome = outcome


def refused_as(error: SalesforceError, sobject: str = ANY_SOBJECT) -> RefusedWrite:
    """Return the outcome of a bundle whose rows were refused with a whole call."""
    name = "" if sobject == ANY_SOBJECT else sobject
    return RefusedWrite(
        error.kind,
        error.code,
        error.message,
        error.fields,
        name,
        error.fix,
        status=error.status,
        rule=error.rule,
        meaning=error.meaning,
    )
