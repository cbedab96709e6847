"""The REST calls of Bulk API 2.0: create, upload, close, watch and read back jobs."""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.bulk.jobs import (
    DELIMITERS,
    LINE_ENDINGS,
    MAX_JOB_BYTES,
    Job,
    Operation,
    State,
)
from sandbox.salesforce.errors import RequestError, malformed_json, not_found
from sandbox.salesforce.query.soql import parse
from sandbox.salesforce.rest.answer import Answer, RestRequest
from sandbox.salesforce.rest.record_calls import key_field

_DEFAULT_PAGE_ROWS = 50_000
_QUERIES = (Operation.QUERY, Operation.QUERY_ALL)


def create_ingest(request: RestRequest) -> Answer:
    """POST /jobs/ingest."""
    body = _object(request.body)
    operation = _choice(body, "operation", [item for item in Operation if item not in _QUERIES])
    table = request.org.store.table(str(body.get("object", "")))
    if table is None:
        raise _invalid_job(f"Unable to find object: {body.get('object')}")
    key_name = ""
    if operation == Operation.UPSERT:
        try:
            key_name = key_field(table, str(body.get("externalIdFieldName", ""))).name
        except RequestError:
            text = f"The externalIdFieldName {body.get('externalIdFieldName')} is not valid"
            raise _invalid_job(text) from None
    if body.get("contentType", "CSV") != "CSV":
        raise _invalid_job("contentType must be CSV")
    bulk = request.org.bulk
    if bulk.batches_used >= bulk.settings.bulk_daily_batches:
        raise RequestError(400, "ExceededQuota", "ApiBatchItems Limit exceeded.")
    job = _new_job(request, Operation(operation), table.sobject.name, key_name)
    return Answer(200, job.as_json(request.call.base))


def create_query(request: RestRequest) -> Answer:
    """POST /jobs/query: starts at once."""
    body = _object(request.body)
    operation = _choice(body, "operation", list(_QUERIES))
    text = str(body.get("query", ""))
    job = _new_job(request, Operation(operation), parse(text).sobject, "")
    job.query, job.state = text, State.UPLOAD_COMPLETE
    request.org.bulk.start(job)
    return Answer(200, job.as_json(request.call.base))


def upload(request: RestRequest, job_id: str) -> Answer:
    """PUT /jobs/ingest/{id}/batches, once, while the job is open."""
    job = _job(request, job_id, is_query=False)
    if job.state is not State.OPEN or job.data:
        raise _invalid_state(f"Found multiple contents for job: {job.id}, or it is not open")
    if not isinstance(request.body, bytes):
        raise _invalid_job("Content-Type must be text/csv")
    if len(request.body) > MAX_JOB_BYTES:
        raise _invalid_job(f"The upload is larger than {MAX_JOB_BYTES} bytes")
    job.data = request.body
    return Answer(201)


def change_state(request: RestRequest, job_id: str) -> Answer:
    """PATCH /jobs/ingest/{id} with `UploadComplete` or `Aborted`."""
    return _change_state(request, job_id, is_query=False)


def abort_query(request: RestRequest, job_id: str) -> Answer:
    """PATCH /jobs/query/{id} with `Aborted`."""
    return _change_state(request, job_id, is_query=True)


def _change_state(request: RestRequest, job_id: str, *, is_query: bool) -> Answer:
    job = _job(request, job_id, is_query=is_query)
    wanted = _choice(_object(request.body), "state", [State.UPLOAD_COMPLETE, State.ABORTED])
    if job.state.is_over:
        raise _invalid_state(f"Job is already {job.state}")
    if wanted == State.ABORTED:
        job.state = State.ABORTED
        if not job.is_query and not job.rows and job.data:
            job.read_rows()
    elif job.state is State.OPEN:
        job.state = State.UPLOAD_COMPLETE
        request.org.bulk.start(job)
    return Answer(200, job.as_json(request.call.base))


