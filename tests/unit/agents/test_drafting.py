from __future__ import annotations

import dataclasses

from support.fake_org import KEY, account, contact, opportunity

from agents.salesforce.api.collection_builder import (
    API_LIMITS,
    CollectionDraft,
    RowWrite,
    draft_calls,
)
from schemas.salesforce import Row


def draft(*steps: RowWrite) -> list[CollectionDraft]:
    (call,) = draft_calls(steps, API_LIMITS)
    return call


def test_equal_records_become_one_row_that_stands_for_all():
    (only,) = draft(
        RowWrite((0, 0), account("a@b.c"), "create"), RowWrite((1, 0), account("A@b.c"), "create")
    )
    assert len(only.collection.rows) == 1
    assert only.owners == (((0, 0), (1, 0)),)
    assert only.is_mixed == (True,)


def test_identical_rows_are_merged_without_being_mixed():
    (only,) = draft(
        RowWrite((0, 0), account("a"), "create"), RowWrite((1, 0), account("a"), "create")
    )
    assert only.is_mixed == (False,)


def test_the_newer_version_wins_wherever_it_stands():
    new = Row("Account", KEY, "a", {"Name": "new"}, version="2024-02-01T00:00:00Z")
    old = Row("Account", KEY, "a", {"Name": "old", "Fax": "1"}, version="2024-01-01T00:00:00Z")
    (only,) = draft(RowWrite((0, 0), new, "upsert"), RowWrite((1, 0), old, "upsert"))
    (row,) = only.collection.rows
    assert row.fields == {"Name": "new", "Fax": "1"}
    assert row.version == "2024-02-01T00:00:00Z"


def test_a_customers_own_row_makes_the_orders_create_needless():
    customer = Row("Account", KEY, "a", {"Name": "Anna"})
    (only,) = draft(RowWrite((0, 0), account("a"), "create"), RowWrite((1, 0), customer, "upsert"))
    assert only.collection.method == "upsert"
    assert only.collection.rows[0].fields == {"Name": "Anna"}


def test_parents_come_first_whatever_the_order_of_bundles():
    call = draft(
        RowWrite((0, 0), opportunity("o", "a"), "upsert"),
        RowWrite((1, 0), account("a"), "create"),
        RowWrite((1, 1), contact("p", "a"), "create"),
        RowWrite((1, 2), opportunity("o2", "a"), "upsert"),
    )
    assert [d.collection.sobject for d in call] == ["Account", "Contact", "Opportunity"]


def test_creates_and_upserts_of_one_sobject_are_two_collections_next_to_each_other():
    call = draft(
        RowWrite((0, 0), account("a"), "create"),
        RowWrite((0, 1), contact("p", "a"), "create"),
        RowWrite((1, 0), account("b", Fax="1"), "upsert"),
        RowWrite((1, 1), contact("q", "b"), "create"),
    )
    assert [(d.collection.sobject, d.collection.method) for d in call] == [
        ("Account", "create"),
        ("Account", "upsert"),
        ("Contact", "create"),
    ]


def test_bundles_that_disagree_about_who_is_the_parent_are_sent_nevertheless():
    a, b = account("a"), contact("p", "a")
    call = draft(
        RowWrite((0, 0), a, "create"),
        RowWrite((0, 1), b, "create"),
        RowWrite((1, 0), dataclasses.replace(b, external_id="q"), "create"),
        RowWrite((1, 1), dataclasses.replace(a, external_id="z"), "create"),
    )
    assert sum(len(d.collection.rows) for d in call) == 4


def test_more_shapes_than_five_take_a_second_call():
    steps = [
        RowWrite((0, i), dataclasses.replace(opportunity("x"), sobject=f"S{i}"), "upsert")
        for i in range(7)
    ]
    assert [len(call) for call in draft_calls(steps, API_LIMITS)] == [5, 2]


def test_nothing_to_send_is_no_call():
    assert draft_calls([], API_LIMITS) == []
