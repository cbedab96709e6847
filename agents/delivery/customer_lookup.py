"""Looks for a customer's records ahead of writing: under an earlier e-mail, or without any key.

| rows of a batch | API calls |
|---|---|
| of orders whose customers this worker knows | none |
| of others | 1 for up to five queries, each for up to 200 rows of one sObject |
| found under another key, or without one | 1 per 200 records |
| of a customer whom the org does not have, under a second address | as for another batch |

All go through the gate, as every call. A customer that could not be looked for for a passing
reason waits: a twin that was made meanwhile is not unmade by trying again. If an order finds that
its customer is gone, the customer is looked for then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from agents.delivery.adopter import Adopter
from agents.delivery.blame import Judge
from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.org_search import AGAIN, Answers, OrgSearch, Queries, failure_of, is_odd
from agents.delivery.renamer import Renamed, Renamer
from agents.delivery.renaming import behind_others, redirected
from agents.delivery.retry_in_place import RETRY_IN_PLACE
from agents.delivery.types import Dispatcher, RefusedWrite, WriteOutcome, WriteSet, send_others
from agents.pacing.admission import Admission
from agents.salesforce.api.client import OrgClient
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from schemas.parts import parts_of


class _OddError(Exception):
    """A question about several customers failed in a way that one customer's values may cause."""

    def __init__(self, error: SalesforceError) -> None:
        self.error = error


class CustomerLookup:
    """A Dispatcher that knows who a customer is in the org before another one writes."""

    def __init__(
        self,
        inner: Dispatcher,
        client: OrgClient,
        gate: Admission,
        known: ExistenceCache,
        judge: Judge,
    ) -> None:
        self._inner = inner
        self._org = OrgSearch(client, gate)
        self._renamer = Renamer(client, self._org, known, judge)
        self._adopter = Adopter(self._org, known, judge)

    def asks_first(self, bundle: WriteSet) -> bool:
        """Whether the org is asked before the bundle is written."""
        for row in bundle.rows:
            if row.customer_id and self._renamer.is_looked_for(row):
                return True
            if row.adopt_by and self._adopter.is_unknown(row):
                return True
        return False

    async def send(self, bundles: Sequence[WriteSet]) -> list[WriteOutcome]:
        """Return one outcome per bundle, in order. Raises FrozenError only."""
        ready = [self._renamer.identified(bundle) for bundle in bundles]
        outcomes = await self._send(ready)
        orphans = [
            place
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, RefusedWrite)
            and outcome.kind is ErrorKind.ORDERING
            and ready[place].may_be_renamed
        ]
        if orphans:
            again = [self._renamer.forgotten(ready[place]) for place in orphans]
            for place, outcome in zip(orphans, await self._send(again), strict=True):
                outcomes[place] = outcome
        return outcomes

    async def _send(self, bundles: Sequence[WriteSet]) -> list[WriteOutcome]:
        """Look and write; who is in a question that is refused for its texts is told by halves.

        They go behind all others, whose looks show that it is no outage.
        """
        outcomes: dict[int, WriteOutcome] = {}
        waiting: deque[Sequence[int]] = deque([range(len(bundles))])
        odd: SalesforceError | None = None
        while waiting:
            places = waiting.popleft()
            part = [bundles[place] for place in places]
            if odd is not None and self._org.is_stopped:
                outcomes |= dict.fromkeys(places, failure_of(odd))
                continue
            try:
                sent = await self._look_and_write(part, is_again=odd is not None)
            except _OddError as found:
                odd = found.error
                waiting += parts_of(places, -(-len(places) // 2))
            else:
                outcomes.update(zip(places, sent, strict=True))
        return [outcomes[place] for place in range(len(bundles))]

    async def _look_and_write(
        self, bundles: Sequence[WriteSet], *, is_again: bool
    ) -> list[WriteOutcome]:
        by_id, by_value = self._renamer.queries(bundles), self._adopter.queries(bundles)
        if not by_id and not by_value:
            return await self._inner.send(bundles)
        priority = min(bundle.priority for bundle in bundles)
        asked = {**by_id, **by_value}
        answers = await self._org.look(asked, priority, AGAIN if is_again else RETRY_IN_PLACE)
        if self._org.asks_less(asked, answers):
            return await self._send(bundles)
        odd = next((a for a in answers.values() if is_odd(a)), None)
        if odd is not None and (is_again or await self._org.answers_others()):
            if len(bundles) > 1:
                raise _OddError(odd)
            self._org.tell_of(odd)
        renamed = await self._renamer.rename(by_id, answers, priority)
        behind = behind_others(bundles, renamed.found)
        if renamed.is_nothing and not behind:
            return await self._adopt(bundles, answers, by_value)
        first = [one for place, one in enumerate(bundles) if place not in behind]
        outcomes = iter(await self._write(first, renamed, answers))
        # These are looked for again: by now the record is there.
        rest = iter(
            await self._send([bundles[place] for place in sorted(behind)]) if behind else ()
        )
        return [next(rest if place in behind else outcomes) for place in range(len(bundles))]

    async def _write(
        self, bundles: Sequence[WriteSet], renamed: Renamed, answers: Answers
    ) -> list[WriteOutcome]:
        if renamed.has_changed_keys:
            answers = {}  # they were true before

        async def adopt(others: Sequence[WriteSet]) -> list[WriteOutcome]:
            return await self._adopt([redirected(one, renamed.found) for one in others], answers)

        outcomes = await send_others(bundles, [renamed.failure_of(one) for one in bundles], adopt)
        return list(map(renamed.told, outcomes, bundles))

    async def _adopt(
        self, bundles: Sequence[WriteSet], answers: Answers, asked: Queries | None = None
    ) -> list[WriteOutcome]:
        """Adopt by the answers that are there, and ask what is not among them."""
        queries = self._adopter.queries(bundles, asked)
        if not queries:
            return await self._inner.send(bundles)
        priority = min(bundle.priority for bundle in bundles)
        unasked = {soql: rows for soql, rows in queries.items() if soql not in answers}
        told = await self._org.look(unasked, priority)
        if self._org.asks_less(unasked, told):
            return await self._adopt(bundles, answers)
        answers = {**answers, **told}
        adopted = await self._adopter.adopt(queries, answers, priority)
        outcomes = await send_others(
            bundles, [adopted.failure_of(one) for one in bundles], self._inner.send
        )
        return list(map(adopted.told, outcomes, bundles))
