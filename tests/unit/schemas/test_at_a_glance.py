"""What is decided at a glance, of nearly every order, is what the longer way says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.digest import _of_number, content_digest
from schemas.document.flattened import SEPARATORS, unflattened
from schemas.document.row_spellings import are_plain_rows
from schemas.texts import MAX_WHOLE, said


@given(st.one_of(st.integers(), st.sampled_from((MAX_WHOLE, MAX_WHOLE - 1, -MAX_WHOLE))))
def test_a_number_is_what_its_digits_say(number) -> None:
    assert said(number) == ("" if abs(number) >= MAX_WHOLE else said(str(number)))


@given(st.one_of(st.integers(), st.sampled_from((10**20, -(10**20), 10**5000))))
def test_a_number_has_one_text_wherever_it_stands(number) -> None:
    alone = content_digest({"a": number})
    assert alone == content_digest({"a": _of_number(number)})
    assert content_digest({"a": [number]}) == content_digest({"a": [_of_number(number)]})


@given(st.dictionaries(st.text("ab._/[] "), st.just(1)))
def test_one_look_at_all_keys_sees_a_flattened_one(body) -> None:
    flat = [key for key in body if SEPARATORS.search(key)]
    assert (SEPARATORS.search(" ".join(body)) is not None) == bool(flat)
    assert unflattened(body) == body  # none begins with a part of an order


@pytest.mark.parametrize("quantity", [None, False, "", [], {}, True])
def test_a_row_without_its_quantity_is_not_plain(quantity) -> None:
    row = {"name": "Mug", "sku": "mug", "qty_ordered": 0}
    assert are_plain_rows([row])
    assert not are_plain_rows([row | {"qty_ordered": quantity}])


@pytest.mark.parametrize("whole", [0, -7, 10**15, 10**22, -(2**70)])
def test_a_whole_number_is_the_same_with_a_point(whole) -> None:
    assert content_digest({"a": float(whole)}) == content_digest({"a": whole})
    assert content_digest({"a": -0.0}) == content_digest({"a": 0})
