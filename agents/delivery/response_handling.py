"""The answers of one call, taken to the bundles whose rows it carried.

Collections are settled one by one: a refused one does not hide what became of the others. Position
is all that ties a result to its row, so a list of another length than the rows is no answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.retry_in_place import ANY_SOBJECT, REFUSALS, ConfigWatch, FaultScope
from agents.delivery.row_tracker import RowTracker
from agents.delivery.types import NotSent
from agents.salesforce.api.collection_builder import CollectionDraft
from agents.salesforce.api.composite import CollectionAnswer
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError, classify_row, is_stale
from agents.salesforce.http.answers import bad_answer
from schemas.salesforce import RowResult
from stream.ops import metrics


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call or collection that was refused as a whole, and the bundles that were in it."""

    error: SalesforceError
    writes: list[RowTracker]
    sobject: str = ANY_SOBJECT


@dataclass(slots=True)
class AppliedResults:
    """What is left to do after a call's answers: repeat drafts, answer refusals, open the breaker.

    `failure` is why `unsettled` has to be repeated; `outage` is why nobody's rows are accepted.
    """

    unsettled: list[CollectionDraft] = field(default_factory=list)
    failure: SalesforceError | None = None
    refusals: list[Refusal] = field(default_factory=list)
    outage: str = ""


def owners_of(drafts: Sequence[CollectionDraft], writes: Sequence[RowTracker]) -> list[RowTracker]:
    """Return the bundles that have rows in the drafts, in order."""
    places = {place for draft in drafts for owners in draft.owners for place, _ in owners}
    return [writes[place] for place in sorted(places)]


def apply_results(
    drafts: Sequence[CollectionDraft],
    answers: Sequence[CollectionAnswer],
    writes: Sequence[RowTracker],
    known: ExistenceCache,
    watch: ConfigWatch,
) -> AppliedResults:
    """Take each answer to the bundles; return what could not be settled."""
    absorbed = AppliedResults()
    for draft, answer in zip_longest(drafts, answers[: len(drafts)]):
        error = _error_of(draft, answer)
        if error is None:
            absorbed.outage = absorbed.outage or _settle(
                draft, answer.results or (), writes, known, watch
            )
        elif error.kind in REFUSALS:
            sobject = draft.collection.sobject
            absorbed.refusals.append(Refusal(error, owners_of([draft], writes), sobject))
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
    watch: ConfigWatch,
) -> str:
    """Take results to their rows; return why nobody's rows are accepted, if so."""
    sobject = draft.collection.sobject
    if any(result.success for result in results):
        watch.passed(sobject)
    blame = FaultScope.RECORD
    if all(_is_config(result) for result in results):
        blame = watch.failed(sobject, len(results))
    reason = _config_reason(sobject, results[0]) if blame is not FaultScope.RECORD else ""
    for owners, result, is_mixed in zip(draft.owners, results, draft.is_mixed, strict=True):
        for place, row in owners:
            if blame is FaultScope.RECORD:
                writes[place].absorb(row, result, known, is_mixed=is_mixed)
            else:
                writes[place].outcome = NotSent(reason)
    for label, rows in Counter(map(_label, results)).items():
        metrics.SALESFORCE_ROWS.labels(sobject, label).inc(rows)
    return reason if blame is FaultScope.EVERYBODY else ""


def _is_config(result: RowResult) -> bool:
    return bool(result.errors) and all(
        classify_row(error).kind is ErrorKind.CONFIG for error in result.errors
    )


def _config_reason(sobject: str, result: RowResult) -> str:
    verdict = classify_row(result.errors[0])
    return f"{sobject}: {verdict.code}: {verdict.meaning} {verdict.fix}"


def _label(result: RowResult) -> str:
    if result.success:
        return "created" if result.created else "updated"
    if any(is_stale(error) for error in result.errors):
        return "stale"
    return classify_row(result.errors[0]).kind.value if result.errors else "unknown"
