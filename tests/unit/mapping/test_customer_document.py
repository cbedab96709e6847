"""Which address is a customer's own, and what is said where a path meets a form it cannot read."""

from __future__ import annotations

import orjson
import pytest

from agents.mapping.mapping import Mapping
from agents.mapping.paths import default_address
from schemas.codec import decode
from tests.support.real_documents import ADDRESS, a_customer, a_raw_customer, an_order

MAPPING = Mapping.load()
HOME, WORK = {"city": "Odense"}, {"city": "Aalborg"}


@pytest.mark.parametrize(
    ("customer", "city"),
    [
        ({"addresses": [WORK, HOME | {"default_billing": True}]}, "Odense"),
        ({"addresses": [WORK, HOME | {"default_billing": "1"}]}, "Odense"),
        ({"addresses": [HOME, WORK]}, "Odense"),
        ({"addresses": [HOME | {"default_billing": False}]}, "Odense"),
        ({"addresses": [HOME], "default_billing": "0"}, "Odense"),
        ({"addresses": [WORK | {"id": 57}], "default_billing": "58"}, None),
        ({"addresses": []}, None),
        ({"addresses": "Odense"}, None),
        ({}, None),
    ],
)
def test_the_first_address_stands_in_only_where_none_is_named(customer, city) -> None:
    found = default_address(customer)
    assert (found["city"] if found else None) == city


def mapped(body):
    return MAPPING.apply(decode(orjson.dumps(body)), received_at_ms=1_770_000_000_000)


def test_somebody_elses_address_never_becomes_the_customers() -> None:
    rows = {row.sobject: row for row in mapped({"customer": a_raw_customer()}).rows}
    assert rows["Account"].fields["Name"] == "Petra Lund"
    assert rows["Contact"].fields["MailingCity"] == "Odense"
    lost = mapped({"customer": a_raw_customer(default_billing="99")})
    assert "MailingCity" not in {row.sobject: row for row in lost.rows}["Contact"].fields
    assert "addresses: none has the id of default_billing" in lost.notes


@pytest.mark.parametrize(
    "region", ["Fyn", {"region": "Fyn", "region_id": 3}], ids=["text", "object"]
)
def test_a_region_in_either_form_is_read_without_a_note(region) -> None:
    address = {**ADDRESS, "region": region, "default_billing": True}
    found = mapped({"customer": a_customer(addresses=[address])})
    contact = {row.sobject: row for row in found.rows}["Contact"]
    assert contact.fields["MailingState"] == "Fyn"
    assert found.notes == ()


def test_a_form_that_no_path_can_read_is_always_noted() -> None:
    notes = mapped({"order": an_order(billing_address="Havnegade 3, Odense")}).notes
    assert notes == ("billing_address: a text in the order, not read",)


def test_rows_keyed_by_their_ids_can_be_chosen_by_a_path() -> None:
    text = """
order:
  rows:
    - sobject: Opportunity
      external_id: Magento_Order_ID__c
      fields:
        Magento_Order_ID__c: $key
        NextStep: "history[status=paid].comment"
        Description: "history.paid"
        LeadSource: payment.method
"""
    mapping = Mapping.parse(text)
    history = {"9": {"status": "new"}, "10": {"status": "paid", "comment": "ok"}}
    keyed = an_order(history=history, payment="checkmo")
    found = mapping.apply(decode(orjson.dumps({"order": keyed})))
    assert found.rows[0].fields["NextStep"] == "ok"
    assert not found.rows[0].fields.keys() & {"Description", "LeadSource"}
    assert "payment.method: `method` of a text cannot be read, left out" in found.notes


def rows_before_commit(*rows):
    items = [{"item_id": None, "qty_ordered": 1, "sku": "X", **row} for row in rows]
    description = {row.sobject: row for row in mapped({"order": an_order(items=items)}).rows}
    return description["Opportunity"].fields["Description"].split("\n")


PARENT = {"product_type": "configurable", "name": "Hoodie", "price": 69, "row_total": 69}
CHILD = {"product_type": "simple", "name": "Hoodie M", "price": 69, "row_total": 0}
ALONE = {"product_type": "simple", "name": "Bought alone", "price": 69, "row_total": 69}


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([PARENT, CHILD], ["Hoodie"]),
        ([PARENT, PARENT, CHILD, CHILD], ["Hoodie", "Hoodie"]),
        ([PARENT, CHILD | {"price": 0}, ALONE], ["Hoodie", "Bought alone"]),
        ([PARENT, ALONE, CHILD], ["Hoodie", "Bought alone"]),
        ([ALONE], ["Bought alone"]),
    ],
)
def test_a_variant_with_a_price_is_no_line_before_the_commit(rows, names) -> None:
    assert [line.partition(" (")[0] for line in rows_before_commit(*rows)] == names
