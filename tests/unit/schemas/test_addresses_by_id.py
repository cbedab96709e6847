"""An order's billing address: by an id above the rows, and by a module's words for its parts."""

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


@pytest.mark.parametrize(
    "place",
    [
        {"address": "1 Front Street", "state": "California"},
        {"address": ["1 Front Street"], "stateCode": "California"},
        {"address_line": "1 Front Street", "state_code": "California", "state": "California"},
        {"address1": "1 Front Street", "address2": "", "state": "California"},
        {"street": "", "address": "1 Front Street", "region": "California"},
        {"street": [], "street1": "1 Front Street", "region": "California"},
    ],
)
def test_a_street_called_address_and_a_region_called_state_are_read(place) -> None:
    """mageplaza/magento-2-webhook #16: what was said by other names was emptied in Salesforce."""
    order = without(an_order(), "billing_address")
    body = {**order, "billingAddress": {"firstname": "F", "city": "SF", "country": "US", **place}}
    billing = decode(orjson.dumps(body), event="sales_order_save_after").entity["billing_address"]
    assert (billing["street"], billing["region"]) == (["1 Front Street"], "California")
    order["billing_address"] = {"firstname": "F", "city": "SF", "country_id": "US", **place}
    billing = decode(orjson.dumps(order)).entity["billing_address"]
    assert (billing["street"], billing["region"]) == (["1 Front Street"], "California")


@pytest.mark.parametrize("billing", [{"state": "paid"}, {"address": {"city": "SF", "street": "x"}}])
def test_a_state_makes_no_address_and_an_address_in_one_is_taken_out(billing) -> None:
    order = without(an_order(), "billing_address")
    read = decode(orjson.dumps({**order, "billing": billing}), event="sales_order_save_after")
    expected = billing.get("address")
    assert read.entity.get("billing_address") == expected
