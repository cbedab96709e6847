"""sObject Collections: up to 200 records in one call, answered one by one, in request order.

The answer is 200 even when every record failed. Only what the platform cannot read at all (unknown
field, wrong JSON type, too many records) refuses the call, and then nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any, TypeGuard

from sandbox.salesforce.errors import RecordError, RequestError, malformed_json
from sandbox.salesforce.org import Org
from sandbox.salesforce.records.dml import Call, RowOutcome
from sandbox.salesforce.records.records import ID_LENGTHS, Table, index_key
from sandbox.salesforce.records.rules import Prepared
from sandbox.salesforce.records.schema import Field
from sandbox.salesforce.rest.answer import Answer, RestRequest
from sandbox.salesforce.rest.record_calls import as_json, key_field

MAX_RECORDS = 200
MAX_TYPE_RUNS = 10
MAX_RETRIEVED = 2000
MAX_UPDATES_OF_ONE = 12  # rows of a call that name one record
_UPSERT_SINCE = 46.0

ROLLED_BACK = RecordError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone "
    "header",
)

WriteRow = Callable[[], RowOutcome]


def upsert(request: RestRequest, name: str, field_name: str) -> Answer:
    """PATCH /composite/sobjects/{sObject}/{external id field}."""
    org, call, table = request.org, request.call, request.table(name)
    if call.api_version < _UPSERT_SINCE:
        raise RequestError(404, "NOT_FOUND", "The requested resource does not exist")
    field = key_field(table, field_name)
    rows: list[tuple[dict[str, Any], Prepared]] = []
    for record in _records(request.body):
        _check_type(record, table)
        if org.faults.has_row_faults:
            org.faults.refuse_poison(table.sobject.name, str(record.get(field.name, "")))
        rows.append((record, org.dml.prepare(table, record)))
    twice = _keys_given_twice(field, rows)
    writes = [
        _refused_beforehand(call, field, record, prepared, twice)
        or _write_row(org.dml.upsert, call, table, field, prepared, record)
        for record, prepared in rows
    ]
    outcomes, is_undone = _carry_out(request, _through_trigger(request, table, writes))
    answer = [_result(outcome, is_undone=is_undone, has_created=True) for outcome in outcomes]
    return Answer(200, answer)


def create(request: RestRequest) -> Answer:
    """POST /composite/sobjects: types may be mixed, in at most ten runs."""
    org, call, records = request.org, request.call, _records(request.body)
    tables = _tables(org, records)
    writes = []
    for record, table in zip(records, tables, strict=True):
        prepared = org.dml.prepare(table, record)
        writes.append(_write_row(org.dml.create, call, table, prepared, record))
    if tables:
        writes = _through_trigger(request, tables[0], writes)
    return _answer_writes(request, writes)


def update(request: RestRequest) -> Answer:
    """PATCH /composite/sobjects: every record names its `id`."""
    org, call, records = request.org, request.call, _records(request.body)
    tables = _tables(org, records)
    writes: list[WriteRow] = []
    named: Counter[str] = Counter()
    for record, table in zip(records, tables, strict=True):
        fields = {name: value for name, value in record.items() if name.lower() != "id"}
        record_id = record.get("id", record.get("Id"))
        named[str(record_id)[: ID_LENGTHS[0]]] += 1
        if named[str(record_id)[: ID_LENGTHS[0]]] > MAX_UPDATES_OF_ONE:
            writes.append(_refused(call, _named_too_often(record_id)))
            continue
        prepared = org.dml.prepare(table, fields)
        writes.append(_write_row(org.dml.update, call, table, record_id, prepared, fields))
    return _answer_writes(request, writes)


def delete(request: RestRequest) -> Answer:
    """DELETE /composite/sobjects?ids=a,b&allOrNone=false."""
    org, call = request.org, request.call
    ids = [key for key in request.query.get("ids", "").split(",") if key]
    _check_count(len(ids), MAX_RECORDS)
    writes: list[WriteRow] = []
    for key in ids:
        table = org.store.table_of_id(key)
        if table is None:
            malformed = RecordError("MALFORMED_ID", f"malformed id {key}")
            writes.append(_refused(call, malformed))
        else:
            writes.append(_write_row(org.dml.delete, call, table, key))
    return _answer_writes(request, writes)


def retrieve(request: RestRequest, name: str) -> Answer:
    """GET or POST /composite/sobjects/{sObject}: null where there is no such record."""
    table, wanted = request.table(name), request.body
    if request.method == "GET":
        wanted = {part: request.query.get(part, "").split(",") for part in ("ids", "fields")}
    if not isinstance(wanted, dict):
        wanted = {}
    ids, names = wanted.get("ids"), wanted.get("fields")
    if not (_are_texts(ids) and _are_texts(names)):
        raise malformed_json('The body of this call is {"ids": ["…"], "fields": ["…"]}')
    _check_count(len(ids), MAX_RETRIEVED)
    found = (table.records.get(table.resolve(key)) for key in ids)
    shown = [as_json(request.call, table, v, names) if v is not None else None for v in found]
    return Answer(200, shown)


def _are_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _named_too_often(record_id: Any) -> RecordError:
    """Return what the SOAP guide (update) says of a record that is named in too many rows."""
    text = (
        f"Maximum number of duplicate updates in one batch ({MAX_UPDATES_OF_ONE} allowed). Attempt "
        f"to update Id more than once in this Api call: {record_id}"
    )
    return RecordError("DUPLICATE_VALUE", text)


def _through_trigger(request: RestRequest, table: Table, writes: list[WriteRow]) -> list[WriteRow]:
    """Return the writes, or their refusals where a trigger is told to choke on one of the rows."""
    faults = request.org.faults
    if not faults.has_row_faults:
        return writes
    keys = [str(value) for record in request.body["records"] for value in record.values()]
    error = faults.trigger_error(table.sobject.name, keys)
    return writes if error is None else [_refused(request.call, error)] * len(writes)


def _refused_beforehand(
    call: Call, field: Field, record: Mapping[str, Any], prepared: Prepared, twice: set[Any]
) -> WriteRow | None:
    """Return the refusal of a row that cannot be upserted whatever it says, or None."""
    if "id" in record or "Id" in record:
        text = "id must not be specified in an upsert"
        return _refused(call, RecordError("INVALID_ARGUMENT", text, ["Id"]))
    key = index_key(prepared.values.get(field.name))
    if key is None or key not in twice:
        return None
    text = f"Duplicate external id specified: {key}"
    return _refused(call, RecordError("DUPLICATE_VALUE", text, [field.name]))


def _write_row(write: Callable[..., RowOutcome], *arguments: Any) -> WriteRow:
    return lambda: write(*arguments)


def _refused(call: Call, error: RecordError) -> WriteRow:
    def refuse() -> RowOutcome:
        call.rows += 1
        call.refused.append(error.code)
        return RowOutcome(errors=[error])

    return refuse


def _carry_out(request: RestRequest, writes: list[WriteRow]) -> tuple[list[RowOutcome], bool]:
    """Write the rows in order; return what became of them, and whether all was undone."""
    if not _is_all_or_none(request):
        return [write() for write in writes], False
    with request.org.dml.atomic(request.call) as undo:
        outcomes = [write() for write in writes]
        is_undone = any(outcome.errors for outcome in outcomes)
        if is_undone:
            undo()
    return outcomes, is_undone


def _answer_writes(request: RestRequest, writes: list[WriteRow]) -> Answer:
    outcomes, is_undone = _carry_out(request, writes)
    return Answer(200, [_result(outcome, is_undone=is_undone) for outcome in outcomes])


def _result(outcome: RowOutcome, *, is_undone: bool, has_created: bool = False) -> dict[str, Any]:
    """Return one entry of the answer. After a rollback `created` stays as real orgs leave it."""
    created = {"created": outcome.is_created} if has_created else {}
    if outcome.is_written and not is_undone:
        return {"id": outcome.id, "success": True, "errors": [], **created}
    errors = outcome.errors or [ROLLED_BACK]
    return {"success": False, "errors": [error.for_record() for error in errors], **created}


def _records(body: Any) -> list[dict[str, Any]]:
    if not isinstance(body, dict) or not isinstance(body.get("records"), list):
        raise malformed_json('The body of this call is {"allOrNone": …, "records": […]}')
    records: list[dict[str, Any]] = body["records"]
    _check_count(len(records), MAX_RECORDS)
    for record in records:
        if not isinstance(record, dict):
            raise malformed_json("Every entry of `records` is a JSON object")
    return records


def _check_count(count: int, limit: int) -> None:
    if count > limit:
        text = f"record limit reached. cannot submit more than {limit} records into this call"
        raise RequestError(400, "EXCEEDED_ID_LIMIT", text)


def _is_all_or_none(request: RestRequest) -> bool:
    """Return allOrNone, which only DELETE takes from the query string."""
    if request.method == "DELETE":
        return request.query.get("allOrNone") == "true"
    return request.body.get("allOrNone") is True


def _type_of(record: Mapping[str, Any]) -> str:
    attributes = record.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(name, str) or not name:
        raise RequestError(
            400, "INVALID_INPUT", 'Every record needs its type: "attributes": {"type": …}'
        )
    return name


def _check_type(record: Mapping[str, Any], table: Table) -> None:
    name = _type_of(record)
    if name.casefold() != table.sobject.name.casefold():
        text = f"The record type {name} does not match the type of the request URI"
        raise RequestError(400, "INVALID_INPUT", text)


def _tables(org: Org, records: list[dict[str, Any]]) -> list[Table]:
    names = [_type_of(record) for record in records]
    runs = len(list(groupby(names)))
    if runs > MAX_TYPE_RUNS:
        raise RequestError(
            400,
            "INVALID_INPUT",
            f"Cannot have more than {MAX_TYPE_RUNS} chunks in a single operation. Please "
            "rearrange the data to reduce chunking.",
        )
    tables = []
    for name in names:
        table = org.store.table(name)
        if table is None:
            raise RequestError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
        tables.append(table)
    return tables


def _keys_given_twice(field: Field, rows: list[tuple[dict[str, Any], Prepared]]) -> set[Any]:
    """Return the external ids more than one record carries: all those records are refused."""
    values = (prepared.values.get(field.name) for _, prepared in rows)
    counted = Counter(index_key(value) for value in values if value is not None)
    return {key for key, count in counted.items() if count > 1}
