"""What a REST call answers, before it becomes HTTP: sub-requests of a composite give the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.dml import RowOutcome
from sandbox.salesforce.errors import RequestError


@dataclass(slots=True)
class Answer:
    """A `bytes` body is CSV; anything else is JSON; None is no body."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_failure(self) -> bool:
        return self.status >= 400  # noqa: PLR2004 - the HTTP class of errors


def refusal(error: RequestError) -> Answer:
    return Answer(error.status, error.body())


def refused_row(outcome: RowOutcome) -> Answer:
    """Return the answer of a single call whose row was refused."""
    codes = {error.code for error in outcome.errors}
    is_gone = codes & {"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"}
    first = outcome.errors[0]
    status = 404 if is_gone and not first.fields else 400
    return Answer(status, [error.for_request() for error in outcome.errors])
