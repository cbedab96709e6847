"""A result as bytes: what is left out, and that nothing else is."""

from __future__ import annotations

from dataclasses import MISSING, fields

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.result import Outcome, Result, read_result

MODEL = TypeAdapter(Result)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=3)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
VALUES = {
    "str": TEXTS,
    "int": NUMBERS,
    "int | None": st.none() | NUMBERS,
    "list[str]": st.lists(TEXTS, max_size=2),
    "dict[str, str]": st.dictionaries(TEXTS, TEXTS, max_size=2),
    "Outcome": st.sampled_from(Outcome),
}
GIVEN = {one.name: VALUES[one.type] for one in fields(Result)}
NEEDED = {one.name for one in fields(Result) if one.default is one.default_factory is MISSING}
RESULTS = st.fixed_dictionaries(
    {name: how for name, how in GIVEN.items() if name in NEEDED},
    optional={name: how for name, how in GIVEN.items() if name not in NEEDED},
).map(lambda values: Result(**values))


@given(RESULTS)
def test_the_bytes_say_all_but_what_is_as_it_is_by_default(result) -> None:
    said = orjson.loads(result.to_bytes())
    assert said == MODEL.dump_python(result, mode="json", exclude_defaults=True)
    assert Result.from_bytes(result.to_bytes()) == result
    assert read_result(result.to_bytes()) == said


def test_what_has_no_default_is_always_said() -> None:
    bare = Result.from_bytes(
        b'{"event_id":"","kind":"","key":"","outcome":"dead","origin_topic":"",'
        b'"origin_partition":0,"origin_offset":0,"at_ms":0}'
    )
    assert orjson.loads(bare.to_bytes()).keys() == NEEDED


@pytest.mark.parametrize("wrong", [{}, {"outcome": "well"}, {"at_ms": "now"}])
def test_what_is_no_result_is_not_read(wrong) -> None:
    sound = orjson.loads(Result(**_SOUND).to_bytes())
    with pytest.raises(ValidationError):
        Result.from_bytes(orjson.dumps({**(sound if wrong else {}), **wrong}))


_SOUND = {
    **dict.fromkeys(("event_id", "kind", "key", "origin_topic"), "a"),
    **dict.fromkeys(("origin_partition", "origin_offset", "at_ms"), 1),
    "outcome": Outcome.SYNCED,
}
