"""What an audit found, and whether that is an answer of yes."""

from __future__ import annotations

from dataclasses import dataclass, field

from stream.audit.outcome_bitmap import Balance


@dataclass(frozen=True, slots=True)
class Unanswered:
    """An accepted event of which nothing is known."""

    event_id: str
    key: str
    topic: str
    partition: int
    offset: int
    age_seconds: float
    is_overdue: bool


@dataclass(slots=True)
class AuditReport:
    """What an audit found. Times are unix milliseconds.

    `duplicates`: final outcomes beyond an event's first that no replay or requeue explains
    (redelivery after a crash; harmless, counted). `repeated`: those that one does explain.
    `not_judged`: events older than the results that retention has kept. `moved`: events that were
    found at another place than where their outcome was written, and `outcomes_of_others`: outcomes
    of events that the log does not hold any more: both mean that a log was cut or made again.
    `missing`: events that nobody holds, by topic and partition, as offsets [first, behind).
    `unread`: what did not answer, and why. The balance is of the rest, and proves nothing of it.
    """

    at_ms: int
    grace_seconds: float
    since_ms: int | None = None
    until_ms: int | None = None
    topics: dict[str, Balance] = field(default_factory=dict)
    unanswered: list[Unanswered] = field(default_factory=list)
    unanswered_count: int = 0
    overdue_count: int = 0
    overdue_waiting: int = 0
    is_waiting_complete: bool = True
    duplicates: int = 0
    repeated: int = 0
    deleted_unread: int = 0
    not_judged: int = 0
    moved: int = 0
    outcomes_of_others: int = 0
    missing: dict[str, dict[str, list[tuple[int, int]]]] = field(default_factory=dict)
    unreadable_results: int = 0
    unread: dict[str, str] = field(default_factory=dict)
    records_read: int = 0
    seconds: float = 0.0

    @property
    def is_window(self) -> bool:
        """Whether only events of some time were asked for."""
        return self.since_ms is not None or self.until_ms is not None

    @property
    def total(self) -> Balance:
        """The balance over all topics."""
        return sum(self.topics.values(), Balance())

    def missing_count(self, topic: str) -> int:
        """Return how many events of a topic nobody holds."""
        runs = self.missing.get(topic, {}).values()
        return sum(behind - first for part in runs for first, behind in part)

    @property
    def problems(self) -> list[str]:
        """Why the answer is no, one sentence each; empty when everything is accounted for."""
        grace = f"{self.grace_seconds:.0f} s"
        checks = (
            (not self.total.is_balanced, "the balance does not hold"),
            (self.overdue_count, f"{self.overdue_count:,} events have no outcome after {grace}"),
            (
                self.overdue_waiting,
                f"{self.overdue_waiting:,} events were due for a retry more than {grace} ago",
            ),
            (
                missing := sum(map(self.missing_count, self.missing)),
                f"{missing:,} events are in nobody's hands, and their outcome is in no log",
            ),
            (
                self.deleted_unread,
                f"{self.deleted_unread:,} events were deleted by retention without an outcome",
            ),
            (
                self.unreadable_results,
                f"{self.unreadable_results:,} records in the results topic are not results",
            ),
        )
        return [text for failed, text in checks if failed]

    @property
    def is_ok(self) -> bool:
        """Whether every event is known to be accounted for."""
        return not self.problems and not self.unread
