"""Which events are old: by their record times, and by their places where no time can be true.

Events are in the order of their arrival, so the first young one says where the old ones end. A time
of the future (a clock that jumped, for a moment) is no sign of youth when a believable one follows:
or else nothing behind it would ever be late. At the end of a log it is believed.
"""

from __future__ import annotations

from typing import Any

from stream.audit.event_book import CLOCK_SKEW_MS, Place


class Ages:
    """Events with a record time of at most `old_ms` are old, at the moment `now_ms`."""

    def __init__(self, old_ms: int, now_ms: int) -> None:
        self._old_ms = old_ms
        self._latest_ms = now_ms + CLOCK_SKEW_MS
        self._young: set[Place] = set()
        self.ends: dict[Place, int] = {}

    def note(self, record: Any) -> None:
        """Note a record; those of a partition come in the order of their offsets."""
        where = (record.topic, record.partition)
        if where in self._young:
            return
        if record.timestamp <= self._old_ms:
            self.ends[where] = record.offset + 1
        elif record.timestamp <= self._latest_ms:
            self._young.add(where)
