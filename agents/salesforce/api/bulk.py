"""Bulk API 2.0 for large backlogs: minutes of latency, a few calls for any number of rows.

The REST endpoints by our own session, not simple-salesforce's `bulk2`: that one blocks between
polls, does not survive an expired token, returns counts instead of rows and orders columns by a
set. A job is over only when its three result files are read: nobody acknowledges an event before.
A job that cannot be finished is aborted; its rows are repeated by external id, which is safe.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from agents.salesforce.api.bulk_csv import csv_files, match_results, read_rows
from agents.salesforce.api.caller import Caller
from agents.salesforce.api.org_session import OrgApi
from agents.salesforce.api.send_right import asked_before_requests
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.errors import JobFailedError, SalesforceError, classify_job
from agents.salesforce.http.answers import bad_answer, bulk_error
from agents.salesforce.interrupt import Interrupt
from schemas.salesforce import Row, RowError, RowResult
from stream.ops.background import set_within

log = structlog.get_logger()

FIRST_POLL_SECONDS = 1.0
LONGEST_POLL_SECONDS = 30.0
PATIENCE_SECONDS = 600.0  # of failing polls before a job is given up
# Without a row or a state more. One batch of a job may take ten minutes (Bulk API limits).
STANDSTILL_SECONDS = 900.0
ABORT_SECONDS = 5.0
TRANSFER_SECONDS = 600.0  # of one file of up to 100 MB, either way
NOTHING = (None, 0, "0", "")
RUNNING = ("Open", "UploadComplete", "InProgress")
CSV_HEADERS = {"Content-Type": "text/csv; charset=UTF-8"}
RESULT_HEADERS = {"Accept": "text/csv"}


@dataclass(frozen=True)
class Pace:
    """How often a job is asked after, and how long through failures."""

    first_poll_seconds: float = FIRST_POLL_SECONDS
    longest_poll_seconds: float = LONGEST_POLL_SECONDS
    patience_seconds: float = PATIENCE_SECONDS
    standstill_seconds: float = STANDSTILL_SECONDS
    clock: Callable[[], float] = time.monotonic

    def pauses(self) -> Iterator[float]:
        pause = self.first_poll_seconds
        while True:
            yield pause
            pause = min(self.longest_poll_seconds, pause * 1.5)


class BulkUpsert:
    """Runs jobs one after the other, each to its end."""

    def __init__(self, caller: Caller, pace: Pace | None = None) -> None:
        self._caller = caller
        self._pace = pace or Pace()

    async def run(
        self,
        sobject: str,
        external_id_field: str,
        rows: Sequence[Row],
        *,
        is_guarded: bool,
        may_overrule: bool = False,
        is_insert: bool = False,
        interrupt: Interrupt | None = None,
    ) -> list[RowResult]:
        """Return one result per row, in order, once every job's results are read.

        Of rows with the same identity only the first is sent, as the platform would refuse both.
        """
        first = {row.identity: row for row in reversed(rows)}
        unique = [row for row in rows if first[row.identity] is row]
        found: dict[int, RowResult] = {}
        files = csv_files(
            unique,
            external_id_field,
            is_guarded=is_guarded,
            may_overrule=may_overrule,
            is_insert=is_insert,
        )
        for part, body in files:
            job = _Job(
                self._caller,
                self._pace,
                sobject,
                external_id_field,
                interrupt or Interrupt(),
                is_insert,
            )
            results = await job.run(part, body)
            found.update(zip(map(id, part), results, strict=True))
        return [found.get(id(row), _duplicate(row)) for row in rows]


@dataclass
class _Job:
    """One job from creation to its results."""

    caller: Caller
    pace: Pace
    sobject: str
    external_id_field: str
    interrupt: Interrupt
    is_insert: bool = False
    id: str = ""

    async def run(self, rows: Sequence[Row], body: bytes) -> list[RowResult]:
        self.id = await self._create()
        log.info("bulk_job_created", job=self.id, sobject=self.sobject, rows=len(rows))
        try:
            await self._upload(body)
            state = await self._finished()
            _raise_if_nothing_was_read(state)
            results = await self._results(rows)
        except BaseException:
            await self._abort()
            raise
        refused = sum(not result.success for result in results)
        log.info("bulk_job_done", job=self.id, state=state.get("state"), refused=refused)
        return results

    async def _create(self) -> str:
        job = {
            "object": self.sobject,
            "operation": "insert" if self.is_insert else "upsert",
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        if not self.is_insert:
            job["externalIdFieldName"] = self.external_id_field
        answer = await self.caller.json("POST", "jobs/ingest", job)
        job_id = answer.get("id") if isinstance(answer, dict) else None
        if not isinstance(job_id, str) or not job_id.isalnum():
            raise bad_answer("the answer to a new Bulk job holds no id")
        return job_id

    async def _upload(self, body: bytes) -> None:
        path = f"jobs/ingest/{self.id}/batches"

        def work(org: OrgApi) -> None:
            org.send("PUT", path, data=body, headers=CSV_HEADERS, timeout_seconds=TRANSFER_SECONDS)

        await self.caller.call("bulk_upload", work, timeout_seconds=TRANSFER_SECONDS)

    async def _finished(self) -> dict[str, Any]:
        """Return the job's info once it is over. Closes it as long as it is open."""
        seen, since = None, self.pace.clock()
        for pause in self.pace.pauses():
            info = await self._patiently(self._ask)
            if info["state"] not in RUNNING:
                return dict(info)
            if (now_seen := (info["state"], info.get("numberRecordsProcessed"))) != seen:
                seen, since = now_seen, self.pace.clock()
            elif self.pace.clock() - since > self.pace.standstill_seconds:
                raise _stands_still(info)
            log.debug("bulk_job", job=self.id, state=info["state"], pause_seconds=pause)
            await self._wait(pause)
        raise AssertionError("pauses never end")

    async def _ask(self) -> dict[str, Any]:
        info = await self.caller.json("GET", f"jobs/ingest/{self.id}")
        if not isinstance(info, dict) or not isinstance(info.get("state"), str):
            raise bad_answer("a Bulk job without state")
        if info["state"] == "Open":
            await self.caller.json("PATCH", f"jobs/ingest/{self.id}", {"state": "UploadComplete"})
        return info

    async def _results(self, rows: Sequence[Row]) -> list[RowResult]:
        files = {
            name: await self._patiently(lambda path=path: self._file(path))  # type: ignore[misc]  # mypy does not infer a lambda with a default
            for name, path in (
                ("successful", "successfulResults"),
                ("failed", "failedResults"),
                ("unprocessed", "unprocessedrecords"),
            )
        }
        return match_results(rows, self.external_id_field, **files)

    async def _file(self, name: str) -> list[dict[str, str]]:
        path = f"jobs/ingest/{self.id}/{name}"

        def work(org: OrgApi) -> bytes:
            return org.send(
                "GET", path, headers=RESULT_HEADERS, timeout_seconds=TRANSFER_SECONDS
            ).content

        body = await self.caller.call("bulk_results", work, timeout_seconds=TRANSFER_SECONDS)
        try:
            return read_rows(body, lambda names: self.external_id_field in names)
        except ValueError as error:
            raise bad_answer(f"{name} is no CSV: {error}", body_kind="text") from None

    async def _patiently(self, read: Callable[[], Any]) -> Any:
        """Return what `read` returns, repeating it through outages: the job goes on meanwhile."""
        deadline = self.pace.clock() + self.pace.patience_seconds
        for pause in self.pace.pauses():
            try:
                return await read()
            except SalesforceError as error:
                is_lasting = error.kind in {ErrorKind.PERMANENT, ErrorKind.CONFIG}
                if is_lasting or self.interrupt.is_set or self.pace.clock() > deadline:
                    raise
                await self._wait(max(pause, min(error.retry_after_seconds or 0.0, 60.0)))
        raise AssertionError("pauses never end")

    async def _wait(self, seconds: float) -> None:
        """Wait; an interrupt ends it with a SalesforceError."""
        woken = asyncio.Event()
        self.interrupt.listeners.append(woken.set)
        try:
            if not self.interrupt.is_set:
                await set_within(woken, seconds)
        finally:
            self.interrupt.listeners.remove(woken.set)
        if self.interrupt.is_set:
            raise SalesforceError(
                f"Bulk job {self.id} was given up: {self.interrupt.reason}",
                kind=ErrorKind.TRANSIENT,
                code="INTERRUPTED",
                advice=Advice.OTHER_API,  # no outage, and no other job is begun
                is_outcome_unknown=True,
            )

    async def _abort(self) -> None:
        """Ask Salesforce to stop the job; it is given up whether that works or not."""
        try:
            # Whoever owns the partitions now: a job that runs on would write over the new owner's.
            with asked_before_requests():
                async with asyncio.timeout(ABORT_SECONDS):
                    path = f"jobs/ingest/{self.id}"
                    await self.caller.json("PATCH", path, {"state": "Aborted"})
            log.warning("bulk_job_aborted", job=self.id)
        except (SalesforceError, TimeoutError) as error:
            log.warning("bulk_job_left", job=self.id, error=type(error).__name__)


def _raise_if_nothing_was_read(state: Mapping[str, Any]) -> None:
    if state.get("state") == "Failed" and state.get("numberRecordsProcessed") in NOTHING:
        raise job_failed(state)


def job_failed(state: Mapping[str, Any]) -> JobFailedError:
    """Return the error of a job's info that says it came to nothing."""
    error = bulk_error(str(state.get("errorMessage") or ""))
    verdict = classify_job(error.code)
    return JobFailedError(
        f"the Bulk job ended as {state.get('state')}: {error.message}",
        fields=error.fields,
        **asdict(verdict),
    )


def _stands_still(info: Mapping[str, Any]) -> JobFailedError:
    return JobFailedError(
        f"the Bulk job stands still in state {info['state']}",
        **asdict(classify_job("UNPROCESSED")),
    )


def _duplicate(row: Row) -> RowResult:
    error = RowError("DUPLICATE_VALUE", f"Duplicate external id specified: {row.external_id}")
    return RowResult(success=False, errors=(error,))
