"""One validation run: post, follow through the topics, read back, compare, clean up.

Each step is judged by what Salesforce has, read by its REST API, against what the mapping makes of
the very bytes that were sent. Records are removed by the ids that were read, children first.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from agents.mapping.apply import Mapped
from agents.mapping.mapping import Mapping
from agents.mapping_preview.predict import row_change
from agents.salesforce.api.client import OrgClient
from agents.salesforce.errors.errors import SalesforceError
from cli.validate.orders import StorySend
from schemas.codec import decode
from schemas.salesforce import Row
from stream.audit.trace import run_trace
from stream.audit.trace_rows import TraceRow, TraceStep
from stream.config import Settings
from stream.errors import StreamError
from stream.signatures.hmac_sha256 import SIGNATURE_HEADER

POLL_SECONDS = 0.5
POST_TIMEOUT_SECONDS = 20.0
OK = 200
FINAL = ("synced", "unchanged", "superseded", "dead")


@dataclass(frozen=True, slots=True)
class WrongField:
    """One field that is not what the mapping says."""

    sobject: str
    field: str
    expected: Any
    found: Any


@dataclass(slots=True)
class ValidationVerdict:
    """What became of one step. `records` are ids by sObject; `problem` is why it failed."""

    name: str
    key: str = ""
    event_id: str = ""
    outcome: str = ""
    attempts: int = 0
    seconds: float = 0.0
    records: dict[str, str] = field(default_factory=dict)
    compared: int = 0
    fitted: list[str] = field(default_factory=list)
    differences: list[WrongField] = field(default_factory=list)
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """Whether Salesforce has what was sent."""
        return not self.problem and not self.differences


@dataclass(slots=True)
class Validation:
    """A run against one pipe and one org. `made` are the ids to remove, parents first."""

    settings: Settings
    mapping: Mapping
    client: OrgClient
    timeout_seconds: float
    made: dict[str, None] = field(default_factory=dict)
    verdicts: dict[str, ValidationVerdict] = field(default_factory=dict)

    async def send(self, step: StorySend, *, url: str, secret: str) -> ValidationVerdict:
        """Send one step and judge it; failures are in the verdict."""
        verdict = self.verdicts[step.name] = ValidationVerdict(step.name)
        began = time.monotonic()
        try:
            verdict.event_id = await post(url, secret, step.body)
            await self.follow(verdict)
            if verdict.outcome != step.outcome:
                verdict.problem = verdict.problem or (
                    f"ended as {verdict.outcome}, expected {step.outcome}"
                )
            else:
                await self.compare(verdict, step.body, is_new=step.is_new_customer)
                verdict.problem = self._kinship(step, verdict)
        except (
            StreamError,
            SalesforceError,
            aiohttp.ClientError,
            TimeoutError,
            ValueError,
        ) as error:
            verdict.problem = str(error) or type(error).__name__
        verdict.seconds = time.monotonic() - began
        return verdict

    async def follow(self, verdict: ValidationVerdict) -> None:
        """Return when the event has its final outcome; raises TimeoutError with the last word."""
        give_up_at = time.monotonic() + self.timeout_seconds
        last: TraceRow | None = None
        while time.monotonic() < give_up_at:
            life = await run_trace(self.settings, verdict.event_id)
            verdict.key = life.key
            rows = [r for r in life.rows if r.event_id == verdict.event_id]
            outcomes = [row for row in rows if row.step is TraceStep.OUTCOME]
            if outcomes:
                last = outcomes[-1]
                verdict.attempts = last.attempt
                if last.outcome in FINAL:
                    verdict.outcome = last.outcome
                    verdict.problem = last.text if last.outcome == "dead" else ""
                    return
            await asyncio.sleep(POLL_SECONDS)
        word = f"its last word is {last.outcome}: {last.text}" if last else "no worker has it"
        raise TimeoutError(f"no outcome after {self.timeout_seconds:.0f} s; {word}")

    async def compare(
        self, verdict: ValidationVerdict, body: bytes, *, is_new: bool, keep: bool = False
    ) -> None:
        """Read every record of the event back and note what differs; `keep`: they are not ours."""
        document = decode(body, identity=self.settings.identity)
        mapped = self.mapping.apply(document, received_at_ms=int(time.time() * 1000))
        verdict.fitted = [text for text in mapped.notes if " cut from " in text]
        found = await self._read(mapped)
        for row, now in zip(mapped.rows, found, strict=True):
            if now is None:
                problem = WrongField(row.sobject, row.external_id_field, row.external_id, None)
                verdict.differences.append(problem)
                continue
            verdict.records.setdefault(row.sobject, str(now["Id"]))
            if not keep:
                self.made.setdefault(str(now["Id"]))
            wanted = {**(row.insert_fields if is_new else {}), **row.fields}
            verdict.compared += len(wanted)
            whole = Row(row.sobject, row.external_id_field, row.external_id, wanted)
            verdict.differences += [
                WrongField(row.sobject, change.name, change.then, change.now)
                for change in row_change(whole, now).changes
            ]
            verdict.differences += _links(wanted, row, now, mapped, found)

    async def _read(self, mapped: Mapped) -> list[dict[str, Any] | None]:
        return [
            await self.client.retrieve(row.sobject, row.external_id_field, row.external_id)
            for row in mapped.rows
        ]

    def _kinship(self, step: StorySend, verdict: ValidationVerdict) -> str:
        """Return what is wrong between this step's records and those of the others."""
        main = self._main(verdict)
        if step.repeats and main != self._main(self.verdicts[step.repeats]):
            return f"is another record than that of: {step.repeats}"
        others = [v for v in self.verdicts.values() if v is not verdict]
        if not step.repeats and main and main in map(self._main, others):
            return "overwrote the record of another order"
        if step.same_account_as:
            before = self.verdicts[step.same_account_as].records.get("Account")
            if before != verdict.records.get("Account"):
                return f"has another Account than: {step.same_account_as}"
        return ""

    @staticmethod
    def _main(verdict: ValidationVerdict) -> str:
        return verdict.records.get("Opportunity") or verdict.records.get("Lead") or ""

    async def clean_up(self) -> list[str]:
        """Delete the records of this run; return what could not be deleted and why."""
        left: list[str] = []
        for record_id in reversed(self.made):
            try:
                (result,) = await self.client.delete([record_id])
            except SalesforceError as error:
                left.append(f"{record_id}: {error.code} {error.message}")
                continue
            if not result.success and result.errors[0].code != "ENTITY_IS_DELETED":
                left.append(f"{record_id}: {result.errors[0].code} {result.errors[0].message}")
        return left


