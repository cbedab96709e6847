"""Who is the same person under another address."""

from __future__ import annotations

import pytest

from schemas.state import State
from stream.erasure.search import address_in, tie_of

STATE = State("2026-02-01 10:00:00", "d", "t", 0, 1, entity_id="131")


@pytest.mark.parametrize(
    ("key", "tie"),
    [
        (b"customer:greta@example.com", ("greta@example.com", {"131"})),
        (b"customer:5:greta@example.com", ("greta@example.com", {"131"})),
        (b"order:000000131", None),
        (b"erased:0011", None),
        (None, None),
    ],
)
def test_a_customers_state_ties_an_address_to_an_id(key, tie) -> None:
    assert tie_of(key, STATE.to_bytes()) == tie


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"v":""}'])
def test_a_tombstone_and_what_is_no_state_tie_nothing(value) -> None:
    assert tie_of(b"customer:greta@example.com", value) is None


def test_a_website_before_an_address_is_no_part_of_it() -> None:
    assert address_in("5:greta@example.com") == address_in("greta@example.com")
    assert address_in("a:b@example.com") == "a:b@example.com"
