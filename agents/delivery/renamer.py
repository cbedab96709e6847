"""Looks for a customer's records under the key of an earlier e-mail, ahead of writing.

| rows | API calls |
|---|---|
| of customers' own events whose record is not known under this key | 1 query per 100 and sObject |
| of orders whose customer's record is not known under this key | the same |
| renamed | 1 call per 200 records |

Nothing is asked where the org has no `Magento_Customer_ID__c`. What is believed to exist is not
looked for; if an order finds its customer gone, it is looked for then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.org_search import FINAL, Identity, OrgSearch, failure_of
from agents.delivery.renaming import NOTHING, Renaming, follow, queries_for, redirected, renaming_of
from agents.delivery.types import Dispatcher, NotSent, RefusedWrite, WriteOutcome, WriteSet, Written
from agents.pacing.admission import Admission
from agents.pacing.ticket import NotAdmittedError
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.composite import CUSTOMER_ID_FIELD
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError, cause_of, classify_row
from schemas.priority import Priority
from schemas.salesforce import Row

log = structlog.get_logger()

_NOT_RENAMED = "the customer's e-mail has changed, and the record could not get the new key"


class Renamer:
    """A Dispatcher that lets a customer's records follow the customer's e-mail."""

    def __init__(
        self, inner: Dispatcher, client: OrgClient, gate: Admission, known: ExistenceCache
    ) -> None:
        self._inner = inner
        self._client = client
        self._org = OrgSearch(client, gate)
        self._known = known

    async def send(self, bundles: Sequence[WriteSet]) -> list[WriteOutcome]:
        """Return one outcome per bundle, in order. Raises FrozenError only."""
        identified = self._client.identified
        if not identified or not any(row.customer_id for b in bundles for row in b.rows):
            return await self._inner.send(bundles)
        ready = [_identified(bundle, identified) for bundle in bundles]
        outcomes = await self._send(ready)
        orphans = [
            place
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, RefusedWrite)
            and outcome.kind is ErrorKind.ORDERING
            and ready[place].may_be_renamed
        ]
        if orphans:
            again = [self._forgotten(ready[place]) for place in orphans]
            for place, outcome in zip(orphans, await self._send(again), strict=True):
                outcomes[place] = outcome
        return outcomes

    async def _send(self, bundles: Sequence[WriteSet]) -> list[WriteOutcome]:
        rows = [row for bundle in bundles for row in bundle.rows if self._is_looked_for(row)]
        # Of several rows of one record the customer's own counts: it renames.
        wanted = {row.identity: row for row in sorted(rows, key=lambda row: row.is_own)}
        priority = min(bundle.priority for bundle in bundles)
        found, failures = await self._look(list(wanted.values()), priority)
        await self._rename(found, failures, priority)
        outcomes: list[WriteOutcome | None] = [_failure_among(b, failures) for b in bundles]
        places = [place for place, outcome in enumerate(outcomes) if outcome is None]
        sent = await self._inner.send([redirected(bundles[place], found) for place in places])
        for place, outcome in zip(places, sent, strict=True):
            outcomes[place] = _told(outcome, bundles[place], found)
        return [outcome for outcome in outcomes if outcome is not None]

    def _is_looked_for(self, row: Row) -> bool:
        if not row.customer_id or row.sobject not in self._client.identified:
            return False
        if row.known_id:
            return False
        return row.is_own or self._known.id_of(row) is None

    def _forgotten(self, bundle: WriteSet) -> WriteSet:
        """Return a bundle of which nothing is believed to exist."""
        rows = tuple(
            dataclasses.replace(row, known_id="") if row.customer_id else row for row in bundle.rows
        )
        for row in rows:
            if row.customer_id:
                self._known.forget(row)
        return dataclasses.replace(bundle, rows=rows, may_be_renamed=False)

    async def _look(
        self, rows: Sequence[Row], priority: Priority
    ) -> tuple[dict[Identity, Renaming], dict[Identity, WriteOutcome]]:
        found: dict[Identity, Renaming] = {}
        failures: dict[Identity, WriteOutcome] = {}
        for soql, part in queries_for(rows, self._client.guarded):
            try:
                records = await self._org.records(soql, priority, len(part))
            except (NotAdmittedError, SalesforceError) as error:
                if isinstance(error, SalesforceError) and error.kind in FINAL:
                    log.warning("renaming_impossible", code=error.code, detail=str(error))
                    continue
                failures |= {row.identity: failure_of(error) for row in part}
                continue
            found |= {row.identity: renaming_of(row, records) for row in part}
        follow(rows, found)
        return found, failures

    async def _rename(
        self,
        found: dict[Identity, Renaming],
        failures: dict[Identity, WriteOutcome],
        priority: Priority,
    ) -> None:
        wanted = [(one.update, identity) for identity, one in found.items() if one.update]
        for update, identity, answer in await self._org.give_keys(wanted, priority):
            if isinstance(answer, NotSent):
                failures[identity] = answer
                continue
            self._known.forget_key(update.sobject, found[identity].was)
            if not answer.success:
                verdict = classify_row(cause_of(answer.errors))
                failures[identity] = RefusedWrite.of(
                    verdict, _NOT_RENAMED, update.sobject, update.field
                )


def _identified(bundle: WriteSet, identified: frozenset[str]) -> WriteSet:
    """Return the bundle, each customer's row with the store's id among its fields."""
    if not any(row.customer_id and row.sobject in identified for row in bundle.rows):
        return bundle
    rows = tuple(
        _with_id(row) if row.customer_id and row.sobject in identified else row
        for row in bundle.rows
    )
    return dataclasses.replace(bundle, rows=rows, may_be_renamed=True)


def _with_id(row: Row) -> Row:
    told = {CUSTOMER_ID_FIELD: row.customer_id}
    if row.is_own:
        return dataclasses.replace(row, fields={**row.fields, **told})
    return dataclasses.replace(row, insert_fields={**row.insert_fields, **told})


def _failure_among(
    bundle: WriteSet, failures: Mapping[Identity, WriteOutcome]
) -> WriteOutcome | None:
    found: Any = (failures.get(row.identity) for row in bundle.rows if row.customer_id)
    return next((failure for failure in found if failure is not None), None)


def _told(
    outcome: WriteOutcome, bundle: WriteSet, found: Mapping[Identity, Renaming]
) -> WriteOutcome:
    """Return the outcome with what was renamed, and what was done differently."""
    mine = [found.get(row.identity, NOTHING) for row in bundle.rows if row.customer_id]
    if not isinstance(outcome, Written) or not any(one is not NOTHING for one in mine):
        return outcome
    notes = tuple(dict.fromkeys(one.note for one in mine if one.note))
    renamed = tuple(dict.fromkeys(one.was for one in mine if one.update))
    return dataclasses.replace(outcome, notes=(*outcome.notes, *notes), renamed=renamed)
