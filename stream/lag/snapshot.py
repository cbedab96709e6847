"""What one look at the brokers found, and what it did not: the unknown is named, never counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from stream.kafka.log.leader_questions import name_silent
from stream.kafka.log.range_reader import OffsetRange
from stream.lag.evaluator import GroupLag, PartitionLag, UnknownLag


@dataclass(frozen=True, slots=True)
class TierDepth:
    """What waits in a retry tier (or for its order to settle)."""

    topic: str
    due: int
    not_due: int


@dataclass(frozen=True, slots=True)
class DeadLetterDepth:
    """Open dead letters, and when the oldest was written."""

    count: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class LagSnapshot:
    """Everything at one moment. Tiers of which a partition is unknown are missing.

    `dead_letters`: why they are not known, where they are not.
    """

    at_ms: int
    partitions: tuple[PartitionLag, ...]
    groups: tuple[GroupLag, ...]
    tiers: tuple[TierDepth, ...]
    dead_letters: DeadLetterDepth | str
    ends: Mapping[tuple[str, int], OffsetRange] = field(default_factory=dict, repr=False)
    unknown: tuple[UnknownLag, ...] = ()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is unread anywhere: no window is needed to judge that."""
        return not any(part.lag for part in self.partitions)

    @property
    def open_letters(self) -> DeadLetterDepth | None:
        """The open dead letters; None while they are not known."""
        return None if isinstance(self.dead_letters, str) else self.dead_letters

    @property
    def unknowns(self) -> tuple[str, ...]:
        """What is not known and why, a line per group and one for the dead letters."""
        groups: dict[str, dict[tuple[str, int], str]] = {}
        for one in self.unknown:
            groups.setdefault(one.group, {})[one.topic, one.partition] = one.why
        lines = [f"{group}: {name_silent(silent)}" for group, silent in groups.items()]
        if isinstance(self.dead_letters, str):
            lines.append(f"dead letters: {self.dead_letters}")
        return tuple(lines)


def unknown_lags(
    groups: Mapping[str, tuple[str, ...]],
    spans: Collection[tuple[str, int]],
    silent: Mapping[tuple[str, int], str],
    committed: Mapping[str, object],
) -> tuple[UnknownLag, ...]:
    """Return what has no lag: no leader answers, or no coordinator says what was committed."""
    found = []
    for group, topics in groups.items():
        said = committed[group]
        for topic, number in sorted({*spans, *silent}):
            why = silent.get((topic, number)) or (said if isinstance(said, str) else "")
            if why and topic in topics:
                found.append(UnknownLag(group, topic, number, why))
    return tuple(found)
