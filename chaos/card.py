"""One scenario's result, and how it travels as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from chaos.verdict import Figures


@dataclass(frozen=True, slots=True)
class Card:
    """What came of a scenario. `broken`: one sentence per broken promise; none is good.

    `scale`: how long it was, by the report card's measure. `together`: the scenarios that shared
    its pipe, and its figures.
    """

    name: str
    story: str
    at: datetime
    seconds: float = 0.0
    figures: Figures | None = None
    broken: tuple[str, ...] = ()
    seen: Mapping[str, int] = field(default_factory=dict)
    skipped: str = ""
    scale: float = 1.0
    together: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept; a skipped scenario shows nothing and breaks nothing."""
        return not self.broken

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        data = asdict(self)
        data["at"] = self.at.astimezone(UTC).isoformat(timespec="seconds")
        data["seconds"] = round(self.seconds, 1)
        data["seen"] = dict(sorted(self.seen.items()))
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Card:
        """Return the card of `to_json`'s data."""
        figures = data["figures"]
        return cls(
            name=data["name"],
            story=data["story"],
            at=datetime.fromisoformat(data["at"]),
            seconds=data["seconds"],
            figures=Figures(**figures) if figures else None,
            broken=tuple(data["broken"]),
            seen=data["seen"],
            skipped=data["skipped"],
            scale=data.get("scale", 1.0),
            together=tuple(data.get("together", ())),
        )
