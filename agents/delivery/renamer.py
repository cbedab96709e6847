"""Lets a customer's records follow the customer's e-mail, ahead of writing.

Nothing is asked where the org has no `Magento_Customer_ID__c`. What is believed to exist is not
looked for; if an order finds its customer gone, it is looked for then.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field

import structlog
from cachetools import LRUCache

from agents.delivery.blame import Judge
from agents.delivery.candidates import Candidates, Record
from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.org_search import (
    Answers,
    OrgSearch,
    Queries,
    failure_of,
    is_final,
    told_without_values,
)
from agents.delivery.renaming import (
    ADDRESS_HELD,
    NOTHING,
    Renaming,
    Whose,
    follow,
    is_held,
    is_known,
    queries_for,
    renaming_of,
    whose,
)
from agents.delivery.types import NotSent, RefusedWrite, WriteOutcome, WriteSet, Written
from agents.pacing.ticket import NotAdmittedError
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.composite import CUSTOMER_ID_FIELD
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.errors import SalesforceError, cause_of, classify_row, is_stale
from schemas.frozen import replace
from schemas.priority import Priority
from schemas.salesforce import Row

log = structlog.get_logger()

MAX_UNTOLD = 10_000

_TWIN = (
    "a second record, the customer's own got another key in the same moment; "
    "merge the two in Salesforce"
)
_NOT_RENAMED = "the customer's e-mail has changed, and the record could not get the new key"


@dataclass(slots=True)
class Renamed:
    """What became of the rows that were looked for by the store's id.

    `untold`: keys that records had before, of which no outcome has told yet.
    """

    untold: MutableMapping[Whose, str]
    found: dict[Whose, Renaming] = field(default_factory=dict)
    failures: dict[Whose, WriteOutcome] = field(default_factory=dict)
    there: set[Whose] = field(default_factory=set)  # whose customer the org had

    @property
    def has_changed_keys(self) -> bool:
        """Whether a record may have another key than when it was looked for."""
        return any(one.update for one in self.found.values())

    @property
    def is_nothing(self) -> bool:
        """Whether the rows go as they are, and there is nothing to tell of them."""
        is_told = self.failures or self.there or self.untold
        return not is_told and all(one is NOTHING for one in self.found.values())

    def failure_of(self, bundle: WriteSet) -> WriteOutcome | None:
        """Return the outcome of a bundle with a row that could not be looked for or renamed."""
        found = (self.failures.get(whose(row)) for row in bundle.rows if row.customer_id)
        failure = next((failure for failure in found if failure is not None), None)
        if failure is None and is_held(bundle, self.found):
            return NotSent(ADDRESS_HELD)
        return failure

    def told(self, outcome: WriteOutcome, bundle: WriteSet) -> WriteOutcome:
        """Return the outcome with what was renamed, and what was done differently."""
        mine = [row for row in bundle.rows if row.customer_id]
        if not mine or not isinstance(outcome, Written):
            return outcome
        notes = dict.fromkeys(self.found.get(whose(row), NOTHING).note for row in mine)
        own = (self.untold.pop(whose(row), "") for row in mine if row.is_own)
        keys = tuple(dict.fromkeys(was for was in own if was))
        told = (*outcome.notes, *filter(None, notes), *self._twins(outcome, mine))
        return replace(outcome, notes=told, renamed=keys or outcome.renamed)

    def _twins(self, outcome: Written, rows: Sequence[Row]) -> list[str]:
        """Say where a save made a record though the org had one: another worker renamed that."""
        made = [row for row in rows if whose(row) in self.there and row.sobject in outcome.created]
        return [f"{row.sobject} {outcome.ids.get(row.sobject)}: {_TWIN}" for row in made]


class Renamer:
    """What is asked for by the store's id of a customer, and what is done about the answers."""

    def __init__(
        self, client: OrgClient, org: OrgSearch, known: ExistenceCache, judge: Judge
    ) -> None:
        self._client = client
        self._org = org
        self._known = known
        self._judge = judge
        # A write that fails behind a renaming is repeated, here or elsewhere.
        self._untold: LRUCache[Whose, str] = LRUCache(MAX_UNTOLD)

    def identified(self, bundle: WriteSet) -> WriteSet:
        """Return the bundle, each customer's row with the store's id among its fields."""
        identified, rows = self._client.identified, [*bundle.rows]
        is_any = False
        for place, row in enumerate(bundle.rows):
            if row.customer_id and row.sobject in identified:
                rows[place], is_any = _with_id(row), True
        return replace(bundle, rows=tuple(rows), may_be_renamed=True) if is_any else bundle

    def forgotten(self, bundle: WriteSet) -> WriteSet:
        """Return a bundle of which nothing is believed to exist."""
        rows = tuple(replace(row, known_id="") if row.customer_id else row for row in bundle.rows)
        for row in rows:
            if row.customer_id:
                self._known.forget(row)
        return replace(bundle, rows=rows, may_be_renamed=False)

    def queries(self, bundles: Sequence[WriteSet]) -> Queries:
        """Return what is to be asked before the bundles may be written."""
        rows = [
            row
            for bundle in bundles
            for row in bundle.rows
            if row.customer_id and self.is_looked_for(row)
        ]
        if not rows:
            return {}
        # Of several rows of one record and customer the customer's own counts: it renames.
        wanted = {whose(row): row for row in sorted(rows, key=lambda row: row.is_own)}
        return dict(queries_for(list(wanted.values()), self._client.guarded, self._org.room))

    def is_looked_for(self, row: Row) -> bool:
        """Whether the row's record may have the key of an earlier e-mail.

        Of a customer's own row also when its state has the record: who renamed it since may not
        have told yet, or have died before, and an upsert would make a second one. Of an order's
        also when only other customers' rows told of the record.
        """
        if not row.customer_id or row.sobject not in self._client.identified:
            return False
        return row.is_own or not self._known.is_of(row)

    async def rename(self, queries: Queries, answers: Answers, priority: Priority) -> Renamed:
        """Give records that were found the keys of their customers' rows."""
        renamed = Renamed(self._untold)
        for soql, rows in queries.items():
            answer = answers[soql]
            if isinstance(answer, SalesforceError) and is_final(answer):
                detail = told_without_values(answer, rows)
                log.warning("renaming_impossible", code=answer.code, detail=detail)
            elif isinstance(answer, NotAdmittedError | SalesforceError):
                renamed.failures |= {whose(row): failure_of(answer) for row in rows}
            else:
                guarded = self._client.guarded
                candidates = _candidates(rows, answer)
                for row in rows:
                    found = NOTHING
                    if near := candidates.with_any(row.customer_id, row.identity[1]):
                        found = renaming_of(row, near, is_guarded=row.sobject in guarded)
                        if row.is_own and is_known(row, near):
                            renamed.there.add(whose(row))
                    renamed.found[whose(row)] = found
                    if not found.key:
                        self._known.note_customer(row)
        follow([row for rows in queries.values() for row in rows], renamed.found)
        await self._give_keys(renamed, priority)
        await self._claim(renamed, priority)
        return renamed

    async def _give_keys(self, renamed: Renamed, priority: Priority) -> None:
        wanted = [(one.update, at) for at, one in renamed.found.items() if one.update]
        if not wanted:
            return
        for update, at, answer in await self._org.give_keys(wanted, priority):
            if isinstance(answer, NotSent):
                renamed.failures[at] = answer
                continue
            was = renamed.found[at].was
            self._known.forget_key(update.sobject, was)
            if answer.success:
                self._untold[at] = was
                self._judge.key_given(update.sobject, update.id)
                continue
            verdict = classify_row(cause_of(answer.errors))
            refused = RefusedWrite.of(verdict, _NOT_RENAMED, update.sobject, update.field)
            # Somebody may have taken the key meanwhile, or a newer save the record: the next look
            # finds the record that has it, and to which save it belongs.
            is_overtaken = any(map(is_stale, answer.errors))
            if is_overtaken:
                refused = replace(refused, kind=ErrorKind.TRANSIENT)
            is_passing = is_overtaken or verdict.advice is Advice.RETRY_ONCE
            renamed.failures[at] = (
                replace(refused, is_unproven=True)
                if is_passing
                else self._judge.key_refused(refused, update.id)
            )

    async def _claim(self, renamed: Renamed, priority: Priority) -> None:
        """Give guests' records their customers' ids. A record that takes none costs no order."""
        wanted = {one.claim.id: (one.claim, at) for at, one in renamed.found.items() if one.claim}
        if not wanted:
            return
        for update, _, answer in await self._org.give_keys(list(wanted.values()), priority):
            if isinstance(answer, NotSent) or not answer.success:
                log.warning("customer_id_not_given", sobject=update.sobject, id=update.id)


def _candidates(rows: Sequence[Row], records: Sequence[Record]) -> Candidates:
    """Return the records of a query's rows by their customers and keys, cases folded."""
    key = rows[0].external_id_field
    return Candidates(
        records, lambda r: (str(r.get(CUSTOMER_ID_FIELD) or ""), str(r.get(key) or "").casefold())
    )


def _with_id(row: Row) -> Row:
    told = {CUSTOMER_ID_FIELD: row.customer_id}
    if row.is_own:
        return replace(row, fields={**row.fields, **told})
    return replace(row, insert_fields={**row.insert_fields, **told})
