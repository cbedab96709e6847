"""Bulk API 2.0 jobs: what they are, and how the CSV of one is read and answered.

```
Open → UploadComplete → InProgress → JobComplete | Failed        any of the first two → Aborted
```
Rows go through the same rules as REST. `JobComplete` says nothing about the rows: read the counts
and the failed results. An unknown column fails the whole job, and nothing is processed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.records.records import Table
from sandbox.salesforce.records.schema import Field

MAX_JOB_BYTES = 100_000_000  # the documented 100 MB of raw data
NULL_CELL = "#N/A"

LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
DELIMITERS = {
    "COMMA": ",",
    "SEMICOLON": ";",
    "TAB": "\t",
    "PIPE": "|",
    "CARET": "^",
    "BACKQUOTE": "`",
}


class State(StrEnum):
    OPEN = "Open"
    UPLOAD_COMPLETE = "UploadComplete"
    IN_PROGRESS = "InProgress"
    JOB_COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"

    @property
    def is_over(self) -> bool:
        return self in (State.JOB_COMPLETE, State.FAILED, State.ABORTED)


class Operation(StrEnum):
    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"
    QUERY = "query"
    QUERY_ALL = "queryAll"


@dataclass(slots=True)
class Job:
    """One job. `results` are (row as read, record id, created?, error text) in row order."""

    id: str
    operation: Operation
    sobject: str
    key_field: str
    line_ending: str
    delimiter: str
    created_at: str
    api_version: float
    state: State = State.OPEN
    error: str = ""
    data: bytes = b""
    query: str = ""
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    results: list[tuple[str, bool, str]] = field(default_factory=list)
    lines: list[list[str]] = field(default_factory=list)
    processing_ms: int = 0

    @property
    def is_query(self) -> bool:
        return self.operation in (Operation.QUERY, Operation.QUERY_ALL)

    def as_json(self, base: str) -> dict[str, Any]:
        """Return the job as GET answers it."""
        failed = sum(bool(error) for _, _, error in self.results)
        kind = "query" if self.is_query else "ingest"
        shown: dict[str, Any] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.sobject,
            "createdById": "005Os0000000001AAA",
            "createdDate": self.created_at,
            "systemModstamp": self.created_at,
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": self.api_version,
            "jobType": "V2Query" if self.is_query else "V2Ingest",
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
            "numberRecordsProcessed": len(self.lines) if self.is_query else len(self.results),
            "retries": 0,
            "totalProcessingTime": self.processing_ms,
        }
        if self.is_query:
            return shown
        shown["numberRecordsFailed"] = failed
        shown["apexProcessingTime"] = shown["apiActiveProcessingTime"] = 0
        if self.state is State.OPEN:
            shown["contentUrl"] = f"{base.removeprefix('/')}/jobs/{kind}/{self.id}/batches"
        if self.key_field:
            shown["externalIdFieldName"] = self.key_field
        if self.error:
            shown["errorMessage"] = self.error
        return shown

    def read_rows(self) -> None:
        """Parse the uploaded CSV; raises ValueError with the job's error message."""
        try:
            text = self.data.decode("utf-8-sig")
            stream = io.StringIO(text, newline="")
            parsed = csv.reader(stream, delimiter=DELIMITERS[self.delimiter], strict=True)
            lines = [line for line in parsed if line]
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"InvalidBatch : Failed to parse CSV: {error}") from None
        if not lines:
            raise ValueError("InvalidBatch : The 'batch' is empty")
        self.header, self.rows = lines[0], lines[1:]

    def successful(self) -> bytes:
        """Return the CSV of rows written: sf__Id, sf__Created, then the row as it was sent."""
        rows = (
            [record_id, str(is_created).lower(), *row]
            for row, (record_id, is_created, error) in zip(self.rows, self.results, strict=False)
            if not error
        )
        return self._csv(["sf__Id", "sf__Created", *self.header], rows)

    def failed(self) -> bytes:
        """Return the CSV of rows refused: sf__Id, sf__Error, then the row as it was sent."""
        rows = (
            [record_id, error, *row]
            for row, (record_id, _, error) in zip(self.rows, self.results, strict=False)
            if error
        )
        return self._csv(["sf__Id", "sf__Error", *self.header], rows)

    def unprocessed(self) -> bytes:
        """Return the CSV of rows the job never came to (aborted, failed)."""
        return self._csv(self.header, self.rows[len(self.results) :])

    def page(self, start: int, count: int) -> bytes:
        """Return `count` rows of a query job's answer from `start`, with the header."""
        return self._csv(self.header, self.lines[start : start + count])

    def _csv(self, header: list[str], rows: Iterable[list[str]]) -> bytes:
        stream = io.StringIO(newline="")
        writer = csv.writer(
            stream,
            delimiter=DELIMITERS[self.delimiter],
            lineterminator=LINE_ENDINGS[self.line_ending],
            quoting=csv.QUOTE_ALL,
        )
        writer.writerow(header)
        writer.writerows(rows)
        return stream.getvalue().encode()


def check_columns(table: Table, header: list[str], *, has_id: bool) -> None:
    """Raise ValueError with the job's error message when a column is not the object's."""
    for name in header:
        if has_id and name.lower() == "id":
            continue
        relationship, _, parent_field = name.partition(".")
        if parent_field:
            reference = table.sobject.reference_named(relationship)
            if reference is None:
                raise ValueError(f"InvalidBatch : Field name not found : {name}")
        elif table.sobject.find(name) is None:
            raise ValueError(f"InvalidBatch : Field name not found : {name}")


def as_record(header: list[str], row: list[str], table: Table) -> dict[str, Any]:
    """Return a CSV row as a JSON record: empty cells are left out, `#N/A` is null.

    `Account.Magento_Customer_Key__c` becomes the nested object REST would have been sent.
    """
    record: dict[str, Any] = {}
    for name, cell in zip(header, row, strict=False):
        if cell == "":
            continue
        value = None if cell == NULL_CELL else cell
        relationship, _, parent_field = name.partition(".")
        if not parent_field:
            record[name] = value
        elif value is None:
            record[_reference(table, relationship).name] = None
        else:
            record[relationship] = {parent_field: value}
    return record


def _reference(table: Table, relationship: str) -> Field:
    item = table.sobject.reference_named(relationship)
    if item is None:
        raise RequestError(400, "INVALID_FIELD", f"no relationship {relationship}")
    return item
