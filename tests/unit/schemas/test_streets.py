"""What of a street stands beside it is read: the record had a street without its house, and no note."""

from __future__ import annotations

import orjson
import pytest

from agents.mapping.mapping import Mapping
from schemas.codec import decode
from tests.support.real_documents import a_customer, an_order

SHIPPED = Mapping.load()


def written(address: dict[str, object]) -> object:
    order = an_order(billing_address={"city": "Zwolle", "country_id": "NL", **address})
    document = decode(orjson.dumps(order), event="sales_order_save_after")
    (row,) = (row for row in SHIPPED.apply(document).rows if row.sobject == "Opportunity")
    return row.fields["Billing_Street__c"]


@pytest.mark.parametrize(
    ("address", "street"),
    [
        ({"street": "Kade", "house_number": "12"}, "Kade 12"),  # winkelstraat's order webhook
        ({"street": ["Kade"], "houseNumber": 12, "houseNumberAddition": "A"}, "Kade 12 A"),
        ({"street": "Kade\nApt 4", "house_nr": "12"}, "Kade 12\nApt 4"),
        ({"street_name": "Kade", "house_number": "12"}, "Kade 12"),
        ({"street": "Kade 12", "house_number": "12"}, "Kade 12"),
        ({"street": "Kade 12a", "house_number": "12", "house_number_addition": "a"}, "Kade 12a"),
        ({"street": ["Kade", "12"], "house_number": "12"}, "Kade\n12"),
        ({"street": "Kade 121", "house_number": "12"}, "Kade 121 12"),
        ({"street": "Kade 12", "house_number": None, "street2": ""}, "Kade 12"),
        ({"street": "Kade 12", "street2": "Apt 4"}, "Kade 12\nApt 4"),
        ({"street": "Kade 12", "address_line_2": "Apt 4", "street3": "c/o"}, "Kade 12\nApt 4\nc/o"),
        (
            {"street": ["Kade 12", "Apt 4"], "street1": "Kade 12", "street2": "apt 4"},
            "Kade 12\nApt 4",
        ),
        ({"street1": "Kade 12", "street2": "Apt 4"}, "Kade 12\nApt 4"),
        ({"house_number": "12"}, None),
    ],
)
def test_a_street_has_its_house_and_its_further_lines(address, street) -> None:
    assert written(address) == street


def test_a_region_that_rest_writes_empty_is_no_note() -> None:
    """Each customer in a country without regions had one."""
    region = {"region_code": None, "region": None, "region_id": 0}
    customer = a_customer(addresses=[{"city": "Zwolle", "country_id": "NL", "region": region}])
    assert decode(orjson.dumps(customer), event="customer_save_after").notes == ()
    unknown = a_customer(addresses=[{"city": "Zwolle", "region": region | {"region_id": 7}}])
    (note,) = decode(orjson.dumps(unknown), event="customer_save_after").notes
    assert "names no region" in note
