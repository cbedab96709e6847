"""Who goes first when calls run short."""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """Who goes first when the day's calls run short; lower is more urgent."""

    LIVE = 0
    REPLAY = 1
    BACKFILL = 2
