"""Which address of an order is the billing address, where an id above the rows says it."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import decode
from tests.support.real_documents import an_order, without


@pytest.mark.parametrize("name", ["entity_id", "id", "address_id"])
def test_the_order_may_name_its_billing_address_by_id(name: str) -> None:
    """As a customer names theirs: the flag stands on the row, or the id above it."""
    own, other = {"city": "Odense", name: 12}, {"city": "Aarhus", name: "13"}
    order = without(an_order(), "billing_address")
    order |= {"billing_address_id": "12", "shipping_address_id": 13, "addresses": [other, own]}
    document = decode(orjson.dumps(order), event="sales_order_save_after")
    types = {row["city"]: row.get("address_type") for row in document.entity["addresses"]}
    assert types == {"Odense": "billing", "Aarhus": "shipping"}
    assert document.notes == ()
    keyed = {**order, "addresses": {"13": {"city": "Aarhus"}, "12": {"city": "Odense"}}}
    rows = decode(orjson.dumps(keyed), event="sales_order_save_after").entity["addresses"]
    assert [row["address_type"] for row in rows] == ["shipping", "billing"]


def test_a_row_says_its_type_itself_and_an_id_of_none_is_noted() -> None:
    row = {"city": "Odense", "entity_id": 12, "address_type": "shipping"}
    order = without(an_order(), "billing_address")
    for wanted in ("12", "99"):
        order |= {"billing_address_id": wanted, "addresses": [row]}
        document = decode(orjson.dumps(order), event="sales_order_save_after")
        assert document.entity["addresses"] == [row]
        assert document.notes == ("addresses: none is the billing address, none is used",)