def show_ingest(request: RestRequest, job_id: str) -> Answer:
    return Answer(200, _job(request, job_id, is_query=False).as_json(request.call.base))


def show_query(request: RestRequest, job_id: str) -> Answer:
    return Answer(200, _job(request, job_id, is_query=True).as_json(request.call.base))


def list_ingest(request: RestRequest) -> Answer:
    jobs = [job for job in request.org.bulk.jobs.values() if not job.is_query]
    shown = [job.as_json(request.call.base) for job in jobs]
    return Answer(200, {"done": True, "nextRecordsUrl": None, "records": shown})


def delete_ingest(request: RestRequest, job_id: str) -> Answer:
    return _delete(request, job_id, is_query=False)


def delete_query(request: RestRequest, job_id: str) -> Answer:
    return _delete(request, job_id, is_query=True)


def _delete(request: RestRequest, job_id: str, *, is_query: bool) -> Answer:
    job = _job(request, job_id, is_query=is_query)
    if not job.state.is_over:
        raise _invalid_state("Only completed, failed or aborted jobs can be deleted")
    del request.org.bulk.jobs[job.id]
    return Answer(204)


def successful_results(request: RestRequest, job_id: str) -> Answer:
    return Answer(200, _job(request, job_id, is_query=False).successful())


def failed_results(request: RestRequest, job_id: str) -> Answer:
    return Answer(200, _job(request, job_id, is_query=False).failed())


def unprocessed_records(request: RestRequest, job_id: str) -> Answer:
    return Answer(200, _job(request, job_id, is_query=False).unprocessed())


def query_results(request: RestRequest, job_id: str) -> Answer:
    """GET /jobs/query/{id}/results?locator=&maxRecords=; the last page's locator is `null`."""
    job = _job(request, job_id, is_query=True)
    if job.state is not State.JOB_COMPLETE:
        raise _invalid_state(f"Job is {job.state}: there are no results")
    start = _whole(request, "locator", 0)
    count = _whole(request, "maxRecords", _DEFAULT_PAGE_ROWS)
    end = start + count
    headers = {
        "Sforce-Locator": str(end) if end < len(job.lines) else "null",
        "Sforce-NumberOfRecords": str(len(job.lines[start:end])),
    }
    return Answer(200, job.page(start, count), headers)


def _new_job(request: RestRequest, operation: Operation, sobject: str, key_name: str) -> Job:
    body, bulk = request.body, request.org.bulk
    job = Job(
        id=bulk.new_id(),
        operation=operation,
        sobject=sobject,
        key_field=key_name,
        line_ending=_choice(body, "lineEnding", list(LINE_ENDINGS), "LF"),
        delimiter=_choice(body, "columnDelimiter", list(DELIMITERS), "COMMA"),
        created_at=request.call.now,
        api_version=request.call.api_version,
    )
    bulk.jobs[job.id] = job
    return job


def _job(request: RestRequest, job_id: str, *, is_query: bool) -> Job:
    job = request.org.bulk.jobs.get(job_id)
    if job is None or job.is_query is not is_query:
        raise not_found()
    return job


def _whole(request: RestRequest, name: str, default: int) -> int:
    text = request.query.get(name) or str(default)
    if not text.isdecimal():
        raise _invalid_job(f"{name} must be a whole number, not {text}")
    return int(text)


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise malformed_json("The body of this call is a JSON object")
    return body


def _choice(body: dict[str, Any], name: str, known: list[Any], default: str = "") -> str:
    value = body.get(name, default)
    if value not in known:
        raise _invalid_job(f"{name} must be one of {', '.join(map(str, known))}, not {value}")
    return str(value)


def _invalid_job(message: str) -> RequestError:
    return RequestError(400, "INVALIDJOB", f"InvalidJob : {message}")


def _invalid_state(message: str) -> RequestError:
    return RequestError(400, "INVALIDJOBSTATE", message)
