"""What a benchmark says: figures with their spread, what they are held against, and how they came.

A `Section` is one page of docs/benchmarks.md and one object of docs/benchmarks.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

THOUSAND = 1_000.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value: the median of several runs, the lowest and the highest.

    `target` is what it is held against, in words; `is_met` is None where there is nothing to meet.
    """

    what: str
    unit: str
    median: float
    low: float
    high: float
    target: str = ""
    is_met: bool | None = None

    @classmethod
    def of(
        cls,
        what: str,
        unit: str,
        values: Sequence[float],
        *,
        least: float | None = None,
        most: float | None = None,
    ) -> Figure:
        """Return the figure of several runs, held against a least or a most if there is one."""
        middle = median(values)
        target, is_met = "", None
        if least is not None:
            target, is_met = f"≥ {number(least)} {unit}", middle >= least
        if most is not None:
            target, is_met = f"≤ {number(most)} {unit}", middle <= most
        return cls(what, unit, middle, min(values), max(values), target, is_met)


@dataclass(slots=True)
class Section:
    """The figures of one benchmark. `text` says what was run; `remarks` what the figures mean."""

    name: str
    title: str
    text: str
    figures: list[Figure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    conditions: dict[str, Any] = field(default_factory=dict)

    def add(self, what: str, unit: str, values: Sequence[float], **held: float) -> None:
        self.figures.append(Figure.of(what, unit, values, **held))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def section_of(read: dict[str, Any]) -> Section:
    """Return the section that `as_json` was."""
    figures = [Figure(**figure) for figure in read["figures"]]
    return Section(**{**read, "figures": figures})


def markdown(section: Section) -> str:
    """Return a section as a page's part."""
    lines = [f"## {section.title}", "", section.text, ""]
    lines += ["| | median | lowest to highest | target | |", "|---|---:|---:|---|---|"]
    lines += [_row(figure) for figure in section.figures]
    if section.conditions:
        words = ", ".join(f"{name} {value}" for name, value in section.conditions.items())
        lines += ["", f"Conditions: {words}."]
    lines += [line for remark in section.remarks for line in ("", remark)]
    return "\n".join([*lines, ""])


def _row(figure: Figure) -> str:
    verdict = {None: "", True: "met", False: "**missed**"}[figure.is_met]
    spread = "" if figure.low == figure.high else f"{number(figure.low)} to {number(figure.high)}"
    value = f"{number(figure.median)} {figure.unit}"
    return f"| {figure.what} | {value} | {spread} | {figure.target} | {verdict} |"


def number(value: float) -> str:
    """Return a value with as many digits as anybody reads."""
    if abs(value) >= THOUSAND:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"
