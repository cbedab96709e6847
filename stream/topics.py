"""Every topic: its name, what it is for, how it is kept. The only topic strings in the project.

One rule: facts are named by source (`magento.orders`), everything else by destination
(`salesforce.due`). All topics have the same partition count, and whoever re-publishes an event
keeps its partition number: one order has one worker at a time (docs/architecture.md, invariant 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from schemas.event import Kind

DAY_MS = 24 * 60 * 60 * 1000

# A record is the raw body plus headers; the ingress limit is 5 MiB by default.
MAX_MESSAGE_BYTES = 6 * 1024 * 1024
# A dead letter carries longer headers than the event it came from: give it room to always fit.
MAX_DEAD_LETTER_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as `orderstream topics apply` creates it."""

    name: str
    purpose: str
    config: dict[str, str]


@dataclass(frozen=True)
class Topics:
    """All topic names, with an optional prefix so that several installations share a cluster."""

    prefix: str = ""
    retry_delays_seconds: tuple[int, ...] = (30, 120, 600, 3600)

    @property
    def orders(self) -> str:
        return f"{self.prefix}magento.orders"

    @property
    def customers(self) -> str:
        return f"{self.prefix}magento.customers"

    @property
    def due(self) -> str:
        return f"{self.prefix}salesforce.due"

    @property
    def results(self) -> str:
        return f"{self.prefix}salesforce.results"

    @property
    def state(self) -> str:
        return f"{self.prefix}salesforce.state"

    @property
    def dead_letters(self) -> str:
        return f"{self.prefix}salesforce.dlq"

    @property
    def settle(self) -> str:
        """Where debounced events wait for their order to settle."""
        return f"{self.prefix}salesforce.settle"

    @property
    def operator_audit(self) -> str:
        """Who did what and why: every state change made by a person."""
        return f"{self.prefix}orderstream.audit"

    @property
    def retry_prefix(self) -> str:
        """How every retry tier's name begins, those of earlier RETRY_DELAYS too."""
        return f"{self.prefix}salesforce.retry."

    @cached_property
    def retry_tiers(self) -> tuple[str, ...]:
        """Retry topics in the order of their delays; the length is the limit of attempts."""
        return tuple(
            f"{self.retry_prefix}{delay_label(seconds)}" for seconds in self.retry_delays_seconds
        )

    @property
    def facts(self) -> tuple[str, str]:
        """Topics that hold accepted events: what audit counts and replay reads."""
        return self.orders, self.customers

    @property
    def sources(self) -> tuple[str, str, str]:
        """Topics the one agent consumes."""
        return self.orders, self.customers, self.due

    def source_of(self, kind: Kind) -> str:
        """Return the fact topic of a kind of event."""
        return self.orders if kind is Kind.ORDER else self.customers

    def longest_tier(self, seconds: float) -> str:
        """Return the longest retry tier that is not longer than this, or the first."""
        fitting = [name for name in self.retry_tiers if self.tier_delay_ms(name) <= seconds * 1000]
        return fitting[-1] if fitting else self.retry_tiers[0]

    def tier_delay_ms(self, topic: str) -> int:
        """Return how long a record waits in a retry tier; raises ValueError for other topics."""
        return self.retry_delays_seconds[self.retry_tiers.index(topic)] * 1000

    def specs(self) -> list[TopicSpec]:
        """Return every topic with its configuration."""
        # A cluster's own defaults may compact, or keep so many bytes only: unread events would go.
        by_time = {"cleanup.policy": "delete", "retention.bytes": "-1"}
        keep_week = {**by_time, "retention.ms": str(7 * DAY_MS)}
        keep_month = {**by_time, "retention.ms": str(30 * DAY_MS)}
        large = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
        larger = {"max.message.bytes": str(MAX_DEAD_LETTER_BYTES)}
        compacted = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.2"}
        # What was erased or replaced is gone within days, not whenever a segment happens to fill.
        compacted["max.compaction.lag.ms"] = str(7 * DAY_MS)
        return [
            TopicSpec(self.orders, "order events, raw bytes", keep_month | large),
            TopicSpec(self.customers, "customer events, raw bytes", keep_month | large),
            TopicSpec(self.due, "events to be tried again now", keep_week | large),
            *(
                TopicSpec(name, "waits for its delay", keep_week | large)
                for name in self.retry_tiers
            ),
            TopicSpec(self.settle, "debounced events", keep_week | large),
            TopicSpec(self.dead_letters, "what a person must look at", keep_month | larger),
            TopicSpec(self.results, "one record per outcome", keep_month),
            TopicSpec(self.state, "newest synced state per order and customer", compacted),
            TopicSpec(self.operator_audit, "who did what and why", keep_month),
        ]


def delay_label(seconds: int) -> str:
    """Return 30 → '30s', 120 → '2m', 3600 → '1h'."""
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
