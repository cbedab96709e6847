"""The answers of one call, taken to the bundles whose rows it carried.

Collections are settled one by one: a refused one does not hide what became of the others. Position
is all that ties a result to its row, so a list of another length than the rows is no answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import field
from itertools import zip_longest

from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.fault_scope import (
    ANY_SOBJECT,
    ANYTHING,
    FaultScope,
    FaultWatch,
    WriteKind,
)
from agents.delivery.retry_in_place import REFUSALS
from agents.delivery.row_tracker import HOPELESS, RowTracker
from agents.delivery.types import RefusedWrite
from agents.salesforce.api.collection_builder import CollectionDraft
from agents.salesforce.api.composite import MAX_ROWS, CollectionAnswer
from agents.salesforce.errors.automation_codes import VALIDATION
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.errors import (
    SalesforceError,
    cause_of,
    classify_row,
    is_of_a_chunk,
    is_stale,
)
from agents.salesforce.http.answers import bad_answer
from schemas.frozen import dataclass
from schemas.salesforce import RowResult
from stream.ops import metrics

RULES = frozenset(VALIDATION)
# Whether a method creates.
WAYS = {"create": {True}, "update": {False}, "upsert": {True, False}}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call or collection that was refused as a whole, and the bundles that were in it.

    `passes_before`: how many writes of its sObject had passed when it was sent, `anything_before`:
    how many at all. `is_part`: the call itself was answered, so the org is there and lets us in.
    """

    error: SalesforceError
    writes: list[RowTracker]
    sobject: str = ANY_SOBJECT
    passes_before: int = 0
    is_part: bool = False
    anything_before: int | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """Why nobody's rows are accepted, and what the breaker waits for."""

    kind: ErrorKind
    reason: str


@dataclass(slots=True)
class AppliedResults:
    """What is left to do after a call's answers: repeat drafts, answer refusals, open the breaker.

    `failure` is why `unsettled` has to be repeated; `outage` is why nobody's rows are accepted.
    """

    unsettled: list[CollectionDraft] = field(default_factory=list)
    failure: SalesforceError | None = None
    refusals: list[Refusal] = field(default_factory=list)
    outage: Outage | None = None


def owners_of(drafts: Sequence[CollectionDraft], writes: Sequence[RowTracker]) -> list[RowTracker]:
    """Return the bundles that have rows in the drafts, in order."""
    places = {place for draft in drafts for owners in draft.owners for place, _ in owners}
    return [writes[place] for place in sorted(places)]


def sobject_of(drafts: Sequence[CollectionDraft]) -> str:
    """Return the only sObject of drafts, `*` when they are of several."""
    names = {draft.collection.sobject for draft in drafts}
    return names.pop() if len(names) == 1 else ANY_SOBJECT


def passes_of(drafts: Sequence[CollectionDraft], watch: FaultWatch) -> dict[str, int]:
    """Return how many writes have passed: of each sObject of the drafts, and `*` of all."""
    names = {ANY_SOBJECT, *(draft.collection.sobject for draft in drafts)}
    return {name: watch.passes(WriteKind(name, "any")) for name in names}


def apply_results(
    drafts: Sequence[CollectionDraft],
    answers: Sequence[CollectionAnswer],
    writes: Sequence[RowTracker],
    known: ExistenceCache,
    watch: FaultWatch,
) -> AppliedResults:
    """Take each answer to the bundles; return what could not be settled."""
    absorbed = AppliedResults()
    anything = watch.passes(ANYTHING)
    for draft, answer in zip_longest(drafts, answers[: len(drafts)]):
        error = _error_of(draft, answer)
        if error is None:
            results = answer.results or ()
            outage = _settle(draft, results, writes, known, watch, anything_before=anything)
            absorbed.outage = absorbed.outage or outage
        elif error.kind in REFUSALS and error.advice is not Advice.OTHER_API:
            sobject = draft.collection.sobject
            before = watch.passes(WriteKind(sobject, "any"))
            owners = owners_of([draft], writes)
            refusal = Refusal(
                error, owners, sobject, before, is_part=True, anything_before=anything
            )
            absorbed.refusals.append(refusal)
        else:
            absorbed.unsettled.append(draft)
            absorbed.failure = absorbed.failure or error
    return absorbed


