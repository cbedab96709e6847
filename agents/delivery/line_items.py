"""Line items around the dispatcher: products before the orders that need them, old lines after.

| step | API calls |
|---|---|
| products and prices this worker has not seen | 1 per 200 new SKUs, once per SKU and worker |
| the orders with their lines | the dispatcher's |
| which lines has Salesforce, of orders that existed before | 1 query per 200 such orders |
| lines an order no longer has | 1 per 200 lines |

Products are shared by all orders. Written with the orders they would tie them together, one call
after the other; so they go first, once, and an order only names them. Only lines with an external
id of ours are removed: what people add by hand stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cachetools import LRUCache

from agents.delivery.blame import Judge
from agents.delivery.customer_lookup import CustomerLookup
from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.fault_scope import Fault, WriteKind
from agents.delivery.retry_in_place import is_suspicious
from agents.delivery.sign_of_life import org_answers
from agents.delivery.types import (
    NotSent,
    RefusedWrite,
    WriteOutcome,
    WriteSet,
    Written,
    send_others,
)
from agents.mapping.line_model import LineModel, Lines
from agents.pacing.ticket import NotAdmittedError
from agents.salesforce.api.client import OrgClient
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.errors import SalesforceError, cause_of, classify_row
from schemas.parts import parts_of
from schemas.priority import Priority
from schemas.salesforce import RowResult

MAX_PRODUCTS = 100_000  # about 20 MB
MAX_IDS = 200  # in one query or one delete
GONE = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"})
WAITS = frozenset({ErrorKind.AUTH, ErrorKind.QUOTA, ErrorKind.CONFIG})
PASSES = frozenset({ErrorKind.TRANSIENT, ErrorKind.CONCURRENCY})


class LineDispatcher:
    """A Dispatcher that does what lines need around another one."""

    def __init__(
        self, inner: CustomerLookup, client: OrgClient, judge: Judge, known: ExistenceCache
    ) -> None:
        self._inner = inner
        self._client = client
        self._judge = judge
        self.gate = judge.gate
        self._known = known
        self._products: LRUCache[str, bool] = LRUCache(MAX_PRODUCTS)

    def asks_first(self, bundle: WriteSet) -> bool:
        """Whether another call goes ahead of the bundle's."""
        if bundle.lines and any(p.name not in self._products for p in bundle.lines.products):
            return True
        return self._inner.asks_first(bundle)

    async def send(self, bundles: Sequence[WriteSet]) -> list[WriteOutcome]:
        """Return one outcome per bundle, in order. Raises FrozenError only."""
        if not any([bundle.lines for bundle in bundles]):  # noqa: C419 - most orders have none
            return await self._inner.send(bundles)
        outcomes = await self._send([replace(one, may_lack_products=True) for one in bundles])
        orphans = [
            place
            for place, outcome in enumerate(outcomes)
            if (lines := bundles[place].lines) and _misses_product(outcome, lines)
        ]
        if orphans:  # somebody deleted a product this worker knew
            for place in orphans:
                self._forget(bundles[place].lines)
            again = await self._send([bundles[place] for place in orphans])
            for place, outcome in zip(orphans, again, strict=True):
                outcomes[place] = outcome
        await self._remove_old_lines(bundles, outcomes)
        return outcomes

    async def _send(self, bundles: Sequence[WriteSet]) -> list[WriteOutcome]:
        missing = await self._write_products(bundles)
        outcomes: list[WriteOutcome | None] = [_blocked(bundle, missing) for bundle in bundles]
        return await send_others(bundles, outcomes, self._inner.send)

    async def _write_products(self, bundles: Sequence[WriteSet]) -> dict[str, WriteOutcome]:
        """Write what is not known to exist; return what could not be written, by product."""
        wanted: dict[str, tuple[LineModel, Priority]] = {}
        for bundle in bundles:
            for product in bundle.lines.products if bundle.lines else ():
                if self._products.get(product.name):
                    continue
                _, urgent = wanted.get(product.name, (product, bundle.priority))
                wanted[product.name] = (product, min(urgent, bundle.priority))
        if not wanted:
            return {}
        writes = [WriteSet(name, p.rows, priority=urgent) for name, (p, urgent) in wanted.items()]
        outcomes = await self._inner.send(writes)
        missing: dict[str, WriteOutcome] = {}
        for name, outcome in zip(wanted, outcomes, strict=True):
            if isinstance(outcome, Written):
                self._products[name] = True
            else:
                missing[name] = outcome
        return missing

    def _forget(self, lines: Lines | None) -> None:
        for product in lines.products if lines else ():
            self._products.pop(product.name, None)
            for row in product.rows:
                self._known.forget(row)

    async def _remove_old_lines(
        self, bundles: Sequence[WriteSet], outcomes: list[WriteOutcome]
    ) -> None:
        owners: dict[tuple[str, str, str], dict[str, int]] = {}
        for place, (bundle, outcome) in enumerate(zip(bundles, outcomes, strict=True)):
            lines = bundle.lines
            if lines is None or not isinstance(outcome, Written):
                continue
            carrier = outcome.ids.get(lines.carrier, "")
            if carrier and lines.carrier not in outcome.created:
                kind = (lines.sobject, lines.link, lines.external_id_field)
                owners.setdefault(kind, {})[carrier] = place
        for kind, places in owners.items():
            for part in parts_of(list(places), MAX_IDS):
                chunk = {carrier: places[carrier] for carrier in part}
                await self._remove_of(kind, chunk, bundles, outcomes)

    async def _remove_of(
        self,
        kind: tuple[str, str, str],
        places: dict[str, int],
        bundles: Sequence[WriteSet],
        outcomes: list[WriteOutcome],
    ) -> None:
        priority = min(bundles[place].priority for place in places.values())
        try:
            old = await self._old_lines(kind, places, bundles, priority)
            for part in parts_of(list(old), MAX_IDS):
                async with self.gate.call(priority, rows=len(part)):
                    results = await self._client.delete(part)
                orders = {line: (old[line], bundles[old[line]].key) for line in part}
                for place, paid in self._judged(kind[0], orders, results).items():
                    outcomes[place] = paid
        except NotAdmittedError as stop:
            failure: WriteOutcome = NotSent(stop.reason, stop.is_given_up)
        except SalesforceError as error:
            if error.advice is Advice.SEND_LESS and len(places) > 1:
                for half in parts_of(list(places), -(-len(places) // 2)):
                    fewer = {carrier: places[carrier] for carrier in half}
                    await self._remove_of(kind, fewer, bundles, outcomes)
                return
            is_outage = self.gate.open_for is not None or not is_suspicious(error)
            is_outage = is_outage or not await org_answers(self._client)
            failure = _failure_of_call(error, kind[0], is_outage=is_outage)
        else:
            return
        for place in places.values():
            if isinstance(outcomes[place], Written):
                outcomes[place] = failure

    def _judged(
        self, sobject: str, orders: dict[str, tuple[int, str]], results: Sequence[RowResult]
    ) -> dict[int, WriteOutcome]:
        """Return what the orders pay whose lines, in order, the org has answered with a no."""
        removal = WriteKind(sobject, "delete")
        refused: dict[int, RefusedWrite] = {}
        for (place, key), result in zip(orders.values(), results, strict=True):
            failure = _failure_of(result, removal, key)
            if failure is not None:
                refused[place] = failure
        passed = sum(result.success for result in results)
        return self._judge.charge_removals(removal, refused, passed)

    async def _old_lines(
        self,
        kind: tuple[str, str, str],
        places: dict[str, int],
        bundles: Sequence[WriteSet],
        priority: Priority,
    ) -> dict[str, int]:
        """Return the ids of lines that are no more, with the bundle each belongs to."""
        sobject, link, key = kind
        ids = ",".join(f"'{carrier}'" for carrier in places)
        soql = f"SELECT Id, {key}, {link} FROM {sobject} WHERE {link} IN ({ids}) AND {key} != null"  # noqa: S608 - names of ours and ids of records
        old: dict[str, int] = {}
        async with self.gate.call(priority, rows=len(places)):
            async for record in self._client.query(soql):
                place = places.get(str(record.get(link)))
                lines = bundles[place].lines if place is not None else None
                if place is None or lines is None:
                    continue
                if str(record.get(key)).casefold() not in lines.keep:
                    old[str(record["Id"])] = place
        return old


def _blocked(bundle: WriteSet, missing: dict[str, WriteOutcome]) -> WriteOutcome | None:
    """Return the outcome of an order one of whose products could not be written."""
    for product in bundle.lines.products if bundle.lines else ():
        outcome = missing.get(product.name)
        if isinstance(outcome, RefusedWrite):
            return replace(outcome, message=f"{product.name}: {outcome.message}")
        if outcome is not None:
            return outcome
    return None


def _misses_product(outcome: WriteOutcome, lines: Lines) -> bool:
    return (
        isinstance(outcome, RefusedWrite)
        and outcome.kind is ErrorKind.ORDERING
        and outcome.sobject == lines.sobject
    )


def _failure_of(result: RowResult, removal: WriteKind, order: str) -> RefusedWrite | None:
    if result.success or all(error.code in GONE for error in result.errors):
        return None
    cause = cause_of(result.errors)
    verdict = classify_row(cause)
    fault = Fault(removal, verdict.rule, order)
    what = f"removing a line: {cause.message}"
    return RefusedWrite.of(verdict, what, removal.sobject, fault=fault)


def _failure_of_call(error: SalesforceError, sobject: str, *, is_outage: bool) -> WriteOutcome:
    if error.kind in WAITS or (error.kind in PASSES and is_outage):
        return NotSent(f"looking for old lines: {error.code}: {error.message}")
    return RefusedWrite(
        ErrorKind.TRANSIENT,
        error.code,
        error.message,
        (),
        sobject,
        error.fix,
        status=error.status,
        rule=error.rule,
    )
