"""Dead letters without a broker: what the index understands, and which letters fit."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.operator import (
    Mark,
    OperatorAction,
    Resolution,
    copied_from,
    mark_of,
    source_of_copy,
)
from stream.dlq.index import LetterFilter, find_letter, group_letters, letter_of, store_of
from stream.errors import JobError


def record(offset=0, value=b"{}", headers=(), **more):
    values = {"topic": "salesforce.dlq", "partition": 1, "offset": offset, "timestamp": 1000}
    return SimpleNamespace(**{**values, "key": b"1", "value": value, "headers": headers, **more})


def letter(offset=0, **changes):
    return replace(letter_of(record(offset)), **changes)


@given(st.binary(max_size=200), st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=20))))
def test_any_record_becomes_a_letter(value, headers):
    read = letter_of(record(value=value, headers=headers))
    assert read.id == "1-0"
    assert read.code


@pytest.mark.parametrize(
    ("value", "store"),
    [
        (b'{"order":{"store_id":3}}', "3"),
        (b'{"order":{"store_id":"3"}}', "3"),
        (b'{"data":{"order":{"store_id":3}}}', "3"),
        (b'{"store_id":3}', "3"),
        (b'{"customer":{"store_id":2}}', "2"),
        (b'{"order":{"store_id":{}}}', ""),
        (b'{"order":[]}', ""),
        (b"[]", ""),
        (b"\xff", ""),
    ],
)
def test_the_store_is_found_in_every_senders_shape(value, store):
    assert store_of(value) == store


def test_a_filter_asks_for_everything_that_is_given():
    item = letter(code="A", field="Name,Phone", at_ms=500, key="7", store="2", event_id="e")
    for fits in (
        LetterFilter(),
        LetterFilter(code="A", field="Phone", key="7", store="2", since_ms=500, until_ms=501),
        LetterFilter(field="Phone,Name"),
        LetterFilter(ids=("1-0",)),
        LetterFilter(ids=("e",)),
    ):
        assert fits.fits(item)
    for misses in (
        LetterFilter(code="B"),
        LetterFilter(field="Name,City"),
        LetterFilter(field="-"),
        LetterFilter(until_ms=500),
        LetterFilter(since_ms=501),
        LetterFilter(key="8"),
        LetterFilter(store="1"),
        LetterFilter(ids=("1-1",)),
    ):
        assert not misses.fits(item)
    assert LetterFilter().is_everything
    assert not LetterFilter(store="1").is_everything


def test_the_largest_group_comes_first_and_knows_its_orders():
    letters = [
        letter(0, code="A", key="1", at_ms=5),
        letter(1, code="B", key="1", at_ms=1),
        letter(2, code="B", key="1", at_ms=9),
        letter(3, code="B", key="2", at_ms=4),
    ]
    first, second = group_letters(letters)
    assert (first.code, first.count, first.orders) == ("B", 3, 2)
    assert (first.first_ms, first.last_ms) == (1, 9)
    assert second.count == 1


def test_a_letter_is_found_by_id_event_or_order_and_the_newest_wins():
    index = SimpleNamespace(
        unread={},
        letters=lambda: [
            letter(0, key="7", at_ms=1, event_id="a"),
            letter(1, key="7", at_ms=2, event_id="b"),
        ],
    )
    assert find_letter(index, "7").offset == 1
    assert find_letter(index, "a").offset == 0
    assert find_letter(index, "1-1").offset == 1
    with pytest.raises(JobError, match="no open dead letter 9-9"):
        find_letter(index, "9-9")


def test_a_mark_survives_the_road_and_a_letter_is_none():
    mark = Mark(Resolution.DROPPED, (3, 9), at_ms=5, who="ann", why="test", job_id="j")
    assert mark_of(mark.headers, mark.to_bytes()) == mark
    assert mark_of([("event-id", b"x")], b"{}") is None


@pytest.mark.parametrize("value", [None, b"{", b"[]", b'{"resolution":"eaten","offsets":[]}'])
def test_a_broken_mark_resolves_nothing(value):
    assert mark_of([("mark", b"dropped")], value).offsets == ()


def test_a_copy_names_its_source():
    assert source_of_copy([copied_from("pre.magento.orders", 3, 17)]) == (
        "pre.magento.orders",
        3,
        17,
    )
    for raw in (b"", b"topic", b"topic/x/1", b"topic/1/x", b"topic/1/"):
        assert source_of_copy([("copied-from", raw)]) is None
    assert source_of_copy([]) is None


def test_an_action_survives_the_road():
    action = OperatorAction("dlq-drop", "ann@desk", 5, why="w", job_id="j", detail={"count": 1})
    assert OperatorAction.from_bytes(action.to_bytes()) == action
