"""The handler: a batch of events in, one decision per event out. It never raises.

In Faust an exception that leaves the agent is an acked, lost message, so every failure here is a
value (design.md, invariant 3). Only FrozenError passes: then the process must end uncommitted.

    decode → settle → newest per order → version guard → map → dispatch → decide
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from agents.bundle import (
    Bundle,
    BundleOutcome,
    Dispatcher,
    ErrorKind,
    NotSent,
    Priority,
    Refused,
    Stale,
    Written,
)
from agents.decision import Decision, Notes, done, error_of, failed, parked
from agents.intake import Item, take_in
from agents.journal import MAX_CRASHES, CrashJournal
from agents.mapping.apply import Mapped
from agents.mapping.rules import Mapping as RecordMapping
from agents.settling import Settling
from agents.versions import Verdict, judge
from schemas.codec import DecodeError
from schemas.event import Envelope, ErrorInfo, Kind, Via
from schemas.result import Outcome
from schemas.state import State
from stream.errors import FrozenError, MappingError
from stream.retry_policy import RetryPolicy
from stream.topics import Topics

log = structlog.get_logger()

# Kinds of refusal that time may cure; everything else is for a person.
RETRIED = frozenset(
    {ErrorKind.TRANSIENT, ErrorKind.LOCK, ErrorKind.ORDERING, ErrorKind.CONCURRENCY}
)

PRIORITIES = {
    Via.LIVE: Priority.LIVE,
    Via.REQUEUE: Priority.REPLAY,
    Via.REPLAY: Priority.REPLAY,
    Via.BACKFILL: Priority.BACKFILL,
}


def now_ms() -> int:
    """Return unix milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Handler:
    """Decides what becomes of events. Everything it needs is injected."""

    org_mapping: Callable[[], Awaitable[RecordMapping | None]]
    dispatcher: Dispatcher
    get_state: Callable[[int, bytes], State | None]
    check_alive: Callable[[], None]
    topics: Topics
    worker: str = ""
    instance: str = ""
    debounce_ms: int = 0
    settling: Settling = field(default_factory=lambda: Settling(max_ms=0))
    journal: CrashJournal | None = None
    clock_ms: Callable[[], int] = now_ms

    async def handle(self, envelopes: Sequence[Envelope]) -> list[Decision]:
        """Return one decision per envelope (order not kept). Raises FrozenError only."""
        decisions: list[Decision] = []
        items = self._decode(envelopes, decisions)
        items = self._settle(items, decisions)
        items, contested = self._newest(items, decisions)
        items = self._guard(items, contested, decisions)
        if not items:
            return decisions
        mapping = await self.org_mapping()
        if mapping is None:
            waits = NotSent(reason="Salesforce could not be asked for its fields")
            decisions += [self._not_sent(item, waits, self.clock_ms(), Notes()) for item in items]
            return decisions
        mapped = self._map(mapping, items, decisions)
        if mapped:
            await self._dispatch(mapped, mapping.version, decisions)
        return decisions

    def _decode(self, envelopes: Sequence[Envelope], decisions: list[Decision]) -> list[Item]:
        items = []
        for envelope in envelopes:
            if self.journal and envelope.origin and self.journal.is_condemned(envelope.origin):
                decisions.append(self._dead(envelope, "WORKER_CRASHED", _CRASHED))
                continue
            try:
                item = take_in(envelope, instance=self.instance)
            except DecodeError as error:
                decisions.append(self._dead(envelope, "DECODE_ERROR", str(error)))
            except Exception as error:  # noqa: BLE001 - a bug costs this event only
                decisions.append(self._bug(envelope, error))
            else:
                if item.document.is_ignored:
                    reason = f"event {item.document.event} is not mapped"
                    decisions.append(self._done(item, Outcome.UNCHANGED, reason))
                else:
                    items.append(item)
        return items

    def _settle(self, items: list[Item], decisions: list[Decision]) -> list[Item]:
        """Park fresh live orders while debounce is on; let overtaken returning ones go."""
        if not self.debounce_ms:
            return items
        rest = []
        for item in items:
            now = self.clock_ms()
            if _is_fresh(item):
                self.settling.park(item.key, item.candidate.order, now)
                says = Notes(reason="waits for its order to settle", worker=self.worker)
                decisions.append(
                    parked(item.envelope, self.topics.settle, self.debounce_ms, now, says)
                )
            elif self.settling.is_overtaken(item.key, item.candidate.order, now):
                reason = "a newer event of this order is settling"
                decisions.append(self._done(item, Outcome.SUPERSEDED, reason))
            else:
                rest.append(item)
        return rest

    def _newest(
        self, items: list[Item], decisions: list[Decision]
    ) -> tuple[list[Item], set[bytes]]:
        """Keep the newest event of each order, and name the orders whose content was contested.

        Contested: another content of the same order was in this batch. It may be a redelivery of
        what a killed worker had already written, so 'unchanged' cannot be trusted for them.
        """
        newest: dict[bytes, Item] = {}
        contested: set[bytes] = set()
        for item in items:
            held = newest.get(item.key)
            newer, older = (held, item) if held and item.order < held.order else (item, held)
            newest[item.key] = newer
            if older is not None:
                if older.candidate.digest != newer.candidate.digest:
                    contested.add(item.key)
                reason = "a newer event of this order is in the same batch"
                decisions.append(self._done(older, Outcome.SUPERSEDED, reason))
        return list(newest.values()), contested

    def _guard(
        self, items: list[Item], contested: set[bytes], decisions: list[Decision]
    ) -> list[Item]:
        rest = []
        for item in items:
            state = self.get_state(item.origin.partition, item.key)
            verdict = judge(state, item.candidate)
            if verdict is Verdict.SUPERSEDED:
                reason = "Salesforce has a newer state of this order"
                decisions.append(self._done(item, Outcome.SUPERSEDED, reason))
            elif verdict is Verdict.SEND or item.key in contested:
                rest.append(item)
            else:
                decisions.append(self._unchanged(item, state))
        return rest

    def _unchanged(self, item: Item, state: State | None) -> Decision:
        is_newer = state is not None and item.candidate.version > state.version
        says = Notes(
            reason="the same content is in Salesforce",
            worker=self.worker,
            ids=state.ids if state else {},
        )
        return done(
            item.envelope,
            Outcome.UNCHANGED,
            self.clock_ms(),
            says,
            state=item.new_state(state, {}) if is_newer else None,
        )

    def _map(
        self, mapping: RecordMapping, items: list[Item], decisions: list[Decision]
    ) -> list[tuple[Item, Mapped]]:
        mapped = []
        for item in items:
            try:
                mapped.append(
                    (
                        item,
                        mapping.apply(item.document, received_at_ms=item.envelope.received_at_ms),
                    )
                )
            except MappingError as error:
                decisions.append(
                    self._dead(item.envelope, "MAPPING_ERROR", str(error), fields=error.fields)
                )
            except Exception as error:  # noqa: BLE001 - a bug costs this event only
                decisions.append(self._bug(item.envelope, error))
        return mapped

    async def _dispatch(
        self, mapped: list[tuple[Item, Mapped]], version: str, decisions: list[Decision]
    ) -> None:
        bundles = [
            Bundle(
                key=item.envelope.key,
                rows=records.rows,
                lock_key=records.lock_key,
                priority=PRIORITIES[item.envelope.via],
            )
            for item, records in mapped
        ]
        try:
            outcomes = await self.dispatcher.send(bundles, check_alive=self.check_alive)
        except FrozenError:
            raise
        except Exception as error:
            log.exception("dispatch_bug", bundles=len(bundles))
            outcomes = [NotSent(reason=f"a bug in the dispatcher: {error!r}")] * len(bundles)
        for (item, records), outcome in zip(mapped, outcomes, strict=True):
            decisions.append(self._decide(item, records, outcome, version))

    def _decide(
        self, item: Item, records: Mapped, outcome: BundleOutcome, version: str
    ) -> Decision:
        now = self.clock_ms()
        says = Notes(notes=records.notes, mapping_version=version, worker=self.worker)
        match outcome:
            case Written(ids=ids, created=created, notes=notes):
                before = self.get_state(item.origin.partition, item.key)
                says = Notes(
                    notes=(*says.notes, *notes),
                    mapping_version=says.mapping_version,
                    worker=says.worker,
                    ids=ids,
                    created=created,
                )
                state = item.new_state(before, ids)
                return done(item.envelope, Outcome.SYNCED, now, says, state=state)
            case Stale():
                says = Notes(
                    reason="the org refused it: it holds a newer state", worker=self.worker
                )
                return done(item.envelope, Outcome.SUPERSEDED, now, says)
            case Refused():
                decision = failed(
                    item.envelope,
                    error_of(outcome),
                    now,
                    says,
                    policy=RetryPolicy(self.topics),
                    topics=self.topics,
                    may_retry=outcome.kind in RETRIED,
                )
                return self._in_doubt(item, decision)
            case NotSent():
                return self._in_doubt(item, self._not_sent(item, outcome, now, says))

    def _in_doubt(self, item: Item, decision: Decision) -> Decision:
        """Mark the order's state as in doubt: part of a failed event may have been written.

        Without it, a later save that restores the old content (hold, then unhold) would be taken
        for 'unchanged' while Salesforce has the content in between.
        """
        state = self.get_state(item.origin.partition, item.key)
        if state is None or not state.digest:
            return decision
        return dataclasses.replace(decision, state=dataclasses.replace(state, digest=""))

    def _not_sent(self, item: Item, outcome: NotSent, now: int, says: Notes) -> Decision:
        if outcome.is_given_up:
            return self._dead(item.envelope, "BREAKER_OPEN", outcome.reason)
        tier = self.topics.retry_tiers[0]
        waits = Notes(
            reason=outcome.reason, worker=self.worker, mapping_version=says.mapping_version
        )
        return parked(item.envelope, tier, self.topics.tier_delay_ms(tier), now, waits)

    def _done(self, item: Item, outcome: Outcome, reason: str) -> Decision:
        return done(
            item.envelope, outcome, self.clock_ms(), Notes(reason=reason, worker=self.worker)
        )

    def _bug(self, envelope: Envelope, error: Exception) -> Decision:
        log.error("handler_bug", event_id=envelope.event_id, exc_info=error)
        return self._dead(envelope, "HANDLER_BUG", repr(error))

    def _dead(
        self, envelope: Envelope, code: str, message: str, *, fields: tuple[str, ...] = ()
    ) -> Decision:
        error = ErrorInfo(kind=ErrorKind.PERMANENT.value, code=code, message=message, fields=fields)
        says = Notes(reason=message, worker=self.worker)
        return failed(
            envelope,
            error,
            self.clock_ms(),
            says,
            policy=RetryPolicy(self.topics),
            topics=self.topics,
            may_retry=False,
        )


_CRASHED = (
    f"the worker died {MAX_CRASHES} times while it had this event alone in hand; look at the "
    "worker's log of those times, fix the mapping hook or the payload, and requeue it"
)


def _is_fresh(item: Item) -> bool:
    """Whether a live order event comes straight from its source topic, never parked."""
    envelope = item.envelope
    return (
        envelope.via is Via.LIVE
        and envelope.kind is Kind.ORDER
        and envelope.attempt == 0
        and envelope.not_before_ms is None
    )
