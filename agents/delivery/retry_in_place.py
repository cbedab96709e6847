"""What to do about a failed call: the policy, as data and small decisions. Pure.

| a whole call or collection failed | then |
|---|---|
| auth, quota, outage | the same again; the breaker says when |
| too many at once | the same again after a rest |
| outage-like, but others get through meanwhile | in halves: a row of it may be the cause |
| no answer within the deadline, but others get through | in eighths, each before any again |
| "too large", "took too long" | in halves |
| refused by an API that another one may replace | handed back, unsent |
| refused (HTTP 400, 413, 414, 431) | the guilty bundle is searched |
| refused with any other status | nothing of it can be sent: breaker, no search |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from agents.pacing.system_failure import is_systemic
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.error_table import TEMPORARY_REDIRECTS
from agents.salesforce.errors.errors import SalesforceError, TimedOutError
from stream.backoff import Backoff

REFUSALS = frozenset({ErrorKind.PERMANENT, ErrorKind.UNKNOWN, ErrorKind.CONFIG})
REPEAT = Backoff(first_seconds=0.25, cap_seconds=8.0)
# 2xx: an answer that cannot be read; 400: a firewall's. 503 says that everybody comes too fast.
SUSPICIOUS_STATUSES = frozenset({*range(200, 300), 400, *range(500, 600)} - {503})
NOT_ACCEPTABLE = 406
# A firewall's, where it is no answer of the API.
PAGE_STATUSES = frozenset({*TEMPORARY_REDIRECTS, 403, NOT_ACCEPTABLE})


@dataclass(frozen=True, slots=True)
class RetryInPlace:
    """How often and how fast something is repeated before it is handed on.

    `rounds`: repetitions of rows that were locked or out of order. `calls`: failures of a call
    after which its rows are suspected, if others get through; `lone_calls` for a single bundle,
    because that suspicion costs it an attempt. `timeouts` are the same of calls that took their
    whole deadline: what shares one with a row whose trigger hangs must not wait three times for it,
    at each step of the search. `row_cap_seconds` is short, because the rest of the
    batch waits with a locked row: all rests are a second at most, then the retry tiers have it.
    """

    rounds: int = 3
    calls: int = 3
    lone_calls: int = 6
    timeouts: int = 1
    lone_timeouts: int = 2
    backoff: Backoff = REPEAT
    row_cap_seconds: float = 0.3

    def row_backoff_seconds(self, tries: int, jitter: Callable[[], float]) -> float:
        """Return a wait before rows are repeated, with full jitter."""
        return min(self.row_cap_seconds, self.backoff_seconds(tries, jitter))

    def backoff_seconds(self, failures: int, jitter: Callable[[], float]) -> float:
        """Return a wait with full jitter: anything up to the doubled base; `jitter` gives 0..1."""
        return self.backoff.drawn_seconds(failures + 1, jitter())


RETRY_IN_PLACE = RetryInPlace()


class NextAction(Enum):
    """What is done next about a failed call."""

    REPEAT = auto()
    SUSPECT = auto()  # repeat, unless others got through meanwhile: then the rows are at fault
    SEARCH = auto()  # find the guilty bundle
    HALVE = auto()
    HOLD = auto()  # nothing of it can be sent until somebody fixes something


def next_action(
    history: Sequence[SalesforceError], policy: RetryInPlace, *, is_lone: bool
) -> NextAction:
    """Return what to do about a call, given all its failures so far.

    `is_lone`: there is one bundle in it.
    """
    error = history[-1]
    if error.advice is Advice.OTHER_API:
        return NextAction.HOLD
    if error.kind in REFUSALS:
        return NextAction.HOLD if is_systemic(error) else NextAction.SEARCH
    if error.advice is Advice.SEND_LESS:
        return NextAction.REPEAT if is_lone and len(history) < policy.calls else NextAction.HALVE
    if error.kind in (ErrorKind.LOCK, ErrorKind.ORDERING):
        return NextAction.REPEAT if len(history) < policy.calls else NextAction.HALVE
    if isinstance(error, TimedOutError):
        enough = policy.lone_timeouts if is_lone else policy.timeouts
    else:
        enough = policy.lone_calls if is_lone else policy.calls
    is_enough = is_suspicious(error) and sum(map(is_suspicious, history)) >= enough
    return NextAction.SUSPECT if is_enough else NextAction.REPEAT


def is_suspicious(error: SalesforceError) -> bool:
    """Whether a single row can cause such a failure: it failed inside, or never answered."""
    has_no_answer = error.status == 0 and error.is_outcome_unknown
    return error.kind is ErrorKind.TRANSIENT and (
        has_no_answer or error.status in SUSPICIOUS_STATUSES or _is_page(error)
    )


def _is_page(error: SalesforceError) -> bool:
    """Whether a firewall may have read the texts; overloaded instances send 406 without a word."""
    is_overload = error.status == NOT_ACCEPTABLE and error.body_kind == "empty"
    return (
        error.status in PAGE_STATUSES and not is_overload and error.rule == f"HTTP_{error.status}"
    )
