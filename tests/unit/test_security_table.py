"""The tables of SECURITY.md: every line is held by tests that exist and test something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ((?:API|V)\d+)[^|]*\|(?P<here>[^|]*)\|(?P<held>[^|]*)\|$", re.MULTILINE)
ROWS = {found[1]: found for found in ROW.finditer(TEXT)}


def test_every_line_of_both_standards_is_there() -> None:
    wanted = [f"API{n}" for n in range(1, 11)] + [f"V{n}" for n in range(1, 15)]
    assert list(ROWS) == wanted
    assert "**Open" not in TEXT


@pytest.mark.parametrize("line", ROWS)
def test_a_line_is_held_by_tests_that_exist(line: str) -> None:
    named = [path.strip() for path in ROWS[line]["held"].split(",")]
    assert named
    for path in named:
        files = (
            sorted((ROOT / path).rglob("test_*.py")) if (ROOT / path).is_dir() else [ROOT / path]
        )
        assert files, path
        assert any(re.search(r"^(?:async )?def test_", f.read_text(), re.MULTILINE) for f in files)


def test_a_file_of_attacks_runs_in_the_short_and_in_the_long_form() -> None:
    made = (ROOT / "Makefile").read_text()
    assert re.search(r"^integration:.*\n\t.*tests/attacks", made, re.MULTILINE)
    assert re.search(r"^attack:.*\n\tATTACK_ROUNDS=\$\(ROUNDS\).*tests/attacks", made, re.MULTILINE)
