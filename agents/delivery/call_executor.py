"""A lane takes the bundles of one planned call to their end: sends, recovers, searches, concludes.

Round by round it sends what is outstanding, until every bundle has an outcome. Only FrozenError and
cancellation leave it. What a failed call means is decided in `agents.delivery.retry_in_place`,
what a row's answer means in `agents.delivery.row_tracker`; here is the order of events.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import field

from agents.delivery.blame import Judge, end, fault_of
from agents.delivery.bug_isolation import bug_of, isolate
from agents.delivery.cost_model import CostModel, RowKind
from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.existence_question import find_out
from agents.delivery.fault_scope import ANYTHING, FaultWatch
from agents.delivery.response_handling import (
    AppliedResults,
    Refusal,
    apply_results,
    owners_of,
    passes_of,
    sobject_of,
)
from agents.delivery.retry_in_place import (
    REFUSALS,
    RETRY_IN_PLACE,
    NextAction,
    RetryInPlace,
    is_suspicious,
    next_action,
)
from agents.delivery.row_tracker import RowTracker, sent_together
from agents.delivery.sign_of_life import org_answers
from agents.delivery.types import NotSent
from agents.pacing.admission import Admission
from agents.pacing.system_failure import is_systemic, reason_of
from agents.pacing.ticket import NotAdmittedError, Permit
from agents.salesforce.api.collection_builder import (
    API_LIMITS,
    CollectionDraft,
    CollectionLimits,
    draft_calls,
)
from agents.salesforce.api.composite import Collection
from agents.salesforce.api.row_writer import RowWriter
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.errors import SalesforceError, TimedOutError
from schemas.frozen import dataclass
from schemas.parts import parts_of
from stream.ops import metrics

SPREAD = 8  # parts of a call that timed out
SAMPLES = 3  # bundles sent alone to tell a broken configuration from a guilty record


@dataclass(frozen=True, slots=True)
class CallExecutor:
    """Runs the calls of a dispatcher, of all its batches: nothing of a batch is kept here.

    `then` goes on with what the first round leaves: what is few is no Bulk job's.
    """

    client: RowWriter
    gate: Admission
    known: ExistenceCache = field(default_factory=ExistenceCache)
    costs: CostModel = field(default_factory=CostModel)
    watch: FaultWatch = field(default_factory=FaultWatch)
    policy: RetryInPlace = RETRY_IN_PLACE
    limits: CollectionLimits = API_LIMITS
    jitter: Callable[[], float] = random.random
    then: CallExecutor | None = None

    @property
    def judge(self) -> Judge:
        """Who ends refused bundles."""
        return Judge(self.watch, self.gate)

    async def run(self, writes: Sequence[RowTracker]) -> None:
        """Give every bundle an outcome. Raises FrozenError."""
        await isolate(writes, self._take_to_end, lambda write, bug: end([write], bug_of(bug)))

    async def _take_to_end(self, writes: Sequence[RowTracker]) -> None:
        try:
            await self.finish(writes)
            self.judge.clear(writes)
        except NotAdmittedError as stop:
            end(writes, NotSent(stop.reason, stop.is_given_up))

    async def finish(self, writes: Sequence[RowTracker]) -> None:
        """Go on until every bundle has an outcome. Raises NotAdmittedError."""
        while unfinished := [write for write in writes if write.outcome is None]:
            refusals: list[Refusal] = []
            for part in sent_together(unfinished):
                refusals += await self._round(part)
            for refusal in refusals:
                await self._answer(refusal)
            await find_out(unfinished, self.client, self.gate, self.known)
            self.judge.hold_back(unfinished)
            still = [write for write in unfinished if write.outcome is None]
            tired = [w for w in still if w.conclude(self.known, max_tries=self.policy.rounds)]
            self.judge.charge_rows(still)
            if tired:
                metrics.IN_PLACE_RETRIES.labels("rows").inc()
                tries = max(write.tries for write in tired)
                await self.gate.rest(self.policy.row_backoff_seconds(tries, self.jitter))
            if self.then is not None:
                await self.then.finish(writes)

    async def _round(self, writes: Sequence[RowTracker]) -> list[Refusal]:
        """Send everything outstanding once; return what was refused as a whole."""
        steps = [step for place, w in enumerate(writes) for step in w.steps(place, self.known)]
        refusals: list[Refusal] = []
        for drafts in draft_calls(steps, self.limits):
            refusals += await self._call(drafts, writes)
        return [refusal for refusal in refusals if refusal.writes]

    async def _call(
        self, drafts: list[CollectionDraft], writes: Sequence[RowTracker]
    ) -> list[Refusal]:
        """Make one call, again and again while it fails for reasons that are not its rows'."""
        refusals: list[Refusal] = []
        answered_before = self.gate.answered_calls
        passes_before = passes_of(drafts, self.watch)
        failures: list[SalesforceError] = []
        while True:
            try:
                await self._send(drafts, writes, refusals)
            except SalesforceError as error:
                failures.append(error)
                owners = owners_of(drafts, writes)
                move = next_action(failures, self.policy, is_lone=len(owners) == 1)
                if move is NextAction.SUSPECT:
                    move = await self._suspect(answered_before)
                elif len(failures) == self.policy.calls and is_suspicious(error):
                    await self._suspect(answered_before)  # before one order opens the breaker
                if move is not NextAction.REPEAT:
                    sobject = sobject_of(drafts)
                    refusals.append(Refusal(error, owners, sobject, passes_before[sobject]))
                    break
                metrics.IN_PLACE_RETRIES.labels(error.kind.value).inc()
                await self.gate.rest(self.policy.backoff_seconds(len(failures), self.jitter))
            else:
                break
        return refusals

    async def _send(
        self, drafts: list[CollectionDraft], writes: Sequence[RowTracker], refusals: list[Refusal]
    ) -> None:
        """Make one call and take in its answers; `drafts` keeps what has to be repeated.

        Raises SalesforceError when the call, or some of its collections, have to be repeated.
        """
        owners = owners_of(drafts, writes)
        priority = min(write.bundle.priority for write in owners)
        collections = [draft.collection for draft in drafts]
        async with self.gate.call(
            priority, rows=sum(len(draft.owners) for draft in drafts)
        ) as ticket:
            began = time.monotonic()
            answers = await self.client.composite(collections)
            self._note_cost(time.monotonic() - began, collections, len(owners))
            for write in owners:
                write.calls += 1
            absorbed = apply_results(drafts, answers, writes, self.known, self.watch)
            refusals += absorbed.refusals
            drafts[:] = absorbed.unsettled
            if absorbed.failure is not None:
                raise absorbed.failure
            self._judge(absorbed, ticket)

    def _note_cost(self, seconds: float, collections: list[Collection], orders: int) -> None:
        rows: Counter[RowKind] = Counter()
        for collection in collections:
            rows[collection.sobject, collection.method] += len(collection.rows)
        self.costs.observe(seconds, rows, orders)
        metrics.CALL_ROWS.observe(rows.total())

    def _judge(self, absorbed: AppliedResults, ticket: Permit) -> None:
        """Tell the gate when the answers say that nobody's rows are accepted."""
        still = [r.error for r in absorbed.refusals if r.error.kind is ErrorKind.CONFIG]
        if absorbed.outage is not None:
            ticket.fail(absorbed.outage.kind, absorbed.outage.reason)
        elif still and ticket.is_probe and self.gate.open_for is ErrorKind.CONFIG:
            ticket.fail(ErrorKind.CONFIG, reason_of(still[0]))

    async def _suspect(self, answered_before: int) -> NextAction:
        others_pass = self.gate.answered_calls > answered_before or await org_answers(self.client)
        if others_pass and not self.watch.is_holding:
            self.gate.forgive()
        return NextAction.HALVE if others_pass else NextAction.REPEAT

    async def _answer(self, refusal: Refusal) -> None:
        """Find out who in a refused call or collection is to blame."""
        error = refusal.error
        suspects = [write for write in refusal.writes if write.is_open]
        if len(suspects) < len(refusal.writes):
            return  # who has ended meanwhile may have been the guilty one: the others go again
        if error.advice is Advice.OTHER_API:
            end(suspects, NotSent(reason_of(error)))
        elif error.kind not in REFUSALS:
            await self._halve(refusal, suspects)
        elif is_systemic(error) or (
            error.kind is ErrorKind.CONFIG and self.gate.open_for is ErrorKind.CONFIG
        ):
            self.judge.hold(refusal, suspects)
        else:
            self.judge.suspect(refusal, suspects)
            await self._search(refusal, suspects)

    async def _halve(self, refusal: Refusal, suspects: Sequence[RowTracker]) -> None:
        self.judge.suspect(refusal, suspects)
        middle = len(suspects) // 2
        if isinstance(refusal.error, TimedOutError):
            await self._spread(suspects)
        elif middle:
            await self.finish(suspects[:middle])
            await self.finish(suspects[middle:])
        else:
            self.judge.blame(refusal, suspects[0])

    async def _spread(self, suspects: Sequence[RowTracker]) -> None:
        """Send small parts, all of them before one that hangs again: each costs a deadline.

        Who is alone goes again behind them: an outage may have ended meanwhile.
        """
        again: list[Refusal] = []
        for part in parts_of(suspects, -(-len(suspects) // SPREAD)):
            again += await self._round(part)
        for refused in again:
            if len(suspects) == 1 and isinstance(refused.error, TimedOutError):
                self.judge.blame(refused, suspects[0])
            else:
                await self._answer(refused)

    async def _search(self, refusal: Refusal, suspects: list[RowTracker]) -> None:
        """Find one guilty bundle among the suspects by halves; the others stay to be sent.

        A half that passes is written by the test itself, so a search among 200 takes 8 calls, one
        for the guilty one's own error, and one for the halves that were left aside.
        """
        is_own = len(suspects) == 1
        if len(suspects) >= SAMPLES:
            suspects = await self._without_samples(refusal, suspects)
        while len(suspects) > 1:
            middle = len(suspects) // 2
            again = await self._round(suspects[:middle])
            is_own = bool(again) and middle == 1
            if again:
                refusal, suspects = again[0], again[0].writes
            else:
                suspects = suspects[middle:]
        if suspects and not is_own:
            again = await self._round(suspects)
            suspects = again[0].writes if again else []
            refusal = again[0] if again else refusal
        for guilty in suspects:
            self.judge.blame(refusal, guilty)

    async def _without_samples(
        self, first: Refusal, suspects: list[RowTracker]
    ) -> list[RowTracker]:
        """Send a few suspects alone. If all are refused alike and nothing passes: an outage.

        Return the suspects among whom a guilty one still is; none when the samples answered it.
        """
        error = first.error
        anything = self.watch.passes(ANYTHING)
        samples = suspects[:: max(1, len(suspects) // SAMPLES)][:SAMPLES]
        refused: list[tuple[Refusal, RowTracker]] = []
        for sample in samples:
            again = await self._round([sample])
            if not again:
                rest = [write for write in suspects if write is not sample]
                for refusal, guilty in refused:
                    self.judge.blame(refusal, guilty)
                return [] if refused else rest
            refused.append((again[0], sample))
            if again[0].error.code != error.code:
                break
        faults = [fault_of(refusal, write) for refusal, write in refused]
        is_alike = {refusal.error.code for refusal, _ in refused} == {error.code}
        is_explained = any(map(self.watch.is_proven, faults))
        if is_alike and not is_explained and self.watch.passes(ANYTHING) == anything:
            self.judge.hold(first, suspects)
        else:
            for refusal, guilty in refused:
                self.judge.blame(refusal, guilty)
        return []
