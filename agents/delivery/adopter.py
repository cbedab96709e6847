"""Gives keys to records that were in the org before us, ahead of the first create for an e-mail.

A customer is looked for once per worker.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from agents.delivery.adoption import (
    Adoption,
    adoption_of,
    candidates_of,
    queries_for,
    spelling_of,
    value_of,
)
from agents.delivery.blame import Judge
from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.org_search import (
    FINAL,
    Answers,
    Identity,
    OrgSearch,
    Queries,
    failure_of,
    is_final,
    told_without_values,
)
from agents.delivery.recent import Recent
from agents.delivery.types import NotSent, RefusedWrite, WriteOutcome, WriteSet, Written
from agents.pacing.ticket import NotAdmittedError
from agents.salesforce.api.record_updates import KeyUpdate
from agents.salesforce.errors.errors import SalesforceError, cause_of, classify_row
from schemas.priority import Priority
from schemas.salesforce import Row, RowResult

log = structlog.get_logger()

MAX_SEEN = 200_000  # customers, about 30 MB


@dataclass(slots=True)
class Adopted:
    """What was found out for the rows of one batch."""

    notes: dict[Identity, tuple[str, ...]] = field(default_factory=dict)
    failures: dict[Identity, WriteOutcome] = field(default_factory=dict)

    def note(self, identity: Identity, *notes: str) -> None:
        """Say something with the result of every bundle that has the row."""
        if notes:
            self.notes[identity] = (*self.notes.get(identity, ()), *notes)

    def failure_of(self, bundle: WriteSet) -> WriteOutcome | None:
        """Return the outcome of a bundle with a row that could not be looked for."""
        if not self.failures:
            return None
        found = (self.failures.get(row.identity) for row in bundle.rows)
        return next((failure for failure in found if failure is not None), None)

    def told(self, outcome: WriteOutcome, bundle: WriteSet) -> WriteOutcome:
        """Return the outcome with what was done to records that were there before."""
        if not self.notes or not isinstance(outcome, Written):
            return outcome
        notes = [note for row in bundle.rows for note in self.notes.get(row.identity, ())]
        if not notes:
            return outcome
        return dataclasses.replace(outcome, notes=(*outcome.notes, *notes))


class Adopter:
    """What is asked for by a value, e.g. the e-mail, and what is done about the answers."""

    def __init__(self, org: OrgSearch, known: ExistenceCache, judge: Judge) -> None:
        self._org = org
        self._judge = judge
        self._known = known
        self._seen: Recent[Identity, bool] = Recent(MAX_SEEN)

    def queries(self, bundles: Sequence[WriteSet], asked: Queries | None = None) -> Queries:
        """Return what is to be asked before the bundles may be written.

        `asked`: what was asked already; who looks for the same rows asks the same.
        """
        wanted = {
            row.identity: row
            for bundle in bundles
            for row in bundle.rows
            if row.adopt_by and self.is_unknown(row)
        }
        meant = list(wanted.values())
        if asked and meant == [row for rows in asked.values() for row in rows]:
            return asked
        return dict(queries_for(meant, self._org.room)) if meant else {}

    def is_unknown(self, row: Row) -> bool:
        """Whether a record without a key may be meant by the row."""
        if not row.adopt_by or row.identity in self._seen:
            return False
        return self._known.id_of(row) is None and bool(value_of(row))

    async def adopt(self, queries: Queries, answers: Answers, priority: Priority) -> Adopted:
        """Give the records that were found, and their parents, the keys of the rows."""
        adopted = Adopted()
        found: dict[Identity, Adoption] = {}
        given: dict[str, str] = {}  # two people of one Account: one call names a record once
        for soql, rows in queries.items():
            answer = answers[soql]
            if isinstance(answer, NotAdmittedError | SalesforceError):
                _not_looked_for(rows, answer, adopted)
                continue
            candidates = candidates_of(rows, answer)
            for row in rows:
                near = candidates.with_any(spelling_of(row), row.identity[1])
                found[row.identity] = adoption = adoption_of(row, near, given)
                given |= {update.id: update.key for update in adoption.updates}
        for identity, adoption in found.items():
            adopted.note(identity, *adoption.notes)
        meant = {row.identity: row for rows in queries.values() for row in rows}
        updates = [
            (self._org.with_customer(update, meant[identity]), identity)
            for identity, made in found.items()
            for update in made.updates
        ]
        for update, identity, result in await self._org.give_keys(updates, priority):
            if isinstance(result, NotSent):
                adopted.failures[identity] = result
            else:
                self._absorb(update, identity, result, adopted)
        for identity in found.keys() - adopted.failures.keys():
            self._seen.keep(identity, value=True)
        return adopted

    def _absorb(
        self, update: KeyUpdate, identity: Identity, result: RowResult, adopted: Adopted
    ) -> None:
        if result.success:
            self._judge.key_given(update.sobject, update.id)
            return
        cause = cause_of(result.errors)
        verdict = classify_row(cause)
        if verdict.kind in FINAL:
            what = f"{update.sobject} {update.id}: could not get its key ({verdict.code})"
            adopted.note(identity, what)
            return
        refused = RefusedWrite.of(verdict, cause.message, update.sobject)
        adopted.failures[identity] = self._judge.key_refused(refused, update.id)


def _not_looked_for(
    rows: Sequence[Row], error: NotAdmittedError | SalesforceError, adopted: Adopted
) -> None:
    if isinstance(error, SalesforceError) and is_final(error):
        detail = told_without_values(error, rows)
        log.warning("adoption_impossible", code=error.code, detail=detail)
        what = f"not looked for by {rows[0].adopt_by} ({error.code}): it may have got a twin"
        for row in rows:
            adopted.note(row.identity, f"{row.sobject}: {what}")
        return
    adopted.failures |= {row.identity: failure_of(error) for row in rows}
