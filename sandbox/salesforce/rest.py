"""Which REST path does what. Paths are given decoded, segment by segment, after the version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.salesforce import collection_calls, composite, limits, record_calls
from sandbox.salesforce.answer import Answer
from sandbox.salesforce.dml import Call
from sandbox.salesforce.errors import RequestError, malformed_json, not_found
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Table


def execute(
    org: Org, call: Call, method: str, path: list[str], query: Mapping[str, str], body: Any
) -> Answer:
    """Carry out one REST call or sub-request; raises RequestError where it is refused."""
    match path:
        case ["composite", *rest]:
            return _composite(org, call, method, rest, query, body)
        case ["sobjects", *rest]:
            return _sobjects(org, call, method, rest, query, body)
        case ["limits"] if method == "GET":
            return Answer(200, limits.limits_of(org.settings))
        case []:
            return Answer(200, limits.resources(call.base))
    raise not_found()


def _composite(
    org: Org, call: Call, method: str, path: list[str], query: Mapping[str, str], body: Any
) -> Answer:
    match method, path:
        case "POST", []:
            return composite.composite(org, call, body, execute)
        case "POST", ["graph"]:
            return composite.graph(org, call, body, execute)
        case "POST", ["batch"]:
            return composite.batch(org, call, body, execute)
        case "PATCH", ["sobjects", name, field_name]:
            return collection_calls.upsert(org, call, _table(org, name), field_name, body)
        case "POST", ["sobjects"]:
            return collection_calls.create(org, call, body)
        case "PATCH", ["sobjects"]:
            return collection_calls.update(org, call, body)
        case "DELETE", ["sobjects"]:
            return collection_calls.delete(org, call, query)
        case "GET", ["sobjects", name]:
            ids, names = query.get("ids", "").split(","), query.get("fields", "").split(",")
            return collection_calls.retrieve(org, call, _table(org, name), ids, names)
        case "POST", ["sobjects", name]:
            if not isinstance(body, dict):
                raise malformed_json('The body of this call is {"ids": […], "fields": […]}')
            ids, names = body.get("ids", []), body.get("fields", [])
            return collection_calls.retrieve(org, call, _table(org, name), ids, names)
    raise _no_such(method, path)


def _sobjects(
    org: Org, call: Call, method: str, path: list[str], query: Mapping[str, str], body: Any
) -> Answer:
    match method, path:
        case "GET", []:
            every = [item.summary(call.base) for item in org.store.schema.values()]
            return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": every})
        case "GET", [name, "describe"]:
            return Answer(200, _table(org, name).sobject.describe(call.base))
        case "GET", [name]:
            summary = _table(org, name).sobject.summary(call.base)
            return Answer(200, {"objectDescribe": summary, "recentItems": []})
        case "POST", [name]:
            return record_calls.create(org, call, _table(org, name), body)
        case "GET", [name, key]:
            return record_calls.read(org, call, _table(org, name), key, query)
        case "PATCH", [name, key]:
            return record_calls.update(org, call, _table(org, name), key, body)
        case "DELETE", [name, key]:
            return record_calls.delete(org, call, _table(org, name), key)
        case "GET", [name, field_name, key]:
            return record_calls.read_by_key(org, call, _table(org, name), field_name, key, query)
        case "DELETE", [name, field_name, key]:
            return record_calls.delete_by_key(org, call, _table(org, name), field_name, key)
        case "PATCH", [name, field_name, key]:
            return record_calls.upsert_by_key(
                org, call, _table(org, name), field_name, key, body, query
            )
    raise _no_such(method, path)


def _table(org: Org, name: str) -> Table:
    table = org.store.table(name)
    if table is None:
        raise not_found()
    return table


def _no_such(method: str, path: list[str]) -> RequestError:
    if path and method not in ("GET", "POST", "PATCH", "DELETE", "PUT"):
        return RequestError(
            405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are GET,POST"
        )
    return not_found()


def sobjects_of(path: list[str], body: Any) -> set[str]:
    """Return the names of the sObjects a call is about, sub-requests included."""
    names: set[str] = set()
    if "sobjects" in path:
        names.update(path[path.index("sobjects") + 1 :][:1])
    if isinstance(body, dict):
        for request in body.get("compositeRequest") or ():
            if isinstance(request, dict):
                names |= sobjects_of(str(request.get("url", "")).split("?")[0].split("/"), None)
        if isinstance(body.get("object"), str):
            names.add(body["object"])
    return names


def name_of(method: str, path: list[str]) -> str:
    """Return the call's name for counting: method and path, with ids and keys as `*`."""
    shown = list(path)
    if shown[:1] == ["sobjects"] and len(shown) > 2:  # noqa: PLR2004 - sobjects/Name/…
        shown[-1] = shown[-1] if shown[-1] == "describe" else "*"
    if shown[:1] == ["jobs"] and len(shown) > 2:  # noqa: PLR2004 - jobs/ingest/…
        shown[2] = "*"
    if shown[:1] in (["query"], ["queryAll"]):
        shown = shown[:1]
    return f"{method} {'/'.join(shown)}"
