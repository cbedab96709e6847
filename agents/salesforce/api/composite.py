"""Rows to request bodies and answers back to rows: Collections, alone or inside one Composite.

Up to five collections of 200 rows travel in one API call. `collateSubrequests` is false because the
platform may otherwise reorder them, and parents must be written before children.
"""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import orjson

from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.answers import SHORT_ID, bad_answer, refusal, row_results
from schemas.frozen import dataclass, replace
from schemas.salesforce import Row, RowResult

MAX_ROWS = 200  # per collection (REST API guide, sObject Collections)
MAX_COLLECTIONS = 5  # collections and queries per Composite (REST API guide, Composite)
SUCCESS = range(200, 300)
STALE_GUARD_FIELD = "Magento_Updated_At__c"
OVERRULE_FIELD = "Magento_Overruled_By__c"
CUSTOMER_ID_FIELD = "Magento_Customer_ID__c"
ROW_FRAME_BYTES = 100  # `attributes`, `type`, two names of fields and the signs around them


@dataclass(frozen=True, slots=True)
class Collection:
    """Up to 200 rows of one sObject, written in order, each on its own (allOrNone false).

    `create` sends `insert_fields` too and is refused with DUPLICATE_VALUE when the row exists.
    `update` goes by record id and makes nothing; a customer's own row gives the record its key.
    """

    sobject: str
    external_id_field: str
    method: Literal["upsert", "create", "update"]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class CollectionAnswer:
    """One result per row in the collection's order, or the error that befell the collection.

    Exactly one of the two is set. The error's `is_outcome_unknown` says whether rows may have been
    written nevertheless.
    """

    results: tuple[RowResult, ...] | None = None
    error: SalesforceError | None = None


def record_of(
    row: Row,
    *,
    is_create: bool,
    is_guarded: bool,
    may_overrule: bool = False,
    by_id: bool = False,
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "attributes": {"type": row.sobject},
        row.external_id_field: row.external_id,
    }
    if by_id:
        record["id"] = row.record_id
        if not row.is_own:
            del record[row.external_id_field]
    if is_create:
        record.update(row.insert_fields)
    record.update(row.fields)
    if is_guarded and row.version:
        record[STALE_GUARD_FIELD] = row.version
    if may_overrule and row.overrule:
        record[OVERRULE_FIELD] = row.overrule
    return record


def row_bytes(row: Row) -> int:
    """Return what a row weighs in a request body, its insert fields and guard included."""
    return len(dumps(record_of(row, is_create=True, is_guarded=True, may_overrule=True))) + 1


def rows_bytes_at_most(rows: Sequence[Row]) -> int:
    """Return no less than the `row_bytes` of all. Raises TypeError if one is no JSON."""
    said = [
        (
            row.sobject,
            row.external_id_field,
            row.external_id,
            row.insert_fields,
            row.fields,
            row.version,
            row.overrule,
        )
        for row in rows
    ]
    return len(dumps(said)) + ROW_FRAME_BYTES * len(rows)


def dumps(value: Any) -> bytes:
    """Return JSON bytes; Decimals keep every digit. Raises TypeError for what JSON cannot hold."""
    return orjson.dumps(value, default=_number)


def _number(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} cannot be sent to Salesforce")


def collection_call(collection: Collection) -> tuple[str, str]:
    """Return (HTTP method, path below the version) of a collection."""
    if collection.method == "create":
        return "POST", "composite/sobjects"
    if collection.method == "update":
        return "PATCH", "composite/sobjects"
    return "PATCH", f"composite/sobjects/{collection.sobject}/{collection.external_id_field}"


