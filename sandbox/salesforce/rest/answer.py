"""A REST call and its answer, apart from HTTP: sub-requests of a composite are the same thing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.errors import RequestError, not_found
from sandbox.salesforce.org import Org
from sandbox.salesforce.records.dml import Call, RowOutcome
from sandbox.salesforce.records.records import Table


@dataclass(slots=True)
class RestRequest:
    """A call below /services/data/vXX.0, or a sub-request of one.

    `path` is decoded, segment by segment, after the version. `body` is parsed JSON or CSV bytes.
    `may_refer` is false when the body is known to have no `@{reference}` in it.
    """

    org: Org
    call: Call
    method: str
    path: list[str]
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    may_refer: bool = True

    def table(self, name: str) -> Table:
        """Return the named sObject's table; raises the platform's 404."""
        table = self.org.store.table(name)
        if table is None:
            raise not_found()
        return table


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
