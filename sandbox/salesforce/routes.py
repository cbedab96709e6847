"""Which REST path does what: one table, `*` stands for a name, a key or an id."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sandbox.salesforce.bulk import job_calls
from sandbox.salesforce.errors import RequestError, not_found
from sandbox.salesforce.oauth import ORG_ID
from sandbox.salesforce.query import query_calls, tooling
from sandbox.salesforce.rest import collection_calls, composite, deploy_calls, limits, record_calls
from sandbox.salesforce.rest.answer import Answer, RestRequest

Handler = Callable[..., Answer]
RECORD_TYPES = (("Master", "012000000000000AAA", True), ("Online", "012Os0000000001AAA", False))
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


def execute(request: RestRequest) -> Answer:
    """Carry out one REST call or sub-request; raises RequestError where it is refused."""
    method = "GET" if request.method == "HEAD" else request.method
    for handler, names in _matches(method, request.path):
        return handler(request, *names)
    raise _no_such_method(request)


def _matches(method: str, path: list[str]) -> Iterator[tuple[Handler, list[str]]]:
    """Yield what serves a path, with what stands at the stars of its pattern."""
    for pattern, handler in _BY_SHAPE.get((method, len(path)), ()):
        pairs = list(zip(pattern, path, strict=True))
        if all(expected in ("*", given) for expected, given in pairs):
            yield handler, [given for expected, given in pairs if expected == "*"]


def _no_such_method(request: RestRequest) -> RequestError:
    """Return 405 for a resource that has other methods, 404 for one that does not exist."""
    allowed = [method for method in METHODS if any(_matches(method, request.path))]
    if not allowed:
        return not_found()
    named = ",".join(["HEAD"] * ("GET" in allowed) + allowed)
    text = f"HTTP Method '{request.method}' not allowed. Allowed are {named}"
    return RequestError(405, "METHOD_NOT_ALLOWED", text)


def list_resources(request: RestRequest) -> Answer:
    return Answer(200, limits.resources(request.call.base))


def show_limits(request: RestRequest) -> Answer:
    org = request.org
    if not org.settings.view_setup:
        text = "You don't have the View Setup and Configuration permission"
        raise RequestError(403, "FORBIDDEN", text)
    return Answer(200, limits.limits_of(org.settings, org.bulk.batches_used))


def show_organization(request: RestRequest) -> Answer:
    """GET connect/organization: what the org has switched on."""
    settings = request.org.settings
    is_multi = bool(settings.currencies)
    features = {
        "multiCurrency": is_multi,
        "defaultCurrencyIsoCode": None if is_multi else settings.only_currency,
    }
    return Answer(200, {"orgId": ORG_ID, "name": "Simulated", "features": features})


def stages_of_record_type(request: RestRequest, name: str, record_type: str) -> Answer:
    """GET ui-api/object-info/*/picklist-values/*: what the record type lets one choose."""
    fields = request.table(name).sobject.fields
    process = [s.strip() for s in request.org.settings.sales_process.split(",") if s.strip()]
    values = {
        field.name: {"values": [{"value": value, "label": value} for value in listed]}
        for field in fields.values()
        if field.type == "picklist"
        for listed in [process if field.name == "StageName" and process else field.picklist]
    }
    return Answer(200, {"picklistFieldValues": values, "eTag": record_type})


def list_sobjects(request: RestRequest) -> Answer:
    every = [item.summary(request.call.base) for item in request.org.store.schema.values()]
    return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": every})


def show_sobject(request: RestRequest, name: str) -> Answer:
    summary = request.table(name).sobject.summary(request.call.base)
    return Answer(200, {"objectDescribe": summary, "recentItems": []})


def describe(request: RestRequest, name: str) -> Answer:
    schema, settings = request.org.store.schema, request.org.settings
    shown = request.table(name).sobject.describe(request.call.base, schema)
    if settings.sales_process and shown["name"] == "Opportunity":
        shown["recordTypeInfos"] = [
            {
                "name": label,
                "recordTypeId": key,
                "master": is_master,
                "available": True,
                "defaultRecordTypeMapping": not is_master,
            }
            for label, key, is_master in RECORD_TYPES
        ]
    return Answer(200, shown)


def run_composite(request: RestRequest) -> Answer:
    return composite.composite(request, execute)


def run_graph(request: RestRequest) -> Answer:
    return composite.graph(request, execute)


def run_batch(request: RestRequest) -> Answer:
    return composite.batch(request, execute)


ROUTES: dict[str, Handler] = {
    "GET ": list_resources,
    "GET limits": show_limits,
    "GET connect/organization": show_organization,
    "POST metadata/deployRequest": deploy_calls.start,
    "GET metadata/deployRequest/*": deploy_calls.show,
    "GET tooling/query": tooling.query,
    "GET ui-api/object-info/*/picklist-values/*": stages_of_record_type,
    "GET sobjects": list_sobjects,
    "GET sobjects/*": show_sobject,
    "GET sobjects/*/describe": describe,
    "POST sobjects/*": record_calls.create,
    "GET sobjects/*/*": record_calls.read,
    "PATCH sobjects/*/*": record_calls.update,
    "DELETE sobjects/*/*": record_calls.delete,
    "GET sobjects/*/*/*": record_calls.read_by_key,
    "PATCH sobjects/*/*/*": record_calls.upsert_by_key,
    "DELETE sobjects/*/*/*": record_calls.delete_by_key,
    "GET query": query_calls.query,
    "GET query/*": query_calls.next_page,
    "GET queryAll": query_calls.query_all,
    "GET queryAll/*": query_calls.next_page,
    "POST composite": run_composite,
    "POST composite/graph": run_graph,
    "POST composite/batch": run_batch,
    "POST composite/sobjects": collection_calls.create,
    "PATCH composite/sobjects": collection_calls.update,
    "DELETE composite/sobjects": collection_calls.delete,
    "GET composite/sobjects/*": collection_calls.retrieve,
    "POST composite/sobjects/*": collection_calls.retrieve,
    "PATCH composite/sobjects/*/*": collection_calls.upsert,
    "GET jobs/ingest": job_calls.list_ingest,
    "POST jobs/ingest": job_calls.create_ingest,
    "GET jobs/ingest/*": job_calls.show_ingest,
    "PATCH jobs/ingest/*": job_calls.change_state,
    "DELETE jobs/ingest/*": job_calls.delete_ingest,
    "PUT jobs/ingest/*/batches": job_calls.upload,
    "GET jobs/ingest/*/successfulResults": job_calls.successful_results,
    "GET jobs/ingest/*/failedResults": job_calls.failed_results,
    "GET jobs/ingest/*/unprocessedrecords": job_calls.unprocessed_records,
    "GET jobs/ingest/*/unprocessedRecords": job_calls.unprocessed_records,
    "POST jobs/query": job_calls.create_query,
    "GET jobs/query/*": job_calls.show_query,
    "PATCH jobs/query/*": job_calls.abort_query,
    "DELETE jobs/query/*": job_calls.delete_query,
    "GET jobs/query/*/results": job_calls.query_results,
}


def _by_shape() -> dict[tuple[str, int], list[tuple[list[str], Handler]]]:
    """Return the routes by method and number of segments."""
    shapes: dict[tuple[str, int], list[tuple[list[str], Handler]]] = {}
    for route, handler in ROUTES.items():
        method, _, path = route.partition(" ")
        pattern = path.split("/") if path else []
        shapes.setdefault((method, len(pattern)), []).append((pattern, handler))
    return shapes


_BY_SHAPE = _by_shape()
