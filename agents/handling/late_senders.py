"""Senders whose every save is the same time old when it comes: a clock that is behind.

What was saved before it was received is believed, because old saves do come late. So the webhooks
of a store in New York that writes its own time, or of one whose clock is ten minutes slow, lose to
what was read from the store (backfill, reconcile, enrichment) for as long as they are behind. One
event cannot tell; a sender's last ones can, when none came in time and most are late by one time.

No time is corrected: a queue that is always as late looks alike, and then the old save is old. A
person is told (`Alert.SENDER_BEHIND`), and each event's result says so. Where the store may be
asked (`enrichment`), it is asked for what would be superseded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from agents.handling.decode import DecodedEvent
from schemas.event import Kind, Via
from schemas.sender_clock import Clock, in_hours
from stream.ops.alerts import Alert, Alerts

ENOUGH_EVENTS = 5
ENOUGH_MS = 30 * 60_000  # between the first and the last: a burst is one delivery that was late
ALIKE_SECONDS = 150  # a delivery takes some seconds, a queue's turn a minute
MAX_SENDERS = 100


@dataclass(slots=True)
class _Evidence:
    """Events of one sender, none of them in time. `strays` were late by some other time."""

    late_seconds: int
    since_ms: int
    last_ms: int
    alike: int = 1
    strays: int = 0

    @property
    def is_enough(self) -> bool:
        return self.alike >= ENOUGH_EVENTS and self.last_ms - self.since_ms >= ENOUGH_MS


class LateSenders:
    """What is known of senders that are behind: by sender, kind and store view or website."""

    def __init__(self, alerts: Alerts | None = None) -> None:
        self._alerts = alerts
        self._evidence: dict[tuple[str, str, str], _Evidence] = {}
        self._behind: set[tuple[str, str, str]] = set()

    def judged(self, item: DecodedEvent) -> DecodedEvent:
        """Return an event, marked when it comes of a sender that is behind."""
        clock = item.clock
        if not (clock.late_seconds or self._evidence) or not _tells(item):
            return item
        sender = item.envelope.sender, (item.document.kind or Kind.ORDER).value, item.site
        if not clock.late_seconds:
            if clock.version:
                self._forget(sender)
            return item
        evidence = self._noted(sender, clock.late_seconds, item.envelope.received_at_ms)
        is_alike = abs(clock.late_seconds - evidence.late_seconds) <= ALIKE_SECONDS
        if not evidence.is_enough or not is_alike:
            return item
        self._tell(sender, evidence)
        return replace(item, clock=replace(clock, clock=Clock.BEHIND))

    def _noted(self, sender: tuple[str, str, str], late_seconds: int, at_ms: int) -> _Evidence:
        before = self._evidence.get(sender)
        if before is not None:
            more = late_seconds - before.late_seconds
            if abs(more) <= ALIKE_SECONDS:
                before.alike += at_ms > before.last_ms  # not the same event once more
                before.since_ms = min(before.since_ms, at_ms)
                before.last_ms = max(before.last_ms, at_ms)
                return before
            before.strays += 1
            if more > 0 and before.strays <= before.alike:  # an old document: an address was edited
                return before
            self._forget(sender)
        if len(self._evidence) >= MAX_SENDERS:
            self._forget(next(iter(self._evidence)))
        return self._evidence.setdefault(sender, _Evidence(late_seconds, at_ms, at_ms))

    def _tell(self, sender: tuple[str, str, str], evidence: _Evidence) -> None:
        if self._alerts is None or sender in self._behind:
            return
        self._behind.add(sender)
        name, kind, site = sender
        where = f", site {site}" if site else ""
        self._alerts.fire(
            Alert.SENDER_BEHIND,
            f"every {kind} event of sender {name or 'unknown'}{where} comes "
            f"{in_hours(evidence.late_seconds)} after its updated_at: the store's clock is behind, "
            "or it writes a local time instead of UTC, or its queue is late. Until it is right "
            "such events may lose to what is read of it (backfill, reconcile, enrichment)",
        )

    def _forget(self, sender: tuple[str, str, str]) -> None:
        self._evidence.pop(sender, None)
        if sender in self._behind:
            self._behind.discard(sender)
            if self._alerts is not None and not self._behind:
                self._alerts.resolve(Alert.SENDER_BEHIND)


def _tells(item: DecodedEvent) -> bool:
    """Whether an event was just sent by the store, and not kept, repeated, read or edited."""
    envelope, event = item.envelope, item.candidate
    is_first = envelope.via is Via.LIVE and not (envelope.attempt or envelope.parked_for)
    return is_first and not event.is_read and not event.edited_ms and not envelope.is_forced
