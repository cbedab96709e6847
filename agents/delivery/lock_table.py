"""Which records are in a call now, and who waits for them. Pure.

Salesforce locks an order's Account with the order: two calls side by side that hold one Account
fail with UNABLE_TO_LOCK_ROW. Within one call they share the lock. So a write set goes only when
none of its locks is in another call; if one is, it waits in line for that one, and everybody else
goes on. Who comes later does not overtake the line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

Item = TypeVar("Item")
Owner = object


class LockTable(Generic[Item]):
    """Locks by owner (a call), and lines of items that wait. `locks_of` names an item's locks."""

    def __init__(self, locks_of: Callable[[Item], AbstractSet[Hashable]]) -> None:
        self._locks_of = locks_of
        self._held: dict[Hashable, tuple[Owner, int]] = {}
        self._lines: dict[Hashable, deque[Item]] = {}
        self._free: dict[Hashable, None] = {}  # lines whose lock nobody holds, oldest first

    @property
    def waiting(self) -> int:
        """How many items stand in all lines."""
        return sum(map(len, self._lines.values()))

    @property
    def free_lines(self) -> int:
        """How many lines can go now."""
        return len(self._free)

    @property
    def in_free_lines(self) -> int:
        """How many items stand in lines that can go now."""
        return sum(len(self._lines[lock]) for lock in self._free)

    def claim(self, item: Item, owner: Owner) -> bool:
        """Take all locks of an item for an owner; if one is taken, put the item in its line."""
        locks = self._locks_of(item)
        held, lines = self._held, self._lines
        if not lines and held.keys().isdisjoint(locks):  # nobody waits, so no line is free either
            held.update(dict.fromkeys(locks, (owner, 1)))
            return True
        for lock in locks:
            holder = held.get(lock)
            if (holder is not None and holder[0] is not owner) or lock in lines:
                self._queue(lock, item)
                return False
        self._hold(locks, owner)
        return True

    def claim_waiting(self, most: int, owner: Owner) -> list[Item]:
        """Take up to so many items out of lines whose lock is free, in order.

        An item that is still kept from going by another lock changes lines.
        """
        taken: list[Item] = []
        while self._free and len(taken) < most:
            lock = next(iter(self._free))
            line = self._lines[lock]
            while line and len(taken) < most:
                item = line.popleft()
                other = self._blocker(item, owner)
                if other is None:
                    self._hold(self._locks_of(item), owner)
                    taken.append(item)
                else:
                    self._queue(other, item)
            if not line:
                del self._lines[lock]
                self._free.pop(lock, None)
        return taken

    def release(self, item: Item) -> None:
        """Give an item's locks back."""
        held, lines = self._held, self._lines
        for lock in self._locks_of(item):
            owner, count = held[lock]
            if count > 1:
                held[lock] = owner, count - 1
                continue
            del held[lock]
            if lock in lines:
                self._free[lock] = None

    def forget(self, is_gone: Callable[[Item], bool]) -> list[Item]:
        """Remove waiting items; return them."""
        removed: list[Item] = []
        for lock, line in list(self._lines.items()):
            kept: deque[Item] = deque()
            for item in line:
                (removed if is_gone(item) else kept).append(item)
            if kept:
                self._lines[lock] = kept
            else:
                del self._lines[lock]
                self._free.pop(lock, None)
        return removed

    def _blocker(self, item: Item, owner: Owner) -> Hashable | None:
        for lock in self._locks_of(item):
            holder = self._held.get(lock)
            if holder is not None and holder[0] is not owner:
                return lock
        return None

    def _hold(self, locks: AbstractSet[Hashable], owner: Owner) -> None:
        held, first = self._held, (owner, 1)
        for lock in locks:
            holder = held.get(lock)
            held[lock] = first if holder is None else (owner, holder[1] + 1)
        for lock in locks if self._free else ():
            self._free.pop(lock, None)  # also the line of a lock that was taken out of another line

    def _queue(self, lock: Hashable, item: Item) -> None:
        self._lines.setdefault(lock, deque()).append(item)
        if lock not in self._held:
            self._free[lock] = None