def collection_body(
    collection: Collection, guarded: Container[str], overrulable: Container[str] = ()
) -> bytes:
    """Return the JSON body of a collection. Raises SalesforceError if a row is no JSON."""
    is_guarded = collection.sobject in guarded
    may_overrule = collection.sobject in overrulable
    is_create = collection.method == "create"
    by_id = collection.method == "update"
    records = [
        record_of(
            row,
            is_create=is_create,
            is_guarded=is_guarded,
            may_overrule=may_overrule,
            by_id=by_id,
        )
        for row in collection.rows
    ]
    try:
        return dumps({"allOrNone": False, "records": records})
    except TypeError as error:
        raise SalesforceError(
            str(error),
            kind=ErrorKind.PERMANENT,
            code="NOT_ENCODABLE",
            meaning="A value of a row cannot be written as JSON.",
            fix="Correct the transformation of that field in mapping.yaml.",
        ) from None


def composite_body(
    parts: Sequence[tuple[Collection, bytes]], *, version: str, headers: Mapping[str, str]
) -> bytes:
    """Return the body of one Composite call around encoded collections; `version` is `v58.0`."""
    requests = []
    for collection, body in parts:
        method, path = collection_call(collection)
        own = {"httpHeaders": dict(headers), "body": orjson.Fragment(body)}
        requests.append((method, path, own))
    return subrequests(requests, version)


def subrequests(requests: Iterable[tuple[str, str, Mapping[str, Any]]], version: str) -> bytes:
    """Return the body of a Composite of (method, path below the version, what else is said).

    They are answered as c0, c1, …: see `read_parts`.
    """
    listed = [
        {
            "method": method,
            "url": f"/services/data/{version}/{path}",
            "referenceId": f"c{position}",
            **own,
        }
        for position, (method, path, own) in enumerate(requests)
    ]
    return dumps({"allOrNone": False, "collateSubrequests": False, "compositeRequest": listed})


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """The decoded body of a sub-request that was answered with 2xx."""

    body: Any


def read_composite(value: Any, collections: Sequence[Collection]) -> list[CollectionAnswer]:
    """Return the answers by referenceId. Raises BadAnswerError if the body is no Composite's."""
    return [
        CollectionAnswer(error=part)
        if isinstance(part, SalesforceError)
        else read_collection(part.body, collection)
        for part, collection in zip(read_parts(value, len(collections)), collections, strict=True)
    ]


def read_parts(value: Any, count: int) -> list[SubAnswer | SalesforceError]:
    """Return what became of sub-requests c0, c1, …, in order. Raises BadAnswerError."""
    entries = value.get("compositeResponse") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        raise bad_answer("expected compositeResponse, got something else")
    by_reference: dict[Any, list[Any]] = {}
    for entry in entries:
        if isinstance(entry, dict):
            by_reference.setdefault(str(entry.get("referenceId")), []).append(entry)
    return [_read_part(by_reference.get(f"c{position}", [])) for position in range(count)]


def _read_part(entries: list[Any]) -> SubAnswer | SalesforceError:
    if len(entries) != 1:
        return bad_answer(f"{len(entries)} answers for one sub-request")
    status = entries[0].get("httpStatusCode")
    if not isinstance(status, int):
        return bad_answer("a sub-request's answer has no HTTP status")
    body = entries[0].get("body")
    return SubAnswer(body) if status in SUCCESS else refusal(status, body)


def read_collection(value: Any, collection: Collection) -> CollectionAnswer:
    """Return the answer of a collection from its decoded 2xx body.

    Only upserts are answered with `created`; a row that a create accepted is a new one. Results of
    which one is known as another row's are not in the order of the rows: no answer.
    """
    is_upsert = collection.method == "upsert"
    try:
        results = row_results(value, len(collection.rows), tells_created=is_upsert)
    except SalesforceError as error:
        return CollectionAnswer(error=error)
    ids = [row.record_id or row.known_id for row in collection.rows]
    known = {record[:SHORT_ID]: n for n, record in enumerate(ids) if record}
    is_elsewhere = (known.get(result.id[:SHORT_ID], n) != n for n, result in enumerate(results))
    if known and any(is_elsewhere):
        return CollectionAnswer(error=bad_answer("row results in another order than the rows"))
    if collection.method == "create":
        results = tuple(
            [replace(result, created=True) if result.success else result for result in results]
        )
    return CollectionAnswer(results=results)