def _error_of(draft: CollectionDraft, answer: CollectionAnswer | None) -> SalesforceError | None:
    if answer is None:
        return bad_answer("no answer for this collection")
    if answer.error is not None:
        return answer.error
    if answer.results is None or len(answer.results) != len(draft.owners):
        return bad_answer(f"expected {len(draft.owners)} row results")
    return None


def _settle(
    draft: CollectionDraft,
    results: Sequence[RowResult],
    writes: Sequence[RowTracker],
    known: ExistenceCache,
    watch: FaultWatch,
    *,
    anything_before: int,
) -> Outage | None:
    """Take results to their rows; return why nobody's rows are accepted, if so."""
    sobject = draft.collection.sobject
    crowds = _crowds(draft, results, writes)
    failures: list[RefusedWrite] = []
    for owners, result, is_mixed in zip(draft.owners, results, draft.is_mixed, strict=True):
        is_crowded = bool(crowds) and not result.success and _is_of(crowds, result)
        for place, row in owners:
            write = writes[place]
            write.absorb(row, result, known, is_mixed=is_mixed, is_crowded=is_crowded)
            failure = write.slots[row].failure
            if failure is None or write.wants_less or failure.kind is ErrorKind.ORDERING:
                continue  # a missing parent is brought back first: it counts where that failed
            failures.append(failure)
    taken = [result for result in results if result.success]
    created = len([result for result in taken if result.created])
    labels = Counter([_refusal(result) for result in results if not result.success])
    for label, rows in (("created", created), ("updated", len(taken) - created), *labels.items()):
        if rows:
            metrics.SALESFORCE_ROWS.labels(sobject, label).inc(rows)
    for failure in failures:  # before what passed beside them, which then counts as evidence
        if failure.fault is not None:
            watch.refused(failure.fault, anything_before)
    if created:
        watch.passed(WriteKind(sobject, "create"), created)
    if len(taken) > created:
        watch.passed(WriteKind(sobject, "update"), len(taken) - created)
    return next((outage for f in failures if (outage := outage_of(f, watch))), None)


def outage_of(failure: RefusedWrite, watch: FaultWatch) -> Outage | None:
    """Return the outage that a refused row tells of, None unless it is everybody's."""
    if failure.fault is None:
        return None
    if watch.scope(failure.fault) is not FaultScope.EVERYBODY:
        return None
    is_org = failure.kind in HOPELESS
    return Outage(ErrorKind.CONFIG if is_org else ErrorKind.TRANSIENT, reason_of_row(failure))


def reason_of_row(failure: RefusedWrite) -> str:
    """Return what happened, without the message: it may quote a record's values."""
    return f"{failure.sobject}: {failure.code}: {failure.meaning} {failure.fix}"


def _crowds(
    draft: CollectionDraft, results: Sequence[RowResult], writes: Sequence[RowTracker]
) -> set[tuple[str, ...]]:
    """Return what befell several bundles, and may be the doing of one or of their number.

    What a trigger throws fails every row that it was given: all that are created or all that are
    updated of up to 200, but for those that were refused before. So where rows of both passed in
    one collection of a call, each refusal is its row's own. What a rule says of rows may be a
    trigger's `addError` on all it was given; but then nothing of their way passed beside them.
    """
    taken = [result.created for result in results if result.success]
    if len(taken) == len(results):
        return set()
    passed, ways = set(taken), WAYS[draft.collection.method]
    if len(results) <= MAX_ROWS and passed >= ways:
        return set()
    crowds: dict[tuple[str, ...], set[int]] = {}
    for owners, result in zip(draft.owners, results, strict=True):
        if result.success:
            continue
        codes = _codes(result)
        for place, row in owners:
            is_create = writes[place].slots[row].operation() == "create"
            if is_create not in passed or not RULES.intersection(codes):
                crowds.setdefault(codes, set()).add(place)
    return {codes for codes, places in crowds.items() if len(places) > 1}


def _is_of(crowds: Container[tuple[str, ...]], result: RowResult) -> bool:
    return _codes(result) in crowds and is_of_a_chunk(cause_of(result.errors))


def _codes(result: RowResult) -> tuple[str, ...]:
    return tuple(error.code for error in result.errors)


def _refusal(result: RowResult) -> str:
    if any(is_stale(error) for error in result.errors):
        return "stale"
    return classify_row(cause_of(result.errors)).kind.value