async def post(url: str, secret: str, body: bytes) -> str:
    """Post a signed webhook and return its event id; raises ValueError for another answer."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", SIGNATURE_HEADER: f"sha256={digest}"}
    timeout = aiohttp.ClientTimeout(total=POST_TIMEOUT_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
    ):
        if answer.status != OK:
            text = (await answer.text())[:200]
            raise ValueError(f"{url} answered {answer.status}, expected 200: {text}")
        receipt = await answer.json()
    event_id = receipt.get("event_id") if isinstance(receipt, dict) else None
    if not event_id:
        raise ValueError(f"{url} answered without a receipt: is it an orderstream ingress?")
    return str(event_id)


def _links(
    wanted: dict[str, Any],
    row: Row,
    now: dict[str, Any],
    mapped: Mapped,
    found: Sequence[dict[str, Any] | None],
) -> list[WrongField]:
    """Return the links that lead to another record than the one of this event."""
    wrong = []
    for name, link in wanted.items():
        if not isinstance(link, dict):
            continue
        key = str(next(iter(link.values()))).casefold()
        for parent, record in zip(mapped.rows, found, strict=True):
            is_it = parent.sobject == name and parent.external_id.casefold() == key
            if is_it and record is not None and now.get(f"{name}Id") != record["Id"]:
                wrong.append(
                    WrongField(row.sobject, f"{name}Id", record["Id"], now.get(f"{name}Id"))
                )
    return wrong
