"""What of some logs no broker can give: batches that do not fit their checksum, or have no head.

A disk or memory broke them, and until retention has deleted them or a whole replica leads, whoever
reads past them has not read everything: each place is named, by topic, partition and offsets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

Place = tuple[str, int]  # topic, partition


class Span(Protocol):
    """A partition, and the first offset that retention has left of it."""

    @property
    def place(self) -> Place: ...
    @property
    def log_start(self) -> int: ...


class BrokenPlaces:
    """Ranges of offsets [first, behind) by partition."""

    def __init__(self) -> None:
        self.ranges: dict[Place, dict[int, int]] = {}

    def note(self, place: Place, first: int, behind: int) -> None:
        """Note a range; where one ends that was noted before, it goes on."""
        ranges = self.ranges.setdefault(place, {})
        ranges[next((at for at, to in ranges.items() if to == first), first)] = behind

    def take_in(self, other: BrokenPlaces) -> None:
        """Know what another one knows, too."""
        for place, ranges in other.ranges.items():
            self.ranges.setdefault(place, {}).update(ranges)

    def forget_deleted(self, spans: Iterable[Span]) -> None:
        """Forget what retention has deleted."""
        for span in spans:
            ranges = self.ranges.pop(span.place, {})
            if left := {at: to for at, to in ranges.items() if to > span.log_start}:
                self.ranges[span.place] = left

    def holds(self, place: Place, offset: int) -> bool:
        """Whether an offset is in one of them."""
        return any(at <= offset < to for at, to in self.ranges.get(place, {}).items())

    def numbers(self, topic: str) -> set[int]:
        """Return the partition numbers of a topic that have one."""
        return {number for name, number in self.ranges if name == topic}

    def told(self, *topics: str) -> Mapping[Place, str]:
        """Return what cannot be read, by partition; of these topics, or of all."""
        return {
            place: _sentence(ranges)
            for place, ranges in self.ranges.items()
            if not topics or place[0] in topics
        }


def _sentence(ranges: Mapping[int, int]) -> str:
    names = [f"{at}" if to == at + 1 else f"{at} to {to - 1}" for at, to in sorted(ranges.items())]
    return f"Kafka's log is broken at offset {', '.join(names)} (docs/runbook.md, stalled)"
