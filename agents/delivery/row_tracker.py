"""One bundle while it is being written: which rows are still to send, and what became of each.

Pure: told what Salesforce answered, it says what to send next and, in the end, the outcome.

| a row | is sent as |
|---|---|
| without insert fields | upsert |
| with insert fields, not known to exist | create; "it exists" is a success that changed nothing |
| with insert fields, known to exist | upsert of its plain fields, or not at all if it has none |
| refused as a create, for reasons of a new record's | not before the org was asked for it |
| believed to exist, but it does not | create, or upsert with everything |
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import field

from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.fault_scope import BAD_RECORD, OWN_UNTIL_PROVEN, Fault, WriteKind
from agents.delivery.row_state import RowState, WriteMode, mode_of, written
from agents.delivery.twin import Twin, is_elsewhere, twin_of
from agents.delivery.types import RefusedWrite, Stale, WriteOutcome, WriteSet, Written
from agents.salesforce.api.collection_builder import RowWrite
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.errors import ErrorVerdict, cause_of, classify_row, is_stale
from schemas.frozen import dataclass
from schemas.parts import parts_of
from schemas.salesforce import RowError, RowResult

SHRINK = 4  # rows that were too many for a trigger go in so many times smaller calls
HOPELESS = frozenset({ErrorKind.PERMANENT, ErrorKind.UNKNOWN, ErrorKind.CONFIG})
COLLATERAL = frozenset({"ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED"})


@dataclass(slots=True)
class RowTracker:
    """A bundle with its progress; `outcome` is set once and ends it."""

    bundle: WriteSet
    slots: list[RowState] = field(default_factory=list)
    outcome: WriteOutcome | None = None
    tries: int = 0  # rounds that left a row to repeat
    calls: int = 0
    is_alone: bool = False  # sent apart from others, to tell whose values are refused
    wants_less: bool = False  # the org's automation choked on the number of rows

    def __post_init__(self) -> None:
        known = self.bundle.exists
        self.slots = [RowState(row, exists=row.sobject in known) for row in self.bundle.rows]

    @property
    def is_open(self) -> bool:
        return self.outcome is None

    @property
    def in_question(self) -> list[RowState]:
        """The rows of which the org is to be asked whether they exist."""
        if self.outcome is not None:
            return []
        return [slot for slot in self.slots if slot.mode is WriteMode.ASK]

    @property
    def _is_by_id(self) -> bool:
        """Whether the sender looks again for a record that is not where the org said."""
        return self.bundle.may_be_renamed and any(slot.row.record_id for slot in self.slots)

    def steps(self, position: int, known: ExistenceCache) -> Iterator[RowWrite]:
        """Yield what is to be sent now; rows that need not be sent are done by this."""
        for place, slot in enumerate(self.slots):
            if slot.mode is None and not slot.is_done:
                self._begin(slot, known)
            if not slot.is_done and slot.mode is not WriteMode.ASK:
                row, method = slot.wire()
                yield RowWrite((position, place), row, method)

    def _begin(self, slot: RowState, known: ExistenceCache) -> None:
        row = slot.row
        mode = slot.mode = mode_of(row, known)
        if mode is WriteMode.ASK:
            slot.was_asked_for = True
        elif mode is not WriteMode.CREATE:
            is_sure = row.is_own and bool(row.record_id)
            slot.is_assumed = bool(row.insert_fields) and not is_sure
        if mode is None:
            slot.id = row.record_id or row.known_id or known.id_of(row) or ""
            slot.is_done = True
            if row.record_id:
                known.remember(row, slot.id)

    def absorb(
        self,
        place: int,
        result: RowResult,
        known: ExistenceCache,
        *,
        is_mixed: bool = False,
        is_crowded: bool = False,
    ) -> None:
        """Take in Salesforce's answer for one row.

        `is_mixed`: the row that was sent carried values of other bundles too. `is_crowded`: other
        bundles' rows were refused alike by automation, for one of them or for their number.
        """
        slot = self.slots[place]
        slot.failure = None
        if result.success:
            written(slot, result, known)
        elif any(is_stale(error) for error in result.errors):
            slot.is_done = slot.is_stale = True
        else:
            error = cause_of(result.errors)
            verdict = classify_row(error, slot.row)
            if self._is_by_id and slot.is_by_id and is_elsewhere(slot.row, error):
                verdict = dataclasses.replace(verdict, kind=ErrorKind.ORDERING, advice=Advice.NONE)
            may_exist = verdict.kind in BAD_RECORD and slot.can_be_asked_for()
            if is_crowded and verdict.kind in HOPELESS and not may_exist:
                verdict = dataclasses.replace(
                    verdict, kind=ErrorKind.TRANSIENT, advice=Advice.SEND_LESS
                )
            self.wants_less = self.wants_less or verdict.advice is Advice.SEND_LESS
            if verdict.kind in HOPELESS and is_mixed and not self.is_alone:
                self.is_alone = True
            elif not _recovered(slot, error, verdict, known):
                slot.failure = self._refused(slot, error, verdict)

    def _refused(self, slot: RowState, error: RowError, verdict: ErrorVerdict) -> RefusedWrite:
        kind = verdict.kind
        if verdict.advice is Advice.RETRY_ONCE and not slot.has_repeated:
            slot.has_repeated = True
            kind = ErrorKind.TRANSIENT
        row = slot.row
        # A lock is the lock holder's, a missing parent the parent's: many orders of one customer
        # who is locked or missing are one case.
        record = self.bundle.lock_key if kind in OWN_UNTIL_PROVEN else ""
        write = WriteKind(row.sobject, slot.operation())
        fault = Fault(write, verdict.rule, record or self.bundle.key)
        judged = dataclasses.replace(verdict, kind=kind)
        return RefusedWrite.of(judged, error.message, row.sobject, *error.fields, fault=fault)

    def fail(self, place: int, failure: RefusedWrite) -> None:
        """Note a failure of a row that had no answer of its own."""
        self.slots[place].failure = failure

    def cause(self) -> RefusedWrite | None:
        """Return the failure that the others of this round follow from, None without one."""
        for slot in self.slots:
            if slot.failure is not None:
                return root_cause([slot.failure for slot in self.slots if slot.failure])
        return None

    def conclude(self, known: ExistenceCache, *, max_tries: int) -> bool:
        """End the bundle if it can be ended; return whether it should rest before the next round.

        A refused parent ends the bundle with the parent's error: what befell the children follows
        from it.
        """
        cause = self.cause()
        if cause is None:
            if all([slot.is_done for slot in self.slots]):  # noqa: C419 - three rows an order
                self.outcome = self._success()
            return False
        if cause.kind in HOPELESS:
            self.outcome = cause
            return False
        if cause.kind is ErrorKind.ORDERING and self._waits_for_a_parent():
            return False
        if cause.kind is ErrorKind.ORDERING and (
            self._is_by_id or (self.bundle.may_be_renamed and self._doubtful())
        ):
            self.outcome = self._told(cause)
            return False
        self.tries += 1
        if self.tries > max_tries:
            self.outcome = self._told(cause)
        elif self._bring_back_parents(known):
            return False
        return self.is_open

    def _told(self, cause: RefusedWrite) -> RefusedWrite:
        """Return the cause; as nobody's fault when the sender looks for the parent and repeats.

        Many orphans in one call are no outage: held, they would never get their parents back.
        """
        if cause.kind is not ErrorKind.ORDERING:
            return cause
        lines = self.bundle.lines
        is_line = lines is not None and cause.sobject == lines.sobject
        is_looked_for = self.bundle.may_be_renamed or (is_line and self.bundle.may_lack_products)
        return dataclasses.replace(cause, fault=None) if is_looked_for else cause

    def _waits_for_a_parent(self) -> bool:
        """Whether an orphan's parent was not answered at all: its whole collection was refused."""
        orphan = next(place for place, slot in enumerate(self.slots) if slot.failure)
        return any(slot.is_outstanding for slot in self.slots[:orphan])

    def _bring_back_parents(self, known: ExistenceCache) -> bool:
        """Reopen the rows believed to exist, of which one turned out to be gone."""
        doubtful = self._doubtful()
        for slot in doubtful:
            slot.is_gone(known)
        return bool(doubtful)

    def _doubtful(self) -> list[RowState]:
        """Return the rows believed to exist that stand before a row whose parent is missing."""
        missing = [
            place
            for place, slot in enumerate(self.slots)
            if slot.failure and slot.failure.kind is ErrorKind.ORDERING
        ]
        return [slot for slot in self.slots[: max(missing, default=0)] if slot.is_assumed]

    def _main_slot(self) -> RowState | None:
        """Return the row the event is about: the last one that is no line."""
        lines = self.bundle.lines.sobject if self.bundle.lines else ""
        return next((slot for slot in reversed(self.slots) if slot.row.sobject != lines), None)

    def _success(self) -> WriteOutcome:
        ids: dict[str, str] = {}
        created: dict[str, None] = {}
        is_plain = True
        for slot in self.slots:
            if slot.id:
                ids.setdefault(slot.row.sobject, slot.id)
            if slot.is_created:
                created[slot.row.sobject] = None
            if slot.is_stale or slot.was_missing:
                is_plain = False
        if is_plain:
            return Written(ids, tuple(created), (), self.calls)
        main = self._main_slot()
        if main is not None and main.is_stale:
            return Stale(f"{main.row.sobject}: Salesforce holds a newer state")
        return Written(ids, tuple(created), self._notes(), self.calls)

    def _notes(self) -> tuple[str, ...]:
        return tuple(
            f"{slot.row.sobject}: Salesforce holds a newer state, left as it is"
            for slot in self.slots
            if slot.is_stale
        ) + tuple(
            f"{slot.row.sobject} {slot.id}: made again, the one known before was deleted or merged"
            for slot in self.slots
            if slot.was_missing and slot.is_created and not slot.was_asked_for
        )


