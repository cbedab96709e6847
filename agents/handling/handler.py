"""The handler: a batch of events in, one decision per event out. It never raises.

In Faust an exception that leaves the agent is an acked, lost message, so every failure here is a
value (docs/architecture.md, invariant 3). Only FrozenError passes: the process ends uncommitted.

    decode → (enrich) → settle → newest per order → version guard → map → dispatch → decide
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from agents.delivery.bug_isolation import bug_of, isolate
from agents.delivery.types import Dispatcher, NotSent, WriteOutcome
from agents.handling.bug_in_preparing import prepared_apart
from agents.handling.collision import tell_apart
from agents.handling.debounce import Debounce
from agents.handling.decode import DecodedEvent, take_in
from agents.handling.enrichment import Enrich
from agents.handling.intent import Intent, Prepared, behind_lines, breathe, intents_of
from agents.handling.late_senders import LateSenders
from agents.handling.newest import newest_of
from agents.handling.operator_events import decide, not_erased, of_operators
from agents.handling.outcome import Decision
from agents.handling.outcome_rules import IsInherited, OutcomeRules, doubted
from agents.handling.poison_pills import MAX_CRASHES, PoisonPillJournal
from agents.handling.record_trust import RecordTrust, sift
from agents.handling.settle import settle
from agents.handling.version_guard import VersionVerdict, judge, told_over, trusted
from agents.handling.write_intent import Brought, NoteDoubt, doubts
from agents.handling.written_fields import left_of, with_state
from agents.mapping.apply import Mapped
from agents.mapping.mapping import Mapping as RecordMapping
from schemas.codec import DecodeError
from schemas.event import Envelope
from schemas.identity import PLAIN, Identity
from schemas.result import Outcome
from schemas.sender_clock import TOLERANCE_SECONDS, Clock, utc_text
from schemas.state import State
from stream.errors import MappingError
from stream.ops import metrics
from stream.topics import Topics

IsLong = Callable[[str], bool]


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
    identity: Identity = PLAIN
    debounce_ms: int = 0
    settling: Debounce = field(default_factory=lambda: Debounce(max_ms=0))
    journal: PoisonPillJournal | None = None
    enrich: Enrich | None = None
    note_doubt: NoteDoubt | None = None
    brought: Brought = field(default_factory=Brought)
    trust: RecordTrust | None = None
    late: LateSenders = field(default_factory=LateSenders)
    doubt_org: Callable[[], bool] = lambda: False
    is_inherited: IsInherited = lambda _origin: False
    clock_ms: Callable[[], int] = now_ms
    clock_tolerance_seconds: float = TOLERANCE_SECONDS
    ends: OutcomeRules = field(init=False)

    def __post_init__(self) -> None:
        self.ends = OutcomeRules(
            self._known, self.topics, self.clock_ms, self.worker, is_inherited=self.is_inherited
        )
        if self.trust is not None:
            self.ends = replace(self.ends, sign=self.trust.signed, vouch=self.trust.vouched)

    def _known(self, partition: int, key: bytes) -> State | None:
        """Return the state of a key, as reset when its version lies in the future."""
        state = self.get_state(partition, key)
        if state is None:
            return None
        # Twice: the ingress that received it and this worker may differ by the tolerance, too.
        ahead_ms = int(2_000 * self.clock_tolerance_seconds)
        return trusted(state, utc_text(self.clock_ms() + ahead_ms))

    async def prepare(
        self, envelopes: Sequence[Envelope], is_long: IsLong | None = None
    ) -> Prepared:
        """Decide what needs no call, and return what has to be written. Raises FrozenError only.

        What would stand in a line that `is_long` (asked by customer) is not mapped.
        """

        async def together(some: Sequence[Envelope]) -> Prepared:
            return await self._prepare_all(some, is_long)

        return await prepared_apart(envelopes, together, self.ends.bug)

    async def _prepare_all(self, envelopes: Sequence[Envelope], is_long: IsLong | None) -> Prepared:
        envelopes, refused = sift(envelopes, self.trust, self.ends)
        asked = of_operators(envelopes, self.topics)
        others = [e for e in envelopes if e not in asked] if asked else envelopes
        prepared = await self._prepare(others, is_long)
        now_ms = self.clock_ms()
        done = [decide(e, self.topics, self.get_state, now_ms, self.worker) for e in asked]
        prepared.decisions.extend([*refused, *done])
        return prepared

    async def _prepare(self, envelopes: Sequence[Envelope], is_long: IsLong | None) -> Prepared:
        decisions: list[Decision] = []
        items = await self._decode(envelopes, decisions)
        self.brought.note(items, self.clock_ms())
        if self.enrich is not None:  # of the erased nobody asks the store: it would say "no such"
            items = list(not_erased(items, self.get_state, self.ends, decisions))
            items = await self.enrich(items, self.ends, decisions)
        items = tell_apart(items, self.get_state, self.ends, decisions)
        if self.debounce_ms:
            items = settle(items, self.settling, self.debounce_ms, self.ends, decisions)
        newest = newest_of(items, self._state_of, self.ends, decisions)
        newest.contested |= self.settling.contested(newest.items)
        later = [item.envelope for item in newest.later]
        items = self._guard(newest.items, newest.contested, decisions)
        behind: list[tuple[str, Envelope]] = []
        if is_long is not None:
            items, behind = behind_lines(items, newest.contested, is_long)
        if not items:
            return Prepared(decisions, later=later, behind=behind)
        mapping = await self.org_mapping()
        if mapping is None:
            waits = NotSent(reason="Salesforce could not be asked for its fields")
            decisions += [self.ends.decide(item, Mapped(()), waits, "") for item in items]
            return Prepared(decisions, later=later, behind=behind)
        mapped, unfit = await self._map(mapping, items, decisions)
        if unfit and self.doubt_org() and (mapping := await self.org_mapping() or mapping):
            again, unfit = await self._map(mapping, [item for item, _ in unfit], decisions)
            mapped += again
        decisions += [self._unmapped(item, error) for item, error in unfit]
        intents = intents_of(mapped, mapping.version, newest.contested, self.get_state)
        return Prepared(decisions, intents, later, behind)

    async def _decode(
        self, envelopes: Sequence[Envelope], decisions: list[Decision]
    ) -> list[DecodedEvent]:
        items = []
        for number, envelope in enumerate(envelopes, 1):
            await breathe(number)
            if self.journal and self.journal.is_condemned(envelope.event_id):
                decisions.append(self.ends.dead(envelope, "WORKER_CRASHED", _CRASHED))
                continue
            try:
                item = take_in(
                    envelope,
                    identity=self.identity,
                    tolerance_seconds=self.clock_tolerance_seconds,
                )
            except DecodeError as error:
                decisions.append(self.ends.dead(envelope, "DECODE_ERROR", str(error)))
            except Exception as error:  # noqa: BLE001 - a bug costs this event only
                decisions.append(self.ends.bug(envelope, error))
            else:
                if item.envelope.key != envelope.key:  # it came without one
                    item = replace(item, envelope=self.ends.sign(item.envelope))
                item = self.late.judged(item)
                if item.clock.clock is not Clock.GOOD:
                    metrics.SENDER_CLOCKS.labels(item.clock.clock.value).inc()
                if item.document.key and not item.is_at_home(envelope):
                    # It goes on where the worker of its key is.
                    decisions.append(self.ends.moved(item, envelope.value))
                elif item.document.is_ignored:
                    reason = f"event {item.document.event} is not mapped"
                    decisions.append(self.ends.done(item, Outcome.UNCHANGED, reason))
                else:
                    items.append(item)
        return items

    def _state_of(self, item: DecodedEvent) -> State | None:
        return self._known(item.origin.partition, item.key)

    def _guard(
        self, items: list[DecodedEvent], contested: set[bytes], decisions: list[Decision]
    ) -> list[DecodedEvent]:
        rest = []
        for item in not_erased(items, self.get_state, self.ends, decisions):
            state = self._state_of(item)
            before = item.base or state
            verdict = judge(before, item.candidate)
            if verdict is VersionVerdict.SUPERSEDED:
                decisions.append(self.ends.superseded(item, state))
            elif (
                verdict is not VersionVerdict.UNCHANGED
                or item.key in contested
                or item.may_have_moved(state)
            ):
                is_fill = verdict is VersionVerdict.FILL
                told = told_over(before, item.candidate) if is_fill else None
                rest.append(item if told == item.told_over else replace(item, told_over=told))
            else:
                decisions.append(self.ends.unchanged(item, state))
        return rest

    async def _map(
        self, mapping: RecordMapping, items: list[DecodedEvent], decisions: list[Decision]
    ) -> tuple[list[tuple[DecodedEvent, Mapped]], list[tuple[DecodedEvent, MappingError]]]:
        """Return what is to be written, and what the mapping makes no record of."""
        mapped, unfit = [], []
        for number, item in enumerate(items, 1):
            await breathe(number)
            try:
                records = item.mapped_by(mapping, self.clock_tolerance_seconds)
            except MappingError as error:
                unfit.append((item, error))
            except Exception as error:  # noqa: BLE001 - a bug costs this event only
                decisions.append(self.ends.unmapped(item, self.ends.bug(item.envelope, error)))
            else:
                state = self._state_of(item)
                if not records.rows:
                    reason = "; ".join(("the mapping makes no row of it", *records.notes))
                    decisions.append(self.ends.done(item, Outcome.UNCHANGED, reason))
                elif (left := left_of(records, item.told_over)) is None:
                    decisions.append(self.ends.superseded(item, state))
                else:
                    mapped.append((item, with_state(item, left, state) if state else left))
        return mapped, unfit

    def _unmapped(self, item: DecodedEvent, error: MappingError) -> Decision:
        said, fields = str(error), error.fields
        dead = self.ends.dead(item.envelope, "MAPPING_ERROR", said, fields=fields)
        return self.ends.unmapped(item, dead)

    async def write(self, intents: Sequence[Intent]) -> list[Decision]:
        """Send what was prepared; return one decision for each. Raises FrozenError only."""
        if not intents:
            return []
        await self._foresee(intents)
        outcomes: dict[Intent, WriteOutcome] = {}

        async def send(part: Sequence[Intent]) -> None:
            sent = await self.dispatcher.send([intent.write_set for intent in part])
            outcomes.update(zip(part, sent, strict=True))

        await isolate(intents, send, lambda intent, bug: outcomes.update({intent: bug_of(bug)}))
        decisions = []
        for number, intent in enumerate(intents, 1):
            await breathe(number)
            version, told = intent.mapping_version, doubted(outcomes[intent], self.doubt_org)
            decisions.append(self.ends.decide(intent.item, intent.records, told, version))
        return decisions

    def look_again(self, intents: Sequence[Intent]) -> tuple[list[Intent], list[Decision]]:
        """Return which of these are still to be written, after a wait in which others wrote."""
        decisions: list[Decision] = []
        rest = []
        for intent in intents:
            for item in self._guard([intent.item], {intent.item.key}, decisions):
                if item.told_over == intent.item.told_over:
                    rest.append(intent)
                    continue
                waits = NotSent("a newer event told a part of this order meanwhile")
                decisions.append(self.ends.decide(item, Mapped(()), waits, ""))
        return rest, decisions

    async def _foresee(self, intents: Sequence[Intent]) -> None:
        """Put on record which orders are about to change, where a successor could go back."""
        now_ms = self.clock_ms()
        foreseen = doubts(
            ((intent, self._state_of(intent.item)) for intent in intents),
            lambda item: self.brought.is_beside(item, now_ms),
        )
        if foreseen and self.note_doubt is not None:
            self.check_alive()
            await self.note_doubt(foreseen)


_CRASHED = (
    f"the worker died {MAX_CRASHES} times while it had this event alone in hand; look at the "
    "worker's log of those times, fix the mapping hook or the payload, and requeue it"
)
