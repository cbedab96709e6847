"""Conclusions: from what Salesforce (or the guard) said of an event to its decision.

The handler decides the road of an event; this decides its end: which outcome, which state is to be
stored, and whether a failure may be retried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from agents.delivery.types import NotSent, RefusedWrite, Stale, WriteOutcome, Written
from agents.handling.decode import DecodedEvent
from agents.handling.outcome import (
    Decision,
    Notes,
    done,
    error_of,
    failed,
    moved,
    parked,
    vacancy,
)
from agents.handling.parking import times_parked
from agents.handling.version_guard import why_superseded
from agents.handling.write_intent import announced
from agents.handling.written_fields import told_of
from agents.mapping.apply import Mapped
from agents.salesforce.errors.error_kind import ErrorKind
from schemas.event import Envelope, ErrorInfo, Kind, Origin
from schemas.frozen import replace
from schemas.headers import headers_of
from schemas.result import Outcome
from schemas.state import State
from stream.kafka.record import Record
from stream.retry_policy import RetryPolicy
from stream.topics import Topics

log = structlog.get_logger()

# Only these are for a person at once; anything else may be cured by time.
HOPELESS = frozenset({ErrorKind.PERMANENT})
# Enough for others to pass, or to be refused alike; a lone bad order dies within minutes.
ATTEMPTS_TO_PROVE = 2
LONGEST_WAIT_SECONDS = 600  # the longest retry tier for who is not at fault
LONGER_AFTER = (10, 25)  # looks: after five minutes, and half an hour later

IsInherited = Callable[[Origin], bool]


# What a row is refused with where the org is not as it was described when the row was made: a field
# was shortened, retyped, hidden, or takes other values by now.
OF_DESCRIPTION = frozenset(
    {
        *("STRING_TOO_LONG", "NUMBER_OUTSIDE_VALID_RANGE", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        *("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "FIELD_INTEGRITY_EXCEPTION"),
        *("INVALID_CURRENCY_ISO", "JSON_PARSER_ERROR", "INVALID_FIELD"),
        "INVALID_FIELD_FOR_INSERT_UPDATE",
    }
)


def doubted(outcome: WriteOutcome, doubt_org: Callable[[], bool]) -> WriteOutcome:
    """Return the outcome; as unproven when the org may not be what it was described as."""
    if not isinstance(outcome, RefusedWrite | NotSent) or outcome.code not in OF_DESCRIPTION:
        return outcome
    may_differ = doubt_org()
    if may_differ and isinstance(outcome, RefusedWrite):
        return replace(outcome, is_unproven=True)
    return outcome


def may_retry(refused: RefusedWrite, attempt: int) -> bool:
    """Whether an event that was refused at its n-th attempt (0 = the first) is tried again."""
    if refused.is_unproven and attempt < ATTEMPTS_TO_PROVE:
        return True
    if refused.kind is ErrorKind.UNKNOWN:
        return attempt == 0
    return refused.kind not in HOPELESS


@dataclass(frozen=True, slots=True)
class OutcomeRules:
    """Makes decisions. `get_state(partition, key)` is what Salesforce has, as far as is known."""

    get_state: Callable[[int, bytes], State | None]
    topics: Topics
    clock_ms: Callable[[], int]
    worker: str = ""
    sign: Callable[[Envelope], Envelope] = lambda envelope: envelope
    vouch: Callable[[Envelope], Envelope | None] = lambda envelope: envelope
    is_inherited: IsInherited = lambda _origin: False

    def unchanged(self, item: DecodedEvent, state: State | None) -> Decision:
        is_newer = state is not None and item.candidate.version > state.version
        says = Notes(
            reason="the same content is in Salesforce",
            notes=item.notes,
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

    def decide(
        self, item: DecodedEvent, records: Mapped, outcome: WriteOutcome, version: str
    ) -> Decision:
        """Return what becomes of a written event; a bug costs this one only, not its batch."""
        try:
            return self._decide(item, records, outcome, version)
        except Exception as error:  # noqa: BLE001 - the org has the others of its batch already
            return self._in_doubt(item, self.bug(item.envelope, error), records)

    def _decide(
        self, item: DecodedEvent, records: Mapped, outcome: WriteOutcome, version: str
    ) -> Decision:
        if isinstance(outcome, Written):
            return self._written(item, records, outcome, version)
        now = self.clock_ms()
        told = (*item.notes, *records.notes)
        says = Notes(notes=told, mapping_version=version, worker=self.worker)
        match outcome:
            case Stale():
                says = replace(says, reason="the org refused it: it holds a newer state")
                return done(item.envelope, Outcome.SUPERSEDED, now, says)
            case RefusedWrite():
                decision = failed(
                    item.envelope,
                    error_of(outcome),
                    now,
                    says,
                    policy=RetryPolicy(self.topics),
                    topics=self.topics,
                    may_retry=may_retry(outcome, item.envelope.attempt),
                )
                return self._in_doubt(item, decision, records)
            case NotSent():
                return self._in_doubt(item, self.not_sent(item, outcome, now, says), records)

    def _written(
        self, item: DecodedEvent, records: Mapped, outcome: Written, version: str
    ) -> Decision:
        now = self.clock_ms()
        says = Notes(
            notes=(*item.notes, *records.notes, *outcome.notes),
            mapping_version=version,
            worker=self.worker,
            ids=outcome.ids,
            created=outcome.created,
        )
        before = self.get_state(item.origin.partition, item.key)
        state = item.new_state(before, outcome.ids, told_of(item, records))
        synced = done(item.envelope, Outcome.SYNCED, now, says, state=state)
        if not outcome.renamed:
            return synced
        said_ms = item.candidate.seen_ms
        word = self.vouch(vacancy(item.envelope, outcome.renamed[0], now, said_ms=said_ms))
        if word is None:
            return synced
        record = Record(self.topics.due, word.key.encode(), word.value, headers_of(word))
        return replace(synced, republish=record)

    def _in_doubt(self, item: DecodedEvent, decision: Decision, records: Mapped) -> Decision:
        """Mark the order's state as in doubt: part of a failed event may have been written."""
        doubt = self._waits(item, self._doubt(item, records))
        if decision.result.outcome is not Outcome.DEAD:
            return replace(decision, state=doubt)
        state = self.get_state(item.origin.partition, item.key)
        after = None if state is None else self._doubt(item)
        is_order = item.document.kind is Kind.ORDER
        if state is not None and is_order and not (state.digest or state.ids):
            # It was tried or announced only. Magento uses the number of a rolled-back order again.
            after = state.as_unclaimed()
        return replace(decision, state=after, held_state=doubt)

    def _doubt(self, item: DecodedEvent, records: Mapped | None = None) -> State | None:
        """Return the state in doubt while an event of the key waits; None: it is that already.

        Without it, a later save that restores the old content (hold, then unhold) would be taken
        for 'unchanged' while Salesforce has the content in between. An order of which nothing is
        known gets a state without a version: an event of it waits (see foresight). The content that
        is held, sent again, leaves no doubt. What a killed worker had in hand before us may have
        been written by it: nothing older is written while it waits.
        """
        state = self.get_state(item.origin.partition, item.key)
        if records is not None and self.is_inherited(item.origin):
            coming = announced(item, records, state)
            is_held = state is not None and state.digest == item.candidate.digest
            return None if is_held or coming == state else coming
        if state is None:
            return item.new_state(None, {}).as_unknown()
        is_beneath = item.told_over is not None
        held = state.under if is_beneath else state
        if held is not None and held.digest in ("", item.candidate.digest):
            return None
        return state.beneath_in_doubt() if is_beneath else state.in_doubt()

    def _waits(self, item: DecodedEvent, doubt: State | None) -> State | None:
        """Return the state in doubt with who waits, where something older may come between."""
        state = doubt or self.get_state(item.origin.partition, item.key)
        version = item.candidate.version
        if state is None or version <= state.waiting:
            return doubt
        is_held = doubt is None and state.digest == item.candidate.digest
        if is_held or (state.version >= version and not state.parts):
            return doubt
        return replace(state, waiting=version)

    def unmapped(self, item: DecodedEvent, decision: Decision) -> Decision:
        """Return the decision of an event that dies unsent, with what is known while it is held."""
        return replace(decision, held_state=self._doubt(item))

    def not_sent(self, item: DecodedEvent, outcome: NotSent, now: int, says: Notes) -> Decision:
        if outcome.is_given_up:
            return self.dead(item.envelope, "BREAKER_OPEN", outcome.reason)
        tier = self._tier_of(times_parked(item.envelope, outcome.reason))
        waits = Notes(
            reason=outcome.reason, worker=self.worker, mapping_version=says.mapping_version
        )
        return parked(item.envelope, tier, self.topics.tier_delay_ms(tier), now, waits)

    def _tier_of(self, times: int) -> str:
        """Return where an event waits that has been parked so often: each look costs calls."""
        longest = self.topics.retry_tiers.index(self.topics.longest_tier(LONGEST_WAIT_SECONDS))
        return self.topics.retry_tiers[min(longest, sum(times >= many for many in LONGER_AFTER))]

    def not_there_yet(self, item: DecodedEvent, code: str, message: str) -> Decision:
        """Return the decision of an event that the store cannot complete yet: one attempt less."""
        return failed(
            item.envelope,
            ErrorInfo(kind=ErrorKind.TRANSIENT.value, code=code, message=message),
            self.clock_ms(),
            Notes(reason=message, worker=self.worker),
            policy=RetryPolicy(self.topics),
            topics=self.topics,
            may_retry=True,
        )

    def moved(self, item: DecodedEvent, value: bytes = b"") -> Decision:
        now_ms = self.clock_ms()
        return moved(
            item.envelope,
            item.document,
            now_ms,
            self.topics,
            self.worker,
            value=value,
            sign=self.sign,
        )

    def done(self, item: DecodedEvent, outcome: Outcome, reason: str) -> Decision:
        says = Notes(reason=reason, notes=item.notes, worker=self.worker)
        return done(item.envelope, outcome, self.clock_ms(), says)

    def superseded(self, item: DecodedEvent, state: State | None) -> Decision:
        return self.done(item, Outcome.SUPERSEDED, why_superseded(state, item.candidate))

    def bug(self, envelope: Envelope, error: Exception) -> Decision:
        log.error("handler_bug", event_id=envelope.event_id, exc_info=error)
        return self.dead(envelope, "HANDLER_BUG", repr(error))

    def dead(
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
