"""The open dead letters, arranged for pages: groups and their letters, made anew when they change.

Arranging 100,000 letters takes a moment, so it is done beside the pages, in a thread, and a page
only picks from what is there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from stream.dlq.index import NO_FIELD, DeadLetterIndex, LetterFilter, LetterGroup, group_letters
from stream.dlq.open_letters import DeadLetter

PAGE_LETTERS = 50
BUSY_SHARE = 0.1  # of the time at most goes into arranging: with 100,000 letters every few seconds


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Some of the fitting letters, the newest first; pages count from 1."""

    letters: Sequence[DeadLetter]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_LETTERS))


class DeadLetterPages:
    """Groups and letters as of the last `arrange`. `unknown`: why they are not all, if so."""

    def __init__(self) -> None:
        self._key: tuple[int, ...] = ()
        self._next_at = float("-inf")
        self.unknown = "Kafka has not been read yet"
        self.groups: Sequence[LetterGroup] = ()
        self._letters: dict[tuple[str, str], list[DeadLetter]] = {}
        self._newest: list[DeadLetter] = []
        self._by_key: dict[str, list[DeadLetter]] = {}
        self._by_store: dict[str, list[DeadLetter]] = {}
        self._by_id: dict[str, DeadLetter] = {}

    def __len__(self) -> int:
        return len(self._newest)

    async def arrange(self, index: DeadLetterIndex, *, unknown: str) -> None:
        """Take over what the index has, if it has changed. Nothing may refresh it meanwhile."""
        began = time.monotonic()
        self.unknown = unknown or self.unknown  # until what was missing is arranged
        if index.version != self._key:
            if began < self._next_at:
                return
            self._key = index.version
            await asyncio.to_thread(self._arrange, index)
            took = time.monotonic() - began
            self._next_at = began + took / BUSY_SHARE
        self.unknown = unknown

    def _arrange(self, index: DeadLetterIndex) -> None:
        letters = list(index.letters())
        newest = sorted(letters, key=lambda letter: -letter.at_ms)
        by_group: dict[tuple[str, str], list[DeadLetter]] = {}
        by_key: dict[str, list[DeadLetter]] = {}
        by_store: dict[str, list[DeadLetter]] = {}
        for letter in newest:
            by_group.setdefault((letter.code, letter.field), []).append(letter)
            by_key.setdefault(letter.key, []).append(letter)
            by_store.setdefault(letter.store, []).append(letter)
        groups = group_letters(letters)
        by_id = {letter.id: letter for letter in letters}
        self.groups, self._letters, self._newest = groups, by_group, newest
        self._by_key, self._by_store, self._by_id = by_key, by_store, by_id

    def find(self, letter_id: str) -> DeadLetter | None:
        """Return an open letter by its id, `<partition>-<offset>`."""
        return self._by_id.get(letter_id)

    def page(self, wanted: LetterFilter, page: int = 1) -> LetterPage:
        """Return a page of the fitting letters."""
        letters = self.fitting(wanted)
        start = (max(1, page) - 1) * PAGE_LETTERS
        return LetterPage(letters[start : start + PAGE_LETTERS], len(letters), max(1, page))

    def fitting(self, wanted: LetterFilter) -> Sequence[DeadLetter]:
        """Return all letters that fit, the newest first."""
        letters = self._candidates(wanted)
        if wanted == LetterFilter(code=wanted.code, field=wanted.field):
            return letters
        return [letter for letter in letters if wanted.fits(letter)]

    def _candidates(self, wanted: LetterFilter) -> Sequence[DeadLetter]:
        """Return letters among which all that fit are, the newest first: few, if it can be."""
        if wanted.key:
            return self._by_key.get(wanted.key, ())
        if not wanted.code and not wanted.field:
            return self._by_store.get(wanted.store, ()) if wanted.store else self._newest
        probe = LetterFilter(code=wanted.code, field=wanted.field)
        fitting = [group for group in self._letters.values() if probe.fits(group[0])]
        if len(fitting) == 1:
            return fitting[0]
        return sorted((x for group in fitting for x in group), key=lambda letter: -letter.at_ms)


def filter_of_group(group: LetterGroup) -> LetterFilter:
    """Return the filter that chooses a group's letters."""
    return LetterFilter(code=group.code, field=group.field or NO_FIELD)
