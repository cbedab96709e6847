"""GET /query and its pages: large answers come in pieces, each with the URL of the next."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from sandbox.salesforce.errors import RequestError, not_found
from sandbox.salesforce.query.search import Search
from sandbox.salesforce.query.soql import malformed, parse
from sandbox.salesforce.rest.answer import Answer, RestRequest

PLACE_CHARACTERS = 60  # about; not documented


def query_all(request: RestRequest) -> Answer:
    """GET /queryAll?q=…: the same with what was deleted or merged away."""
    return query(request, with_deleted=True)


def query(request: RestRequest, *, with_deleted: bool = False) -> Answer:
    """GET /query?q=…, first page."""
    text = request.query.get("q", "")
    if not text:
        raise malformed("A query string has to be specified")
    parsed = parse(text)
    most = request.org.settings.query_values
    if most and len(re.findall(r"'(?:[^'\\]|\\.)*'", text)) > most:
        raise RequestError(400, "QUERY_TIMEOUT", "Your query request was running for too long.")
    try:
        search = Search(request.org.store, parsed, request.call.base, with_deleted=with_deleted)
        if parsed.is_bare_count:
            return Answer(200, {"totalSize": search.count(), "done": True, "records": []})
        rows = search.rows()
    except RequestError as error:
        raise _with_the_place(error, text) from None
    size = request.org.settings.query_page_size
    locator = request.org.cursors.open(rows) if len(rows) > size else ""
    return _page(request, rows, locator, 0)


def _with_the_place(error: RequestError, soql: str) -> RequestError:
    """Show where in the query a column is unknown, as Salesforce does: with what is around it."""
    named = re.search(r"'([\w.]+)'", error.message)
    if error.code != "INVALID_FIELD" or named is None or (at := soql.find(named[1])) < 0:
        return error
    start = max(0, at - PLACE_CHARACTERS)
    place = f"\n{soql[start : at + PLACE_CHARACTERS]}\n{' ' * (at - start)}^"
    return replace(error, message=f"{place}\nERROR at Row:1:Column:{at + 1}\n{error.message}")


def next_page(request: RestRequest, place: str) -> Answer:
    """GET /query/{locator}-{start}, as nextRecordsUrl says."""
    locator, _, start = place.rpartition("-")
    rows = request.org.cursors.rows.get(locator)
    if rows is None or not start.isdigit():
        raise RequestError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    if int(start) >= len(rows):
        raise not_found()
    return _page(request, rows, locator, int(start))


def _page(request: RestRequest, rows: list[dict[str, Any]], locator: str, start: int) -> Answer:
    end = start + request.org.settings.query_page_size
    body: dict[str, Any] = {"totalSize": len(rows), "done": end >= len(rows)}
    if end < len(rows):
        body["nextRecordsUrl"] = f"{request.call.base}/query/{locator}-{end}"
    return Answer(200, body | {"records": rows[start:end]})
