"""Looks for records that were in the org before us, ahead of the first create for an e-mail.

| step | API calls |
|---|---|
| customers this worker has not looked for yet | 1 query per 100, once per customer and worker |
| those found without our key | 1 call per 200 records |

Both go through the gate, as every call. A customer that could not be looked for for a passing
reason waits: a twin that was made meanwhile is not unmade by trying again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from cachetools import LRUCache

from agents.delivery.adoption import Adoption, adoption_of, queries_for, value_of
from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.org_search import FINAL, Identity, OrgSearch, failure_of
from agents.delivery.types import Dispatcher, NotSent, RefusedWrite, WriteOutcome, WriteSet, Written
from agents.pacing.admission import Admission
from agents.pacing.ticket import NotAdmittedError
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.record_updates import KeyUpdate
from agents.salesforce.errors.errors import SalesforceError, cause_of, classify_row
from schemas.priority import Priority
from schemas.salesforce import Row, RowResult

log = structlog.get_logger()

MAX_SEEN = 200_000  # customers, about 30 MB


@dataclass(slots=True)
class _Search:
    """What was found out for the rows of one batch."""

    notes: dict[Identity, tuple[str, ...]] = field(default_factory=dict)
    failures: dict[Identity, WriteOutcome] = field(default_factory=dict)


class Adopter:
    """A Dispatcher that gives keys to records that were there before, ahead of another one."""

    def __init__(
        self, inner: Dispatcher, client: OrgClient, gate: Admission, known: ExistenceCache
    ) -> None:
        self._inner = inner
        self._org = OrgSearch(client, gate)
        self._known = known
        self._seen: LRUCache[Identity, bool] = LRUCache(MAX_SEEN)

    async def send(self, bundles: Sequence[WriteSet]) -> list[WriteOutcome]:
        """Return one outcome per bundle, in order. Raises FrozenError only."""
        wanted = {row.identity: row for b in bundles for row in b.rows if self._is_unknown(row)}
        if not wanted:
            return await self._inner.send(bundles)
        priority = min(bundle.priority for bundle in bundles)
        search = await self._search(list(wanted.values()), priority)
        outcomes = [_failure_among(bundle, search) for bundle in bundles]
        ready = [place for place, outcome in enumerate(outcomes) if outcome is None]
        sent = await self._inner.send([bundles[place] for place in ready])
        for place, outcome in zip(ready, sent, strict=True):
            outcomes[place] = _with_notes(outcome, bundles[place], search)
        return [outcome for outcome in outcomes if outcome is not None]

    def _is_unknown(self, row: Row) -> bool:
        if not row.adopt_by or not value_of(row) or row.identity in self._seen:
            return False
        return self._known.id_of(row) is None

    async def _search(self, rows: Sequence[Row], priority: Priority) -> _Search:
        search = _Search()
        found: dict[Identity, Adoption] = {}
        for soql, part in queries_for(rows):
            try:
                records = await self._org.records(soql, priority, len(part))
            except (NotAdmittedError, SalesforceError) as error:
                self._not_looked_for(part, error, search)
                continue
            found |= {row.identity: adoption_of(row, records) for row in part}
        await self._adopt(found, search, priority)
        for identity in found.keys() - search.failures.keys():
            self._seen[identity] = True
        return search

    def _not_looked_for(
        self, rows: Sequence[Row], error: NotAdmittedError | SalesforceError, search: _Search
    ) -> None:
        if isinstance(error, SalesforceError) and error.kind in FINAL:
            log.warning("adoption_impossible", code=error.code, detail=str(error))
            what = f"not looked for by {rows[0].adopt_by} ({error.code}): it may have got a twin"
            for row in rows:
                search.notes[row.identity] = (f"{row.sobject}: {what}",)
            return
        failure = failure_of(error)
        for row in rows:
            search.failures[row.identity] = failure

    async def _adopt(
        self, found: dict[Identity, Adoption], search: _Search, priority: Priority
    ) -> None:
        updates = [(u, identity) for identity, made in found.items() for u in made.updates]
        for update, identity, answer in await self._org.give_keys(updates, priority):
            if isinstance(answer, NotSent):
                search.failures[identity] = answer
            else:
                _absorb(update, identity, answer, search)
        for identity, adoption in found.items():
            if adoption.notes:
                search.notes[identity] = (*adoption.notes, *search.notes.get(identity, ()))


def _absorb(update: KeyUpdate, identity: Identity, result: RowResult, search: _Search) -> None:
    if result.success:
        return
    cause = cause_of(result.errors)
    verdict = classify_row(cause)
    if verdict.kind in FINAL:
        note = f"{update.sobject} {update.id}: could not get its key ({verdict.code})"
        search.notes[identity] = (*search.notes.get(identity, ()), note)
        return
    search.failures[identity] = RefusedWrite.of(verdict, cause.message, update.sobject)


def _failure_among(bundle: WriteSet, search: _Search) -> WriteOutcome | None:
    found = (search.failures.get(row.identity) for row in bundle.rows)
    return next((failure for failure in found if failure is not None), None)


def _with_notes(outcome: WriteOutcome, bundle: WriteSet, search: _Search) -> WriteOutcome:
    notes = [note for row in bundle.rows for note in search.notes.get(row.identity, ())]
    if not notes or not isinstance(outcome, Written):
        return outcome
    return dataclasses.replace(outcome, notes=(*outcome.notes, *notes))
