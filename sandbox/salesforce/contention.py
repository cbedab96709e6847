"""Who is writing what at this moment: finds calls in flight that touch one record or Account.

The platform locks a written record and its parent Account for the length of the call. Collisions
are always counted; with `lock_contention` on, the later call's rows fail with UNABLE_TO_LOCK_ROW.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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
            keys.update(_keys_of_record(record, key_field))
    return keys


def _keys_of_record(record: Any, key_field: str) -> Iterable[Key]:
    if not isinstance(record, Mapping):
        return
    attributes = record.get("attributes")
    sobject = attributes.get("type") if isinstance(attributes, dict) else ""
    value = record.get(key_field)
    if isinstance(sobject, str) and isinstance(value, str):
        yield sobject, value.casefold()
    account = record.get("Account")
    if isinstance(account, dict):
        for name, parent in account.items():
            if name != "attributes" and isinstance(parent, str):
                yield "Account", parent.casefold()
