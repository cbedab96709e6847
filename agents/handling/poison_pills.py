"""The crash journal: which events were in hand when the last process died?

A record that kills the process (a native crash in a user's hook, memory exhaustion) is redelivered
for ever and kills every worker that takes it. The journal is a small local file, written before
events are worked on, and again when they are done: it names all that is in hand, of every batch in
flight. A worker that finds events in it at start takes those by eighths, with nothing else in hand,
and after another death the eighth that was in hand by eighths again: nearly every death is nobody's
fault (a node that went, a kill -9), and a thousand events one at a time are minutes in which others
wait. The one that was in hand alone at `MAX_CRASHES` deaths becomes a dead letter.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

MAX_CRASHES = 3
PARTS = 8


class PoisonPillJournal:
    """Counts deaths per event. Losing the file costs nothing but the count."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._deaths: dict[str, int] = {}
        self._in_hand: dict[str, None] = {}
        self._file: int | None = None
        self._size = 0
        read = self._read()
        # Who never died alone, and was not in hand at the last death, may be another worker's by
        # now: nobody would ever clear it, and each crash would leave some more.
        self._deaths.update((name, n) for name, n in read.get("deaths", {}).items() if n)
        in_hand: list[str] = read.get("in_hand", [])
        self.part = max(1, -(-len(in_hand) // PARTS))
        for name in in_hand:
            self._deaths[name] = self._deaths.get(name, 0) + (1 if len(in_hand) == 1 else 0)

    def is_suspect(self, event_id: str) -> bool:
        """Whether the event was in hand at an earlier death: take it apart from others."""
        return event_id in self._deaths

    def most_together(self, event_id: str) -> int:
        """Return how many suspects may be in hand with this one, itself counted."""
        return 1 if self._deaths.get(event_id) else self.part

    def is_condemned(self, event_id: str) -> bool:
        """Whether the event was in hand alone at too many deaths."""
        return self._deaths.get(event_id, 0) >= MAX_CRASHES

    @property
    def has_suspects(self) -> bool:
        return bool(self._deaths)

    def begin(self, event_ids: Iterable[str]) -> None:
        """Note that these are in hand too, before they are worked on."""
        self._in_hand.update((event_id, None) for event_id in event_ids)
        self._write()

    def pause(self, event_ids: Iterable[str]) -> None:
        """Note that these are not worked on for now: what they did so far killed nobody."""
        for event_id in event_ids:
            self._in_hand.pop(event_id, None)
        self._write()

    def end(self, event_ids: Iterable[str]) -> None:
        """Note that these are done, and clear them of suspicion."""
        for event_id in event_ids:
            self._deaths.pop(event_id, None)
            self._in_hand.pop(event_id, None)
        self._write()

    def _read(self) -> dict[str, Any]:
        try:
            text = self._path.read_bytes()
            self._size = len(text)
            read = orjson.loads(text)
        except (OSError, orjson.JSONDecodeError):
            return {}
        return read if isinstance(read, dict) else {}

    def _write(self) -> None:
        """Write over what stands there, in one call: a kill leaves the old text or the new one.

        Blanks cover what is left of a longer one. The file stays open, because this runs a hundred
        times a second between two turns of the event loop.
        """
        text = orjson.dumps({"in_hand": [*self._in_hand], "deaths": self._deaths})
        self._size = max(self._size, len(text))
        try:
            if self._file is None:
                self._file = self._open()
            os.pwrite(self._file, text.ljust(self._size), 0)
        except OSError:
            return  # no disk for it: the worker works without a journal

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        weakref.finalize(self, os.close, file)
        return file
