"""The shelf answers as the filter itself would, and only looks at fewer letters."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.data.dead_letter_pages import PAGE_LETTERS, DeadLetterPages, filter_of_group
from stream.dlq.index import LetterFilter
from stream.dlq.open_letters import DeadLetter

offsets = itertools.count()


def letter(**more) -> DeadLetter:
    offset = next(offsets)
    values = {
        "partition": 0,
        "offset": offset,
        "at_ms": offset * 10,
        "event_id": f"e{offset}",
        "event": "saved",
        "kind": "order",
        "key": "1",
        "store": "1",
        "origin": ("t", 0, offset),
        "attempt": 1,
        "error_kind": "permanent",
        "code": "A",
        "field": "",
        "message": "",
        "mapping_version": "",
        "size": 1,
    }
    return DeadLetter(**{**values, **more})


class Index:
    """What the shelf needs of an index."""

    def __init__(self, letters) -> None:
        self._letters = list(letters)
        self.version = (len(self._letters),)

    def letters(self):
        return iter(self._letters)


async def shelf_of(letters) -> DeadLetterPages:
    shelf = DeadLetterPages()
    assert shelf.unknown  # nobody has looked yet
    await shelf.arrange(Index(letters), unknown="")
    assert not shelf.unknown
    return shelf


letters_of_all_kinds = st.lists(
    st.builds(
        letter,
        code=st.sampled_from("AB"),
        field=st.sampled_from(["", "F", "F,G"]),
        key=st.sampled_from("12"),
        store=st.sampled_from("12"),
    ),
    max_size=30,
)
filters = st.builds(
    LetterFilter,
    code=st.sampled_from(["", "A", "C"]),
    field=st.sampled_from(["", "F", "G,F", "-"]),
    key=st.sampled_from(["", "1", "9"]),
    store=st.sampled_from(["", "2", "9"]),
    since_ms=st.sampled_from([None, 50]),
)


@given(letters_of_all_kinds, filters)
async def test_it_finds_what_fits_and_nothing_else_newest_first(letters, wanted):
    shelf = await shelf_of(letters)
    expected = sorted((x for x in letters if wanted.fits(x)), key=lambda x: -x.at_ms)
    assert list(shelf.fitting(wanted)) == expected


@pytest.mark.parametrize("field", ["", "F", "F,G"])
async def test_the_filter_of_a_group_chooses_the_group(field):
    letters = [letter(code=code, field=name) for code in "AB" for name in ("", "F", "F,G")]
    shelf = await shelf_of(letters)
    group = next(g for g in shelf.groups if (g.code, g.field) == ("A", field))
    chosen = shelf.fitting(filter_of_group(group))
    assert group.sample in chosen
    assert {x.code for x in chosen} == {"A"}
    assert all(set(field.split(",")) <= set(x.field.split(",")) for x in chosen)


async def test_pages_hold_so_many_letters_and_the_last_one_the_rest():
    shelf = await shelf_of(letter() for _ in range(PAGE_LETTERS + 3))
    first, last = shelf.page(LetterFilter(), 1), shelf.page(LetterFilter(), 2)
    assert (len(first.letters), len(last.letters)) == (PAGE_LETTERS, 3)
    assert (first.total, first.pages) == (PAGE_LETTERS + 3, 2)
    assert shelf.page(LetterFilter(), 99).letters == []


async def test_what_is_missing_is_named_at_once_and_until_it_is_on_the_shelf(monkeypatch):
    monkeypatch.setattr("dashboard.data.dead_letter_pages.BUSY_SHARE", 1e-9)
    shelf = await shelf_of([letter()])
    await shelf.arrange(Index([letter()]), unknown="no leader")
    assert (shelf.unknown, len(shelf)) == ("no leader", 1)
    await shelf.arrange(Index([letter(), letter()]), unknown="")  # it is back, and not arranged yet
    assert (shelf.unknown, len(shelf)) == ("no leader", 1)
    shelf._next_at = 0.0
    await shelf.arrange(Index([letter(), letter()]), unknown="")
    assert (shelf.unknown, len(shelf)) == ("", 2)
