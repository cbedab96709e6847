"""While an upgrade runs, two releases read and write the same topics: their schemas must allow it.

`tests/releases/<version>/` holds the schemas that a release wrote by. Whatever it wrote, this version
must read (what waits in a retry tier is days old), and what this version writes, it must read, too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
NOW = ROOT / "schemas" / "json"
FROZEN = sorted((ROOT / "tests" / "releases").glob("*/*.schema.json"))


def types(field: dict[str, Any]) -> set[str]:
    """Return the JSON types that a field may have, and `any` where nothing is said."""
    if "anyOf" in field:
        return set().union(*(types(one) for one in field["anyOf"]))
    if "$ref" in field:
        return {"string"}  # our only references are enumerations
    found = field.get("type", "any")
    return {found} if isinstance(found, str) else set(found)


def accepts(reader: dict[str, Any], writer: dict[str, Any]) -> list[str]:
    """Return why a reader cannot take everything that a writer may write."""
    known, written = reader["properties"], writer["properties"]
    problems = [
        f"{name} is needed and need not be there"
        for name in reader.get("required", [])
        if name not in writer.get("required", [])
    ]
    problems += [
        f"{name} is {sorted(types(written[name]))}, read as {sorted(types(known[name]))}"
        for name in known.keys() & written.keys()
        if "any" not in types(known[name]) and not types(written[name]) <= types(known[name])
    ]
    words = {
        name: set(kind.get("enum", [])) - set(reader.get("$defs", {}).get(name, kind)["enum"])
        for name, kind in writer.get("$defs", {}).items()
        if "enum" in kind
    }
    problems += [f"{name}: {sorted(new)} is not known" for name, new in words.items() if new]
    if reader.get("additionalProperties") is False:
        problems += [f"{name} is not known" for name in written.keys() - known.keys()]
    return problems


@pytest.mark.parametrize("path", FROZEN, ids=lambda path: f"{path.parent.name} {path.stem}")
def test_either_release_reads_what_the_other_writes(path: Path) -> None:
    last, now = json.loads(path.read_text()), json.loads((NOW / path.name).read_text())
    assert accepts(now, last) == [], "this version cannot read what was written"
    assert accepts(last, now) == [], "the last release cannot read what is written"
    lost = last["properties"].keys() - now["properties"].keys()
    assert not lost, "what was written is not read any more"


def test_there_is_a_release_to_hold_against() -> None:
    assert {path.name for path in FROZEN} <= {path.name for path in NOW.glob("*.schema.json")}
    assert len(FROZEN) >= 5


def test_a_field_that_becomes_necessary_or_another_type_is_seen() -> None:
    old = {"properties": {"a": {"type": "string"}}, "required": []}
    new = {"properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert len(accepts(new, old)) == 2
    assert accepts(old, {"properties": {"b": {"type": "string"}}}) == []
    kinds = [{"properties": {}, "$defs": {"K": {"enum": ["a", "b"][:n]}}} for n in (1, 2)]
    assert accepts(kinds[0], kinds[1]) == ["K: ['b'] is not known"]
    assert accepts(kinds[1], kinds[0]) == []
    assert accepts({**old, "additionalProperties": False}, {"properties": {"b": {}}}) != []
