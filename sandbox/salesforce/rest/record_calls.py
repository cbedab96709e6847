"""Calls about one record: create, read, update, upsert by external id, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.salesforce.errors import RecordError, RequestError, malformed_json, not_found
from sandbox.salesforce.records.dml import Call
from sandbox.salesforce.records.links import existing_id
from sandbox.salesforce.records.records import ID_LENGTHS, Table
from sandbox.salesforce.records.schema import Field
from sandbox.salesforce.rest.answer import Answer, RestRequest, refused_row

_UPSERT_ANSWERS_BODY_SINCE = 46.0  # before, an update by upsert was a bare 204


def create(request: RestRequest, name: str) -> Answer:
    org, call, table = request.org, request.call, request.table(name)
    record = _fields(request.body)
    org.faults.refuse_poison(table.sobject.name, _any_external_id(table, record))
    outcome = org.dml.create(call, table, org.dml.prepare(table, record), record)
    if not outcome.is_written:
        return refused_row(outcome)
    location = f"{call.base}/sobjects/{table.sobject.name}/{outcome.id}"
    answer = {"id": outcome.id, "success": True, "errors": []}
    return Answer(201, answer, {"Location": location})


def read(request: RestRequest, name: str, record_id: str) -> Answer:
    table = request.table(name)
    known = _existing(table, record_id)
    names = [part for part in request.query.get("fields", "").split(",") if part]
    return Answer(200, as_json(request.call, table, table.records[known], names))


def update(request: RestRequest, name: str, record_id: str) -> Answer:
    org, call, table = request.org, request.call, request.table(name)
    record = _fields(request.body)
    known = _existing(table, record_id)
    outcome = org.dml.update(call, table, known, org.dml.prepare(table, record), record)
    return Answer(204) if outcome.is_written else refused_row(outcome)


def delete(request: RestRequest, name: str, record_id: str) -> Answer:
    table = request.table(name)
    _refuse_foreign(table, record_id)
    outcome = request.org.dml.delete(request.call, table, record_id)
    return Answer(204) if outcome.is_written else refused_row(outcome)


def read_by_key(request: RestRequest, name: str, field_name: str, key: str) -> Answer:
    return _by_key(request, name, field_name, key, read)


def delete_by_key(request: RestRequest, name: str, field_name: str, key: str) -> Answer:
    return _by_key(request, name, field_name, key, delete)


def _by_key(
    request: RestRequest,
    name: str,
    field_name: str,
    key: str,
    act: Callable[[RestRequest, str, str], Answer],
) -> Answer:
    table = request.table(name)
    ids = table.ids_with(key_field(table, field_name).name, key)
    if len(ids) > 1:
        return _several(request.call, table, ids)
    if not ids:
        raise not_found()
    return act(request, name, ids[0])


def upsert_by_key(request: RestRequest, name: str, field_name: str, key: str) -> Answer:
    """201 created, 200 (or 204 up to v45) updated, 300 several matches, 404 no such field."""
    org, call, table = request.org, request.call, request.table(name)
    field, record = key_field(table, field_name), _fields(request.body)
    if field.name == "Id":
        return update(request, name, key)
    if any(sent.casefold() == field.name.casefold() for sent in record):
        text = f"The {field.name} field should not be specified in the sobject data."
        raise RequestError(400, "INVALID_FIELD", text, [field.name])
    org.faults.refuse_poison(table.sobject.name, key)
    ids = table.ids_with(field.name, key)
    if len(ids) > 1:
        return _several(call, table, ids)
    if not ids and request.query.get("updateOnly", "").lower() == "true":
        raise not_found()
    keyed = {field.name: key, **record}
    outcome = org.dml.upsert(call, table, field, org.dml.prepare(table, keyed), keyed)
    if not outcome.is_written:
        return refused_row(outcome)
    if not outcome.is_created and call.api_version < _UPSERT_ANSWERS_BODY_SINCE:
        return Answer(204)
    answer = {"id": outcome.id, "success": True, "errors": [], "created": outcome.is_created}
    return Answer(201 if outcome.is_created else 200, answer)


def key_field(table: Table, name: str) -> Field:
    """Return the external-id (or Id) field of that name; raises the platform's 404."""
    item = table.sobject.find(name)
    if item is None or not (item.is_external_id or item.name == "Id"):
        raise no_key_field(name)
    return item


def no_key_field(name: str) -> RequestError:
    text = f"Provided external ID field does not exist or is not accessible: {name}"
    return RequestError(404, "NOT_FOUND", text)


def as_json(
    call: Call, table: Table, values: Mapping[str, Any], names: list[str]
) -> dict[str, Any]:
    """Return a record as REST shows it; without names, all its fields."""
    sobject = table.sobject
    chosen = []
    for name in names or list(sobject.fields):
        item = sobject.find(name)
        if item is None:
            raise RequestError(
                400, "INVALID_FIELD", f"No such column '{name}' on entity '{sobject.name}'"
            )
        chosen.append(item.name)
    url = f"{call.base}/sobjects/{sobject.name}/{values['Id']}"
    shown = {name: values.get(name) for name in chosen}
    return {"attributes": {"type": sobject.name, "url": url}, **shown, "Id": values["Id"]}


def _fields(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise malformed_json("The body of this call is a JSON object of fields")
    return body


def _any_external_id(table: Table, record: Mapping[str, Any]) -> str:
    names = (name for name, item in table.sobject.fields.items() if item.is_external_id)
    return next((str(record[name]) for name in names if name in record), "")


def _existing(table: Table, record_id: str) -> str:
    _refuse_foreign(table, record_id)
    try:
        return existing_id(table, record_id)
    except RecordError as error:
        if error.code == "ENTITY_IS_DELETED":
            raise RequestError(404, error.code, error.message) from None
        raise not_found() from None


def _refuse_foreign(table: Table, record_id: str) -> None:
    """Raise 404 for what cannot be an id of the object: it is read as the name of a key field."""
    is_id = len(record_id) in ID_LENGTHS and record_id.isalnum()
    if not (is_id and record_id.startswith(table.sobject.prefix)):
        raise no_key_field(record_id)


def _several(call: Call, table: Table, ids: list[str]) -> Answer:
    """HTTP 300: the URLs of all matches, nothing written."""
    return Answer(300, [f"{call.base}/sobjects/{table.sobject.name}/{key}" for key in ids])
