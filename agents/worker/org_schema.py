"""What the worker knows of the org: field lengths, picklists, and where the stale guard is on.

Asked by `describe` before the first write and again every hour, because administrators change
orgs while workers run; sooner when the org refuses what fits its last answer. While the org cannot
be asked nothing is written: without its answer the worker would not know whether the org refuses
stale writes. An old answer is better than none.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import structlog

from agents.mapping.mapping import Mapping as RecordMapping
from agents.mapping_preview.describe import ask_features
from agents.pacing.stall_clock import Progress
from agents.pacing.system_failure import reason_of
from agents.salesforce.api.client import OrgClient
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.answers import bad_answer
from agents.worker.shutdown import Shutdown
from stream.errors import FrozenError
from stream.ops.alerts import Alert, Alerts

log = structlog.get_logger()

FRESH_SECONDS = 3600.0
DOUBTED_SECONDS = 300.0  # a describe of each sObject in so long is little of the day's calls
RECENT_SECONDS = 20.0  # less than the first retry tier's delay: once, for who was in flight
FINAL = frozenset({ErrorKind.CONFIG, ErrorKind.PERMANENT, ErrorKind.UNKNOWN})
FAILURES_OF_AN_OUTAGE = 3
STANDARD_PRICEBOOK = "SELECT Id FROM Pricebook2 WHERE IsStandard = true LIMIT 1"


async def standard_pricebook(client: OrgClient, mapping: RecordMapping) -> str:
    """Return the id of the org's standard price book; '' when the mapping has no line items.

    Raises SalesforceError, also when the org shows none.
    """
    if mapping.lines is None:
        return ""
    found = [record async for record in client.query(STANDARD_PRICEBOOK)]
    if not found:
        raise SalesforceError(
            "the org shows no standard price book",
            kind=ErrorKind.CONFIG,
            code="NO_STANDARD_PRICEBOOK",
            fix="Activate it (Setup > Products > Price Books) and let the user read price books.",
        )
    return str(found[0]["Id"])


class OrgSchema:
    """Gives out the mapping, refined by what the org says of its fields."""

    def __init__(
        self,
        *,
        client: OrgClient,
        mapping: RecordMapping,
        alerts: Alerts,
        life: Shutdown,
        progress: Progress,
        probe_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._plain = mapping
        self._alerts = alerts
        self._refined: RecordMapping | None = None
        self._life = life
        self._progress = progress
        self._probe_seconds = probe_seconds
        self._clock = clock
        self._asked_at = self._doubted_at = float("-inf")
        self._asking = asyncio.Lock()
        self._asked_for = ""

    async def mapping(self) -> RecordMapping | None:
        """Return the refined mapping; None when the wait for the org was interrupted."""
        if self._clock() - self._asked_at > FRESH_SECONDS:
            is_second = self._asking.locked()
            async with self._asking:  # several batches are in flight; one asks for all
                if is_second and self._life.interrupt.is_set:
                    return self._refined
                return await self._fresh()
        return self._refined

    def doubt(self) -> bool:
        """Note that the org refuses what it said it takes; return whether it may say otherwise.

        An answer of the last minutes is believed: who is refused all the same pays for it. But who
        was mapped just before it came is refused by the one before.
        """
        now = self._clock()
        age = now - self._asked_at
        if age > DOUBTED_SECONDS and now - self._doubted_at > DOUBTED_SECONDS:
            self._asked_at, self._doubted_at = float("-inf"), now
        return age > DOUBTED_SECONDS or age < RECENT_SECONDS

    async def _fresh(self) -> RecordMapping | None:
        failures = 0
        while self._clock() - self._asked_at > FRESH_SECONDS:
            try:
                await self._ask_well()
            except SalesforceError as error:
                log.warning("org_not_described", code=error.code, detail=str(error))
                if self._refined is not None:
                    self._asked_at = self._clock() - FRESH_SECONDS + self._probe_seconds
                    break
                failures += 1
                self._tell(error, failures)
                with self._progress.waiting("describe"):
                    await self._life.pause(self._probe_seconds * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load only
                if self._life.interrupt.is_set:
                    return None
        if failures:
            self._alerts.resolve(Alert.WRITES_HELD)
        return self._refined

    def _tell(self, error: SalesforceError, failures: int) -> None:
        """Let somebody know who waits for the first answer; of a login others tell."""
        is_lasting = error.kind in FINAL or failures >= FAILURES_OF_AN_OUTAGE
        if error.kind is not ErrorKind.AUTH and is_lasting:
            detail = f"{self._asked_for}, so nothing is written: {reason_of(error)}"
            self._alerts.fire(Alert.WRITES_HELD, detail)

    async def _ask_well(self) -> None:
        """Ask; an answer of an unforeseen shape is one that failed.

        A bug over it, too: it would be everybody's, and no event's.
        """
        try:
            await self._ask()
        except (SalesforceError, FrozenError):
            raise
        except Exception as error:
            raise bad_answer(f"a describe that cannot be read: {error!r}") from error

    async def _ask(self) -> None:
        describes = {}
        for name in self._plain.sobjects:
            self._asked_for = f"{name} cannot be described (may the user see it?)"
            describes[name] = await self._client.describe(name)
        self._asked_for = "what else the mapping needs cannot be read"
        features = await ask_features(self._client, describes)
        self._refined = self._plain.refined(
            describes,
            standard_pricebook=await standard_pricebook(self._client, self._plain),
            only_currency=features.only_currency,
        )
        guarded = self._client.guard_from(describes)
        self._asked_at = self._clock()
        log.info("org_described", sobjects=list(describes), guarded=sorted(guarded))
