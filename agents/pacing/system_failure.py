"""Failures of a whole call: do they say something about its rows, or about everybody?"""

from __future__ import annotations

from agents.pacing.circuit_breaker import PROBING
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.error_table import ROW_STATUSES
from agents.salesforce.errors.errors import SalesforceError

OVERLOADED_STATUSES = frozenset({429, 503})
BAD_REQUEST = 400


def is_systemic(error: SalesforceError) -> bool:
    """Whether a failed call says that nobody gets through, rather than something about its rows."""
    if error.advice is Advice.OTHER_API:
        return False
    if error.kind is ErrorKind.CONFIG:
        return error.status not in ROW_STATUSES
    return error.kind in PROBING and not error.advice


def is_overload(error: SalesforceError) -> bool:
    """Whether Salesforce asks for fewer calls at once; its edge declines in a page, with 400."""
    is_declined = error.status == BAD_REQUEST and error.body_kind != "json"
    return error.kind is ErrorKind.CONCURRENCY or error.status in OVERLOADED_STATUSES or is_declined


def reason_of(error: SalesforceError) -> str:
    """Return what happened, without the message: it may quote a record's values."""
    what = error.code or f"HTTP {error.status}"
    return " ".join(part for part in (f"{what}:", error.meaning, error.fix) if part)
