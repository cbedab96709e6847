"""Which of two states of a key counts, wherever they stand in the topic."""

from dataclasses import replace

import pytest

from agents.handling.state_order import goes_back, is_older
from schemas.state import Part, State

LATEST = "2026-11-28 12:05:00"
OLD, NEW, FUTURE = "2026-11-28 10:00:00", "2026-11-28 11:00:00", "2099-01-01 00:00:00"


def state(version, **more):
    return State(
        version=version, digest="d", topic="t", partition=0, offset=1, **{"seen_ms": 1, **more}
    )


def over(whole, **more):
    """Return the state of a status that came over a whole save."""
    return state(NEW, parts=(Part(NEW, frozenset({"f1"})),), under=whole, **more)


@pytest.mark.parametrize(
    ("value", "known", "is_back"),
    [
        (state(OLD), state(NEW), True),
        (state(NEW), state(OLD), False),
        (replace(state(NEW), digest=""), state(NEW), False),  # in doubt: the same save
        (state(OLD).as_reset(), state(NEW), False),
        (state(OLD, overruled=("m",)), state(NEW, mark="m"), False),  # a repair
        (state(OLD, edited_ms=5), state(NEW), False),  # a person's correction
        (state(NEW), state(OLD, edited_ms=5), False),  # saved after it
        (state(OLD), state(FUTURE), False),  # that one nobody believes any more
        (state(""), state(NEW), False),  # undated: the guard has decided it by its receipt
        (state(OLD), state(NEW).as_reset(), False),
        (state(OLD), state(LATEST), True),  # the newest that anybody may have given
        (replace(state(OLD), is_reset=True), state(NEW), False),  # written after a reset
        (state("").as_unknown(), replace(over(state(OLD)), version=""), False),  # a new beginning
        (over(state(OLD)), over(None), False),
        (over(None), over(state(OLD)), True),  # that one knows of a whole save beneath it
        (over(state(OLD)), over(state(NEW)), True),
        (over(state(OLD), overruled=("m",)), over(state(NEW, mark="m")), False),
    ],
)
def test_an_older_version_never_takes_the_place_of_a_newer_one(value, known, is_back):
    assert is_older(value, known, LATEST) is is_back
    assert goes_back(known.to_bytes(), value.to_bytes(), LATEST) is is_back


def test_what_cannot_be_read_is_left_to_its_reader():
    assert goes_back(b"{", state(OLD).to_bytes(), LATEST) is False
