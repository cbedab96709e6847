"""Which parts a document says: of each any one name, and null says nothing."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import decode
from schemas.document_parts import is_whole, said_names, says
from schemas.event import Kind
from tests.support.real_documents import a_customer, a_row, an_order, without

ORDER = {
    "grand_total": 1,
    "items": [],
    "state": "new",
    "customer_email": "p@example.com",
    "created_at": "2026-03-14 18:00:00",
    "billing_address": {},
}
OTHER_NAMES = {
    "grand_total": "base_grand_total",
    "state": "status",
    "billing_address": "addresses",
}


@pytest.mark.parametrize("name", sorted(ORDER))
def test_an_order_without_one_part_is_not_whole(name) -> None:
    assert is_whole(Kind.ORDER, ORDER)
    rest = {key: value for key, value in ORDER.items() if key != name}
    assert not is_whole(Kind.ORDER, rest)
    assert not is_whole(Kind.ORDER, rest | {name: None})


@pytest.mark.parametrize(("name", "other"), OTHER_NAMES.items())
def test_a_part_has_another_name_too(name, other) -> None:
    assert is_whole(Kind.ORDER, {other if key == name else key: 1 for key in ORDER})


@pytest.mark.parametrize("name", ["firstname", "lastname"])
def test_a_customer_is_a_name_and_addresses(name) -> None:
    assert is_whole(Kind.CUSTOMER, {name: "Petra", "addresses": []})
    assert not is_whole(Kind.CUSTOMER, {name: "Petra"})
    assert not is_whole(Kind.CUSTOMER, {"addresses": []})


def test_of_other_kinds_all_are_whole() -> None:
    assert is_whole(Kind.CUSTOMER_DELETED, {})


def test_null_says_nothing_and_nothing_else_does() -> None:
    assert said_names({"a": None, "b": 0, "c": ""}) == {"b", "c"}
    assert says({"b": 0}, ("a", "b"))
    assert not says({"a": None}, ("a", "b"))


@pytest.mark.parametrize("hollow", [[], {}, [{}, {}], {"5": {}, "6": []}, [None], "[{}]", [[]]])
@pytest.mark.parametrize("part", ["items", "billing_address", "addresses"])
def test_what_json_encode_leaves_of_objects_says_nothing(part, hollow) -> None:
    """`json_encode($order->getData())` writes `{}` for each row: it was `Unnamed product`, and as a
    whole document it was not completed by the store."""
    order = without(an_order(), "billing_address", "addresses") if "address" in part else an_order()
    entity = decode(orjson.dumps({"order": order | {part: hollow}})).entity
    assert not says(entity, (part,))
    assert not is_whole(Kind.ORDER, entity)


def test_a_hollow_row_among_others_is_left_out_and_none_at_all_are_none() -> None:
    assert decode(orjson.dumps(an_order(items=[{}, a_row()]))).entity["items"] == [a_row()]
    customer = {**a_customer(), "addresses": []}
    assert says(decode(orjson.dumps({"customer": customer})).entity, ("addresses",))


def test_hollow_rows_hide_none_that_stand_elsewhere() -> None:
    order = an_order(items=[{}], all_items=[a_row()])
    assert decode(orjson.dumps(order)).entity["items"] == [a_row()]
