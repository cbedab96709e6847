"""Who is writing what at this moment: finds calls in flight that touch one record or Account.

The platform locks a written record and its parent Account for the length of the call. Collisions
are always counted; with `lock_contention` on, the later call's rows fail with UNABLE_TO_LOCK_ROW.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Key = tuple[str, str]


class InFlight:
    """The keys held by the calls being carried out, and how often calls collided."""

    def __init__(self) -> None:
        self._held: Counter[Key] = Counter()
        self.collisions = 0

    @contextmanager
    def hold(self, keys: set[Key]) -> Iterator[frozenset[Key]]:
        """Hold the keys for the length of the block; yields those another call holds already."""
        busy = frozenset(key for key in keys if self._held[key])
        self.collisions += len(busy)
        self._held.update(keys)
        try:
            yield busy
        finally:
            self._held.subtract(keys)
            for key in keys:
                if self._held[key] <= 0:
                    del self._held[key]


def keys_of(body: Any, key_field: str = "") -> set[Key]:
    """Return what a request body will lock: its rows by external id, and their Accounts."""
    if not isinstance(body, dict):
        return set()
    keys: set[Key] = set()
    for request in body.get("compositeRequest") or ():
        if isinstance(request, dict):
            url = str(request.get("url", "")).split("?")[0]
            keys |= keys_of(request.get("body"), url.rsplit("/", 1)[-1])
    records = body.get("records")
    if isinstance(records, list):
        for record in records:
            if isinstance(record, dict):
                _add_keys(keys, record, key_field)
    return keys


def _add_keys(keys: set[Key], record: dict[str, Any], key_field: str) -> None:
    attributes, value = record.get("attributes"), record.get(key_field)
    if isinstance(value, str) and isinstance(attributes, dict):
        keys.add((str(attributes.get("type")), value.casefold()))
    account = record.get("Account")
    if isinstance(account, dict):
        named = (value for value in account.values() if isinstance(value, str))
        keys.update(("Account", value.casefold()) for value in named)
