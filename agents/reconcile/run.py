"""Reconcile: every order and customer of a window, in Magento and in Salesforce, side by side.

Three passes, memory bounded by what is found wrong. First every page of Magento is mapped and
compared with the records of the same external ids. What differs is looked at a second time, both
sides anew, because orders go on changing while one reads. What then still differs is explained by
our own topics: on its way, dead, or nobody's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agents.mapping.mapping import Mapping
from agents.reconcile.findings import Finding, Judged, differences, explained, finding_of
from agents.reconcile.missing_events import CLOCK_SKEW_MS, read_document
from agents.reconcile.org_records import Query, fetch_records, keys_between
from agents.reconcile.topic_outcomes import last_words
from agents.salesforce.api.bulk_query import CALLS_PER_QUERY
from agents.salesforce.api.soql import REST_ROOM, QueryRoom
from schemas.codec import Document
from schemas.event import Kind
from schemas.identity import folded
from schemas.parts import parts_of
from schemas.salesforce import Row
from stream.backfill.event import RESOURCES
from stream.config import Settings
from stream.errors import MappingError
from stream.kafka.log.range_reader import RangeReader
from stream.magento.client import MagentoRest
from stream.magento.paging import Window, changed, entity_id_of, having
from stream.magento.times import unix_ms

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class ReconcileReport:
    """What was compared and what is not equal. `found` counts everything, equal included.

    `unknown` says what could not be asked.
    """

    window: Window
    kinds: tuple[Kind, ...]
    checked: int = 0
    found: Counter[Finding] = field(default_factory=Counter)
    judged: list[Judged] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        return not self.judged

    def fixable(self) -> list[Judged]:
        """Return what an event can repair: missing and different, with nothing on its way."""
        return [j for j in self.judged if j.finding in (Finding.MISSING, Finding.DIFFERENT)]


@dataclass(slots=True)
class Reconciler:
    """Compares one window, `room.ids` documents at a time: as many as one query of `org` takes.

    `stale_guard` are the sObjects that carry Magento_Updated_At__c.
    """

    settings: Settings
    magento: MagentoRest
    org: Query
    reader: RangeReader
    mapping: Mapping
    stale_guard: frozenset[str] = frozenset()
    room: QueryRoom = REST_ROOM
    progress: Progress = lambda _done, _total: None
    owners: dict[tuple[Kind, str], int] = field(default_factory=dict, init=False)
    doubled: set[tuple[Kind, str]] = field(default_factory=set, init=False)
    gone: set[tuple[Kind, int]] = field(default_factory=set, init=False)

    async def run(
        self, kinds: tuple[Kind, ...], window: Window, *, began: str, total: int
    ) -> ReconcileReport:
        """Return the report. Raises MagentoError, SalesforceError and BrokerError."""
        report = ReconcileReport(window, kinds)
        problems: list[Judged] = []
        keys: set[str] = set()
        read: set[tuple[Kind, int]] = set()  # once each: what is saved meanwhile is read again
        for kind in kinds:
            async for documents in self._documents(kind, window, began):
                read.update((kind, entity_id_of(entity)) for entity in documents)
                report.checked = len(read)
                problems += await self._compare(kind, documents)
                if kind is Kind.ORDER:
                    keys.update(self._keys(kind, documents))
                self.progress(report.checked, total)
        still = told_apart(await self._look_again(problems), self.doubled)
        report.judged = await self._explain(still, window)
        report.checked -= len(self.gone)
        keys -= {p.key for p in problems if (p.kind, p.entity_id) in self.gone}
        if Kind.ORDER in kinds and not window.store:
            report.judged += await self._extra(window, keys)
        report.judged.sort(key=lambda item: (list(Finding).index(item.finding), item.updated_at))
        report.found = Counter(item.finding for item in report.judged)
        report.found[Finding.EQUAL] = report.checked - len(
            [item for item in report.judged if item.finding is not Finding.EXTRA]
        )
        return report

    async def _documents(self, kind: Kind, window: Window, began: str) -> Any:
        """Yield the window's documents in chunks."""
        held: list[dict[str, Any]] = []
        pages = changed(self.magento, self.settings, RESOURCES[kind], window, began=began)
        async for page in pages:
            held += page.documents
            while len(held) >= self.room.ids:
                yield held[: self.room.ids]
                del held[: self.room.ids]
        if held:
            yield held

    async def _compare(self, kind: Kind, documents: Sequence[dict[str, Any]]) -> list[Judged]:
        """Return what is not equal among the documents."""
        judged: list[Judged] = []
        mapped: list[tuple[dict[str, Any], Document, tuple[Row, ...]]] = []
        for entity in documents:
            document = read_document(entity, kind, self.settings.identity)
            if document is None:
                judged.append(_judged(Finding.UNMAPPABLE, kind, entity, "", "it has no key"))
                continue
            subject, entity_id = (kind, document.key), entity_id_of(entity)
            if self.owners.setdefault(subject, entity_id) != entity_id:
                self.doubled.add(subject)
            try:
                rows = self.mapping.apply(document).rows
            except MappingError as error:
                judged.append(_judged(Finding.UNMAPPABLE, kind, entity, document.key, str(error)))
                continue
            mapped.append((entity, document, rows))
        wanted = (row for *_, rows in mapped for row in rows)
        records = await fetch_records(self.org, wanted, self.room)
        for entity, document, rows in mapped:
            if found := differences(rows, records):
                item = _judged(finding_of(found), kind, entity, document.key, "")
                judged.append(replace(item, differences=found))
        return judged

    async def _look_again(self, problems: Sequence[Judged]) -> list[Judged]:
        """Compare again, from new answers of both sides, what was not equal.

        What the store has deleted meanwhile is `gone`: not equal, and perhaps one too many.
        """
        still: list[Judged] = []
        for kind in RESOURCES:
            # Once each: what was saved while one read was read twice.
            ids = list(dict.fromkeys(str(p.entity_id) for p in problems if p.kind is kind))
            for part in parts_of(ids, self.settings.magento_page_size):
                found = await having(self.magento, RESOURCES[kind], "entity_id", part)
                there = {entity_id_of(entity) for entity in found}
                self.gone.update((kind, int(n)) for n in part if int(n) not in there)
                still += await self._compare(kind, found)
        return still

    async def _explain(self, problems: Sequence[Judged], window: Window) -> list[Judged]:
        """Say of each problem what our own topics know."""
        if not problems:
            return []
        since_ms = (unix_ms(window.since) or 0) - CLOCK_SKEW_MS
        subjects = {(item.kind, item.key) for item in problems}
        words = await last_words(self.settings, self.reader, subjects, since_ms=since_ms)
        judged = []
        for item in problems:
            finding, reason = explained(item.finding, words.get((item.kind, item.key)))
            judged.append(replace(item, finding=finding, reason=reason or item.reason))
        return judged

    async def _extra(self, window: Window, keys: set[str]) -> list[Judged]:
        """Return the orders that Salesforce has of this window and Magento does not know."""
        found: list[Judged] = []
        bounds = _iso(window.since), _iso(window.until)
        for sobject, key in self._order_records():
            time_field = "Magento_Updated_At__c" if sobject in self.stale_guard else "CreatedDate"
            theirs = await keys_between(self.org, sobject, key, time_field, bounds)
            identity = self.settings.identity
            unknown = sorted({folded(k) for k in theirs if identity.is_ours(folded(k))} - keys)
            for part in parts_of(unknown, self.settings.magento_page_size):
                known = await self._known_to_magento(part)
                found += [
                    Judged(
                        Finding.EXTRA,
                        Kind.ORDER,
                        name,
                        reason=f"{sobject} without an order in Magento",
                    )
                    for name in part
                    if name not in known
                ]
        return found

    async def _known_to_magento(self, keys: Sequence[str]) -> set[str]:
        """Return the keys that Magento has an order for; several orders may have one number."""
        wanted: dict[str, list[str]] = {}
        for key in keys:
            name, value = self.settings.identity.number_in(key)
            wanted.setdefault(name, []).append(value)
        known: set[str] = set()
        for name, values in wanted.items():
            found = await having(self.magento, RESOURCES[Kind.ORDER], name, values)
            known.update(self._keys(Kind.ORDER, found))
        return known

    def _keys(self, kind: Kind, documents: Sequence[dict[str, Any]]) -> Iterator[str]:
        for entity in documents:
            document = read_document(entity, kind, self.settings.identity)
            if document is not None:
                yield document.key

    def _order_records(self) -> set[tuple[str, str]]:
        """Return (sObject, external id field) of the records that stand for an order."""
        reachable = {id(rule) for rule in self.mapping.rulebook.active_rows()}
        return {
            (rule.sobject, rule.external_id)
            for rule in self.mapping.rulebook.order.rows
            if not rule.is_insert_only and id(rule) in reachable
        }


def told_apart(problems: Sequence[Judged], doubled: Collection[tuple[Kind, str]]) -> list[Judged]:
    """Return the problems; one record cannot show two documents, so nothing can repair those."""
    why = "has the key of another in the store, see docs/identity.md: nothing was overwritten"
    return [
        replace(one, finding=Finding.UNMAPPABLE, reason=f"this {one.kind.value} {why}")
        if (one.kind, one.key) in doubled
        else one
        for one in problems
    ]


def salesforce_calls(counts: dict[Kind, int], room: QueryRoom, rows_per_document: int = 3) -> int:
    """Return about how many calls a comparison takes: a query per chunk and kind of record."""
    queries = sum(-(-count // room.ids) * rows_per_document for count in counts.values()) + 1
    return queries if room is REST_ROOM else queries * CALLS_PER_QUERY


def _judged(finding: Finding, kind: Kind, entity: dict[str, Any], key: str, reason: str) -> Judged:
    return Judged(
        finding,
        kind,
        key or str(entity_id_of(entity)),
        entity_id=entity_id_of(entity),
        updated_at=str(entity.get("updated_at") or ""),
        reason=reason,
    )


def _iso(text: str) -> str:
    return text.replace(" ", "T") + "Z"
