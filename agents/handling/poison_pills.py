"""The crash journal: which events were in hand when the last process died?

A record that kills the process (a native crash in a user's hook, memory exhaustion) is redelivered
for ever and kills every worker that takes it. The journal is a small local file, written before a
batch is worked on and emptied after it. A worker that finds a batch in it at start takes those
events one at a time; the one that was in hand alone at `MAX_CRASHES` deaths becomes a dead letter.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from schemas.event import Origin

MAX_CRASHES = 3


class PoisonPillJournal:
    """Counts deaths per event. Losing the file costs nothing but the count."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._deaths: dict[str, int] = {}
        read = self._read()
        self._deaths.update(read.get("deaths", {}))
        in_hand: list[str] = read.get("in_hand", [])
        for name in in_hand:
            self._deaths[name] = self._deaths.get(name, 0) + (1 if len(in_hand) == 1 else 0)

    def is_suspect(self, origin: Origin) -> bool:
        """Whether the event was in hand at an earlier death: take it alone."""
        return _name(origin) in self._deaths

    def is_condemned(self, origin: Origin) -> bool:
        """Whether the event was in hand alone at too many deaths."""
        return self._deaths.get(_name(origin), 0) >= MAX_CRASHES

    def begin(self, origins: Iterable[Origin]) -> None:
        """Note what is in hand, before it is worked on."""
        self._write([_name(origin) for origin in origins])

    def end(self, origins: Iterable[Origin]) -> None:
        """Note that these are done, and clear them of suspicion."""
        for origin in origins:
            self._deaths.pop(_name(origin), None)
        self._write([])

    def _read(self) -> dict[str, Any]:
        try:
            read = orjson.loads(self._path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return {}
        return read if isinstance(read, dict) else {}

    def _write(self, in_hand: list[str]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_bytes(orjson.dumps({"in_hand": in_hand, "deaths": self._deaths}))
        except OSError:
            return  # no disk for it: the worker works without a journal


def _name(origin: Origin) -> str:
    return f"{origin.topic}/{origin.partition}/{origin.offset}"
