"""Works bulk jobs off in the background, while the API already answers 'UploadComplete'.

Rows are written in chunks of 200, each in one go, with a breath between them: other calls are
served meanwhile, and an abort takes effect between two chunks.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.bulk.jobs import Job, Operation, State, as_record, check_columns
from sandbox.salesforce.errors import RecordError, RequestError
from sandbox.salesforce.faults.faults import Faults
from sandbox.salesforce.query.search import Search
from sandbox.salesforce.query.soql import parse
from sandbox.salesforce.records.dml import Call, Dml, RowOutcome
from sandbox.salesforce.records.records import Store, Table, index_key, record_id
from sandbox.salesforce.settings import Settings

CHUNK_ROWS = 200
BATCH_ROWS = 10_000  # the platform's internal batch, counted against the day's batches


@dataclass(slots=True)
class Bulk:
    """All jobs of the org and the tasks that work them off."""

    settings: Settings
    store: Store
    dml: Dml
    faults: Faults
    new_call: Callable[[float], Call]
    finish: Callable[[Call], None]
    jobs: dict[str, Job] = field(default_factory=dict)
    batches_used: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def new_id(self) -> str:
        return record_id("750", next(self._numbers))

    def start(self, job: Job) -> None:
        """Begin to work the job off; returns at once."""
        task = asyncio.get_running_loop().create_task(self._work(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Drop all work: the org is reset or shut down."""
        for task in self._tasks:
            task.cancel()

    async def _work(self, job: Job) -> None:
        await asyncio.sleep(self.settings.bulk_delay_ms / 1000)
        if job.state is State.ABORTED:
            return
        job.state, began = State.IN_PROGRESS, time.monotonic()
        try:
            self._fail_as_injected(job)
            if job.is_query:
                self._answer_query(job)
            else:
                await self._write_all(job)
        except (ValueError, RequestError) as error:
            job.state = State.FAILED
            job.error = error.message if isinstance(error, RequestError) else str(error)
        else:
            job.state = State.ABORTED if job.state is State.ABORTED else State.JOB_COMPLETE
        job.processing_ms = int((time.monotonic() - began) * 1000)

    def _fail_as_injected(self, job: Job) -> None:
        message = self.faults.job_failure(job.sobject)
        if message is not None:
            raise ValueError(message)

    def _answer_query(self, job: Job) -> None:
        rows = Search(self.store, parse(job.query), "").rows()
        flat = [_flat(row) for row in rows]
        job.header = list(flat[0]) if flat else [c.path for c in parse(job.query).columns]
        job.lines = [[_cell(row.get(name)) for name in job.header] for row in flat]

    async def _write_all(self, job: Job) -> None:
        await asyncio.to_thread(job.read_rows)
        table = self.store.tables[job.sobject]
        check_columns(table, job.header, has_id=job.operation is not Operation.INSERT)
        self.batches_used += -(-len(job.rows) // BATCH_ROWS)
        for start in range(0, len(job.rows), CHUNK_ROWS):
            chunk = job.rows[start : start + CHUNK_ROWS]
            self._write_chunk(job, table, chunk)
            await asyncio.sleep(self.settings.bulk_per_row_ms * len(chunk) / 1000)
            if job.state is State.ABORTED:
                return

    def _write_chunk(self, job: Job, table: Table, chunk: list[list[str]]) -> None:
        call = self.new_call(job.api_version)
        records = [as_record(job.header, row, table) for row in chunk]
        keys = Counter(index_key(record.get(job.key_field)) for record in records)
        for record in records:
            key = index_key(record.get(job.key_field))
            if job.key_field and key is not None and keys[key] > 1:
                text = f"Duplicate external id specified: {key}"
                errors = [RecordError("DUPLICATE_VALUE", text, [job.key_field])]
                outcome = RowOutcome(errors=errors)
            else:
                outcome = self._write_row(job, call, table, record)
            language = self.settings.language
            errors_text = "; ".join(error.for_csv(language) for error in outcome.errors)
            job.results.append((outcome.id, outcome.is_created, errors_text))
        self.finish(call)

    def _write_row(self, job: Job, call: Call, table: Table, record: dict[str, Any]) -> RowOutcome:
        """Write one row; what would refuse a whole JSON request is here an error of the row."""
        try:
            return _WRITERS[job.operation](self.dml, call, table, record, job.key_field)
        except RequestError as error:
            return RowOutcome(errors=[RecordError(error.code, error.message, error.fields or [])])


WriteRecord = Callable[[Dml, Call, Table, dict[str, Any], str], RowOutcome]


def _insert(dml: Dml, call: Call, table: Table, record: dict[str, Any], _key: str) -> RowOutcome:
    return dml.create(call, table, dml.prepare(table, record, is_row=True), record)


def _upsert(dml: Dml, call: Call, table: Table, record: dict[str, Any], key: str) -> RowOutcome:
    item = table.sobject.find(key)
    assert item is not None  # the job was checked when it was created
    return dml.upsert(call, table, item, dml.prepare(table, record, is_row=True), record)


def _update(dml: Dml, call: Call, table: Table, record: dict[str, Any], _key: str) -> RowOutcome:
    known, fields = _split_id(record)
    return dml.update(call, table, known, dml.prepare(table, fields, is_row=True), fields)


def _delete(dml: Dml, call: Call, table: Table, record: dict[str, Any], _key: str) -> RowOutcome:
    known, _ = _split_id(record)
    return dml.delete(call, table, known)


_WRITERS: dict[Operation, WriteRecord] = {
    Operation.INSERT: _insert,
    Operation.UPSERT: _upsert,
    Operation.UPDATE: _update,
    Operation.DELETE: _delete,
}


def _split_id(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    fields = {name: value for name, value in record.items() if name.lower() != "id"}
    known = next((value for name, value in record.items() if name.lower() == "id"), "")
    return known, fields


def _flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a query row with dotted names for what belongs to parents."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name == "attributes":
            continue
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