def root_cause(failures: list[RefusedWrite]) -> RefusedWrite:
    """Return the failure the others follow from: hopeless first, collateral and orphans last."""

    def rank(failure: RefusedWrite) -> int:
        if failure.kind in HOPELESS:
            return 0
        return 2 if failure.kind is ErrorKind.ORDERING or failure.code in COLLATERAL else 1

    return min(failures, key=rank)


def _recovered(
    slot: RowState, error: RowError, verdict: ErrorVerdict, known: ExistenceCache
) -> bool:
    """Whether the failure is answered by sending the row in another way, or is none at all."""
    if error.code == "DUPLICATE_VALUE" and slot.mode is WriteMode.CREATE:
        return _exists(slot, twin_of(error, slot.row), known)
    if verdict.kind in BAD_RECORD and slot.can_be_asked_for():  # rules come before unique fields
        slot.mode, slot.was_asked_for = WriteMode.ASK, True
        return True
    if slot.is_assumed and verdict.kind in HOPELESS and not slot.was_missing:
        slot.is_gone(known)
        return True
    return False


def _exists(slot: RowState, twin: Twin, known: ExistenceCache) -> bool:
    is_told = not (twin.is_another or twin.is_hidden)
    if slot.was_missing and not is_told:
        return False
    slot.id = twin.record_id
    slot.mode = WriteMode.UPDATE
    if not is_told:  # a record breaks several unique fields at once, and one of them is named:
        slot.is_assumed = True  # an upsert of the plain fields finds out whether it is this record
        return True
    known.remember(slot.row, slot.id)
    slot.is_done = not slot.row.fields
    return True


def sent_together(writes: Sequence[RowTracker]) -> Iterator[Sequence[RowTracker]]:
    """Yield those that go together, those that must go in smaller numbers, and alone."""
    crowded = [write for write in writes if write.wants_less and not write.is_alone]
    together = [write for write in writes if not write.wants_less and not write.is_alone]
    if together:
        yield together
    if crowded:
        size = max(1, len(crowded) // SHRINK ** max(write.tries for write in crowded))
        yield from parts_of(crowded, size)
    yield from ([write] for write in writes if write.is_alone)
