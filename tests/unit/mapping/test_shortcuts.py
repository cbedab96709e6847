"""What the hot path decides without a call is what the steps themselves say."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.mapping.fields.coerce import fitting, plain_length
from agents.mapping.fields.dates import iso_of, version_of
from agents.mapping.fields.field_types import FieldType
from agents.mapping.fields.transforms import TRANSFORMS
from schemas.sender_clock import sender_time

TEXTS = ("text", "textarea", "phone", "url")
OTHERS = ("email", "picklist", "multipicklist", "number", "date", "datetime", "checkbox", "id")


class LongWay(str):
    """A text that no shortcut takes."""

    __slots__ = ()


class LongNumber(float):
    """A number that no shortcut takes."""


@given(st.sampled_from(TEXTS), st.text(max_size=40), st.integers(1, 60))
@example("text", " \U0001f600 ", 2)
@example("textarea", "   ", 30)
def test_a_printable_text_up_to_the_plain_length_only_loses_its_blanks(kind, text, length):
    field_type = FieldType(kind, length)
    if not text.isprintable() or len(text) > plain_length(field_type):
        return
    notes: list[str] = []
    assert fitting(field_type)(text, notes, "A.B") == (text.strip() or None)
    assert notes == []


@pytest.mark.parametrize("kind", OTHERS)
def test_a_type_that_is_more_than_text_has_no_plain_length(kind):
    assert plain_length(FieldType(kind, 255)) == -1


@given(
    st.one_of(
        st.floats(), st.integers(), st.decimals(-(10**9), 10**9, places=2).map(float), st.just(-0.0)
    ),
    st.sampled_from([(18, 2), (18, 0), (5, 2), (16, 4), (18, 18)]),
)
@example(1_000.0, (5, 2))
@example(999.995, (5, 2))
def test_a_plain_number_is_fitted_as_any_other(value, digits):
    fit = fitting(FieldType("number", precision=digits[0], scale=digits[1]))
    shortly: list[str] = []
    at_length: list[str] = []
    text = str(value) if isinstance(value, int) else LongNumber(value)
    assert fit(value, shortly, "A.B") == fit(text, at_length, "A.B")
    assert shortly == at_length


ADDRESSES = st.one_of(
    st.emails(), st.from_regex(r"[A-Za-z0-9_+.-]{1,9}@[a-zA-Z0-9.-]{1,12}", fullmatch=True)
)


@given(ADDRESSES, st.sampled_from([80, 20]))
@example("Buyer@Example.com\n", 80)
def test_an_ordinary_address_is_fitted_as_any_other(address, length):
    steps = (fitting(FieldType("email", length)), TRANSFORMS["email"].make(()))
    for step in steps:
        shortly: list[str] = []
        at_length: list[str] = []
        made = step(address, shortly, "A.B")
        assert made == step(LongWay(address), at_length, "A.B")
        assert shortly == at_length


@given(st.integers(-(10**20), 10**20))
def test_a_whole_quantity_is_written_as_any_other(count):
    step = TRANSFORMS["number"].make(())
    assert step(count, [], "") == step(str(count), [], "")


@given(st.dates().map(str) | st.from_regex(r"[0-9W/ -]{10}", fullmatch=True))
def test_a_day_is_read_as_any_other_time(text):
    step = TRANSFORMS["date"].make(())
    assert step(text, [], "") == step(f" {text}", [], "")


@given(
    st.sampled_from(["2000-01-01", "3999-12-31", "4000-12-31", "4001-01-01", "9999-12-31"]),
    st.sampled_from(["00:00:00", "23:59:59", "12:00:00.250000"]),
)
def test_a_version_is_the_sender_s_time_as_any_other_is_written(day, time):
    saved = sender_time(f"{day} {time}", 0).version
    assert version_of(saved) == iso_of(f"{day} {time}")


def test_an_undated_document_has_no_version():
    assert version_of(sender_time("", 0).version) == ""
