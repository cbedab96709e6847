"""`schemas.frozen`: frozen for the type checker, plain at run time, and else the standard one."""

from __future__ import annotations

import dataclasses
from dataclasses import field
from pathlib import Path

import mypy.api
import pytest

from schemas.frozen import dataclass, replace


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Single:
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    name: str


@dataclass(slots=True)
class Counter:
    count: int = 0


def test_equal_values_are_equal_and_hash_alike() -> None:
    assert Point(1, 2, "a") == Point(1, 2, "b") != Point(2, 1)
    assert {Point(1, 2, "a"), Point(1, 2, "b")} == {Point(1, 2)}


def test_what_compares_by_identity_hashes_by_identity() -> None:
    one, other = Handle("a"), Handle("a")
    assert one != other
    assert len({one, other}) == 2


def test_what_changes_has_no_hash() -> None:
    with pytest.raises(TypeError):
        hash(Counter())


@pytest.mark.parametrize(
    ("before", "changes"),
    [(Point(1, 2, "a"), {"y": 5}), (Point(1), {"note": "b", "x": 3}), (Single((1,)), {"rows": ()})],
)
def test_replace_is_the_standard_one(before: Point | Single, changes: dict[str, object]) -> None:
    unchanged = dataclasses.replace(before)
    after = replace(before, **changes)  # type: ignore[arg-type]  # several classes
    assert dataclasses.astuple(after) == dataclasses.astuple(
        dataclasses.replace(before, **changes)  # type: ignore[arg-type]  # several classes
    )
    assert before == unchanged


def test_replace_refuses_a_field_that_is_not_there() -> None:
    with pytest.raises((KeyError, TypeError)):
        replace(Point(1), z=3)  # type: ignore[call-arg]  # the field that is not there


def test_the_type_checker_holds_what_is_frozen(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from schemas.salesforce import Row\n\nrow = Row('A', 'B', 'c')\nrow.sobject = 'D'\n",
        encoding="ascii",
    )
    out, _, code = mypy.api.run(["--config-file", "", "--cache-dir", str(tmp_path), str(program)])
    assert code == 1
    assert f'{program}:4: error: Property "sobject" defined in "Row" is read-only' in out
