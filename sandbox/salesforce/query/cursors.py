"""Query answers that did not fit one page, by locator, until they are forgotten."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_OPEN_CURSORS = 50  # the oldest is dropped: a forgotten cursor must not keep its rows for ever


@dataclass(slots=True)
class Cursors:
    """The open answers; a locator looks like a query locator of the platform."""

    rows: OrderedDict[str, list[dict[str, Any]]] = field(default_factory=OrderedDict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def open(self, rows: list[dict[str, Any]]) -> str:
        """Keep the rows and return their locator."""
        locator = f"01gOs{next(self._numbers):013d}"
        self.rows[locator] = rows
        while len(self.rows) > _OPEN_CURSORS:
            self.rows.popitem(last=False)
        return locator
