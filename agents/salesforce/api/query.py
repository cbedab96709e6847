"""Queries: one alone or up to five inside one Composite, and the pages that answer them.

Five queries in a Composite count as one API call (REST API guide, Composite); a query alone is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import quote

from agents.salesforce.api.composite import read_parts, subrequests
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.answers import bad_answer


@dataclass(frozen=True, slots=True)
class QueryPage:
    """Records of a query; `next_path` is below the version, empty on the last page."""

    records: list[dict[str, Any]]
    next_path: str = ""


def query_path(soql: str, *, with_deleted: bool = False) -> str:
    """Return the path of a query's first page; `with_deleted`: the Recycle Bin's records, too."""
    return f"{'queryAll' if with_deleted else 'query'}?q={quote(soql, safe='')}"


def read_page(value: Any) -> QueryPage:
    """Return a page from its decoded body. Raises BadAnswerError."""
    body = value if isinstance(value, dict) else {}
    records, following = body.get("records"), body.get("nextRecordsUrl") or ""
    is_cut = not following and body.get("done") is False
    if is_cut or not are_objects(records) or not isinstance(following, str):
        raise bad_answer("a page of a query without its records, or without the next one")
    return QueryPage(records, f"query/{following.rsplit('/', 1)[-1]}" if following else "")


def queries_body(soqls: Sequence[str], *, version: str) -> bytes:
    """Return the body of one Composite call; `version` is `v58.0`."""
    return subrequests((("GET", query_path(soql), {}) for soql in soqls), version)


def read_queries(value: Any, count: int) -> list[QueryPage | SalesforceError]:
    """Return each query's first page, or what was said of it. Raises BadAnswerError."""
    return [
        part if isinstance(part, SalesforceError) else read_page(part.body)
        for part in read_parts(value, count)
    ]


def are_objects(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    """Whether a decoded value is a list of JSON objects."""
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)
