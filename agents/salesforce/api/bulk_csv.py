"""Rows to the CSV of Bulk API 2.0 and its result files back to rows.

An empty cell leaves the field unchanged and `#N/A` empties it; a parent link is a column with a dot
(`Account.Magento_Customer_Key__c`). Results come in three files in no promised order: rows are
found again by external id. Source: Bulk API 2.0 guide, "Prepare Data Files".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from agents.salesforce.api.composite import record_of
from agents.salesforce.http.answers import bulk_error, row_result
from schemas.salesforce import Row, RowError, RowResult

MAX_CSV_BYTES = 100_000_000  # of one job, before the platform encodes it
NULL = "#N/A"
BOOLEANS = {"true": True, "false": False}
QUOTE = '"'
SPECIAL = re.compile(r'[,"\r\n]')


def cells_of(
    row: Row, *, is_guarded: bool, may_overrule: bool = False, is_insert: bool = False
) -> dict[str, str]:
    """Return column → cell of a row."""
    record = record_of(row, is_create=is_insert, is_guarded=is_guarded, may_overrule=may_overrule)
    del record["attributes"]
    return dict(_flat(record))


def _flat(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, _cell(value)


def _cell(value: Any) -> str:
    if value is None or value == "":
        return NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)


def csv_files(
    rows: Sequence[Row],
    external_id_field: str,
    *,
    is_guarded: bool,
    may_overrule: bool = False,
    is_insert: bool = False,
    max_bytes: int = MAX_CSV_BYTES,
) -> Iterator[tuple[list[Row], bytes]]:
    """Yield (rows, CSV) for one job each; every CSV is at most `max_bytes` long.

    Columns are the external id, then the names of all rows in alphabetical order.
    """
    cells = [
        cells_of(row, is_guarded=is_guarded, may_overrule=may_overrule, is_insert=is_insert)
        for row in rows
    ]
    names = sorted({name for row in cells for name in row} - {external_id_field})
    columns = [external_id_field, *names]
    header = _line(columns)
    part: list[Row] = []
    lines = [header]
    size = len(header)
    for row, values in zip(rows, cells, strict=True):
        line = _line([values.get(column, "") for column in columns])
        if part and size + len(line) > max_bytes:
            yield part, b"".join(lines)
            part, lines, size = [], [header], len(header)
        part.append(row)
        lines.append(line)
        size += len(line)
    if part:
        yield part, b"".join(lines)


def _line(values: Sequence[str]) -> bytes:
    # Python's csv writer leaves a lone carriage return unquoted, which would end the record.
    cells = (
        f'"{value.replace(QUOTE, QUOTE * 2)}"' if SPECIAL.search(value) else value
        for value in values
    )
    return (",".join(cells) + "\n").encode(errors="replace")


def read_rows(
    body: bytes, is_header: Callable[[Sequence[str]], bool] = bool
) -> list[dict[str, str]]:
    """Return the records of a result file.

    Raises ValueError when it is no CSV in UTF-8, or another one: every page has a first line.
    """
    reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""))
    try:
        rows = list(reader)
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if reader.fieldnames and not is_header(reader.fieldnames):
        raise ValueError("its first line names other columns")
    return rows


def match_results(
    rows: Sequence[Row],
    external_id_field: str,
    *,
    successful: Sequence[Mapping[str, str]],
    failed: Sequence[Mapping[str, str]],
    unprocessed: Sequence[Mapping[str, str]],
) -> list[RowResult]:
    """Return one result per row, in order. A row in no file, or in two, counts as failed."""
    results: dict[str, RowResult] = {}
    for record in unprocessed:
        error = RowError("UNPROCESSED", "the job ended before this row was tried")
        results[_key(record, external_id_field)] = RowResult(success=False, errors=(error,))
    for record in successful:
        is_created = BOOLEANS.get((record.get("sf__Created") or "").lower())
        told = {"success": True, "id": record.get("sf__Id"), "created": is_created}
        results[_key(record, external_id_field)] = row_result(told, tells_created=True)
    for record in failed:
        error = bulk_error(record.get("sf__Error") or "")
        results[_key(record, external_id_field)] = RowResult(success=False, errors=(error,))
    missing = RowError("RESULT_MISSING", "the job's results do not name this row")
    return [
        results.get(row.external_id.casefold(), RowResult(success=False, errors=(missing,)))
        for row in rows
    ]


def _key(record: Mapping[str, str], external_id_field: str) -> str:
    return (record.get(external_id_field) or "").casefold()
