"""Which events of a range a replay takes, one partition at a time.

For a changed mapping one write per order is enough: latest-only picks, of the events in the range,
the newest version of each order (when it was saved and how far it had come, as workers tell it,
then offset), so memory is bounded by the orders of one partition.

Of what is missing (`only`: events whose outcome nobody has any more) every event is taken, for each
needs an outcome, and the newest of their orders, whether it is missing or not: where the states'
log was cut as well, an older one may go over it, and the newest goes over that.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from schemas.codec import DecodeError, Document, decode
from schemas.event import Envelope
from schemas.identity import is_meant
from schemas.order_rank import state_rank
from schemas.sender_clock import sender_time
from stream.jobs.spec import OffsetSet
from stream.kafka.log.range_reader import OffsetRange, Record, record_envelope
from stream.settings.magento import MagentoSettings


@dataclass(frozen=True, slots=True)
class ReplayFilter:
    """Which events of the range: every given field must fit the payload.

    With latest-only the newest event of each order is looked at, and taken when it fits: an order
    that has left a status is not taken for the events it had there. `only`: offsets [first, behind)
    by partition, as `audit` names what is missing.
    """

    order: str = ""
    store: str = ""
    status: str = ""
    is_latest_only: bool = True
    is_forced: bool = False
    limit: int | None = None
    only: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)

    @property
    def needs_payload(self) -> bool:
        """Whether an event must be decoded to know if it fits."""
        return bool(self.store or self.status or self.is_latest_only or self.only)

    def is_missing(self, partition: int, offset: int) -> bool:
        """Whether `only` names an event."""
        runs = self.only.get(str(partition), ())
        behind = bisect(runs, offset, key=itemgetter(0))
        return behind > 0 and offset < runs[behind - 1][1]

    def fits(self, document: Document) -> bool:
        entity = document.entity
        return (not self.store or str(entity.get("store_id", "")) == self.store) and (
            not self.status or str(entity.get("status", "")) == self.status
        )


@dataclass(slots=True)
class ReplayPlan:
    """What a replay would publish. Times are record times in ms. `unread`: what nobody can read."""

    topic: str
    wanted: ReplayFilter
    spans: tuple[OffsetRange, ...]
    chosen: OffsetSet
    scanned: int = 0
    matching: int = 0
    orders: int = 0
    undecodable: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    seconds: float = 0.0
    samples: list[Envelope] = field(default_factory=list)
    unread: str = ""

    @property
    def events(self) -> int:
        """How many events would be published."""
        return len(self.chosen)


class Choice:
    """Chooses among the events of one partition."""

    def __init__(self, settings: MagentoSettings, plan: ReplayPlan) -> None:
        self._identity = settings.identity
        self._tolerance_seconds = settings.magento_clock_tolerance_seconds
        self._plan = plan
        self._order = plan.wanted.order
        self._pattern = self._identity.pattern_of_target(self._order)
        # Newest event of each key: (when it was saved, rank of its state, offset, whether it fits).
        self._newest: dict[bytes, tuple[str, int, int, bool]] = {}
        self._missing: set[bytes] = set()  # keys of which an event is
        self._place = ("", 0)

    def see(self, batch: Sequence[Record]) -> None:
        wanted, plan = self._plan.wanted, self._plan
        for record in batch:
            if self._order and not self._is_meant(record.key or b""):
                continue
            saved, rank, is_fitting = "", None, True
            if wanted.needs_payload:
                document = self._decode(record)
                if document is not None:
                    saved, is_fitting = self._saved(record, document), wanted.fits(document)
                    rank = state_rank(document.entity)
                elif not wanted.is_missing(record.partition, record.offset):
                    plan.undecodable += 1
                    continue
            if wanted.only:
                is_fitting = wanted.is_missing(record.partition, record.offset)
            self._place = (record.topic, record.partition)
            if is_fitting:
                plan.matching += 1
                self._note_time(record.timestamp)
            self._choose(record, saved, rank, is_fitting=is_fitting)

    def _is_meant(self, key: bytes) -> bool:
        return is_meant(key.decode(errors="replace"), self._order, self._pattern)

    def conclude(self) -> None:
        """Fix the choice of this partition in the plan."""
        plan = self._plan
        if plan.wanted.only:
            for key in self._missing:
                plan.chosen.add((*self._place, self._newest[key][2]))
            plan.orders += len(self._missing)
            return
        fitting = [offset for *_, offset, is_fitting in self._newest.values() if is_fitting]
        plan.orders += len(fitting)
        if plan.wanted.is_latest_only:
            for offset in sorted(fitting):
                if not self._has_room():
                    break
                plan.chosen.add((*self._place, offset))

    def _choose(self, record: Record, saved: str, rank: int | None, *, is_fitting: bool) -> None:
        plan, key = self._plan, record.key or b""
        held = self._newest.get(key, ("", 0, -1, False))
        if rank is None:  # it does not say: no reason to be behind
            rank = held[1] if held[0] == saved else 0
        version = (saved, rank, record.offset, is_fitting)
        if plan.wanted.only:
            self._newest[key] = max(version, held)
            if is_fitting:
                self._missing.add(key)
                plan.chosen.add((record.topic, record.partition, record.offset))
        elif plan.wanted.is_latest_only:
            self._newest[key] = max(version, held)
        elif is_fitting:
            self._newest[key] = version
            if self._has_room():
                plan.chosen.add((record.topic, record.partition, record.offset))

    def _has_room(self) -> bool:
        limit = self._plan.wanted.limit
        return limit is None or len(self._plan.chosen) < limit

    def _saved(self, record: Record, document: Document) -> str:
        """Return when a document was saved, as a worker believes it."""
        received_ms = record_envelope(record).received_at_ms
        tolerance = self._tolerance_seconds
        return sender_time(document.updated_at, received_ms, tolerance_seconds=tolerance).version

    def _decode(self, record: Record) -> Document | None:
        event = next((value for name, value in record.headers if name == "event"), b"")
        try:
            return decode(
                record.value or b"",
                event=event.decode(errors="replace"),
                identity=self._identity,
            )
        except DecodeError:
            return None

    def _note_time(self, at_ms: int) -> None:
        plan = self._plan
        plan.first_ms = at_ms if plan.first_ms is None else min(plan.first_ms, at_ms)
        plan.last_ms = at_ms if plan.last_ms is None else max(plan.last_ms, at_ms)
