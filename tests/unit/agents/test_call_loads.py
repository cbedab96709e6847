"""What a call takes, and what its rows weigh: the sums that packing goes by."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from agents.delivery.call_planner import _Bin, _Load
from agents.salesforce.api.collection_builder import API_LIMITS, weight_at_most, weight_of
from schemas.salesforce import Row

A, B = ("A", "Key__c", "upsert"), ("B", "Key__c", "upsert")


def test_a_call_takes_what_keeps_to_every_limit():
    limits = dataclasses.replace(API_LIMITS, bundles=4, bytes=100, rows=10, collections=3)
    call = _Bin([0], _Load(bundles=2, bytes=60, rows={A: 10}))
    assert call.takes(_Load(2, 40, {A: 10, B: 10}), limits)
    assert not call.takes(_Load(3, 0, {}), limits)
    assert not call.takes(_Load(1, 41, {}), limits)
    assert not call.takes(_Load(1, 0, {A: 11, B: 1}), limits)
    assert not call.takes(_Load(1, 0, {A: 1, B: 11}), limits)
    assert call.takes(_Load(1, 0, {B: 20}), limits)
    call.add([5], _Load(1, 5, {A: 1, B: 2}))
    assert call == _Bin([0, 5], _Load(3, 65, {A: 11, B: 2}))


def test_rows_are_counted_for_each_collection():
    load = _Load()
    for shape in (A, A, B):
        load.count(shape)
    assert load == _Load(1, 0, {A: 2, B: 1})


VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.decimals()


@given(
    st.lists(
        st.builds(
            Row,
            st.text(),
            st.text(),
            st.text(),
            fields=st.dictionaries(st.text(), VALUES),
            insert_fields=st.dictionaries(st.text(), VALUES),
            version=st.text(),
            overrule=st.text(),
        )
    )
)
def test_rows_weigh_no_more_than_is_said_of_them_together(rows):
    assert sum(map(weight_of, rows)) <= weight_at_most(rows)
