"""The shipped mapping: what a Magento order and customer become."""

from __future__ import annotations

import orjson
import pytest

from agents.mapping.mapping import Mapping
from schemas.codec import decode
from schemas.event import Kind

BLUEPRINT_INPUT = """{
    "event": "sales_order_save_after",
    "order": {
      "entity_id": 12345,
      "increment_id": "000000123",
      "store_id": 1,
      "state": "new",
      "status": "pending",
      "grand_total": 99.99,
      "base_grand_total": 99.99,
      "customer_email": "jane.doe@example.com",
      "customer_firstname": "Jane",
      "customer_lastname": "Doe",
      "billing_address": {
        "firstname": "Jane",
        "lastname": "Doe",
        "street": ["123 Main St"],
        "city": "Anytown",
        "region": "State",
        "postcode": "12345",
        "country_id": "US",
        "telephone": "555-123-4567"
      },
      "items": [
        {
          "item_id": 1,
          "sku": "PROD-XYZ",
          "name": "Product X",
          "qty_ordered": 1,
          "price": 99.99
        }
      ],
      "created_at": "2023-10-26 10:00:00",
      "updated_at": "2023-10-26 10:05:00"
    }
}"""


BLUEPRINT_OUTPUT = """{
    "sobjectType": "Opportunity",
    "Name": "Order 000000123 - Jane Doe",
    "Amount": 99.99,
    "StageName": "Prospecting",
    "CloseDate": "2023-11-26",
    "Magento_Order_ID__c": "000000123",
    "Magento_Customer_Email__c": "jane.doe@example.com",
    "Billing_Street__c": "123 Main St",
    "Billing_City__c": "Anytown",
    "Billing_State__c": "State",
    "Billing_PostalCode__c": "12345",
    "Billing_Country__c": "US",
    "Description": "Product X (SKU: PROD-XYZ, Qty: 1)",
    "LeadSource": "Magento E-commerce"
}"""


KEY = "claire.durand@example.com"


def test_the_blueprints_example_comes_out_byte_for_byte(mapping: Mapping) -> None:
    mapped = mapping.apply(decode(BLUEPRINT_INPUT.encode()))
    record = mapping.record_of(mapped.rows[-1])
    link = record.pop("Account")
    assert orjson.dumps(record) == orjson.dumps(orjson.loads(BLUEPRINT_OUTPUT))
    assert link == {"Magento_Customer_Key__c": "jane.doe@example.com"}
    assert mapped.notes == ()


def test_the_wire_fields_are_the_blueprints_without_the_external_id(mapping: Mapping) -> None:
    row = mapping.apply(decode(BLUEPRINT_INPUT.encode())).rows[-1]
    expected = orjson.loads(BLUEPRINT_OUTPUT)
    expected.pop("sobjectType")
    assert row.external_id == expected.pop(row.external_id_field)
    assert [*row.fields] == [*expected, "Account"]
    assert row.version == "2023-10-26T10:05:00Z"


def test_parents_come_first_and_share_a_lock_key(mapping: Mapping, document, order) -> None:
    result = mapping.apply(document(order))
    assert [row.sobject for row in result.rows] == ["Account", "Contact", "Opportunity"]
    assert [row.external_id for row in result.rows] == [KEY, KEY, "2000000381"]
    assert result.lock_key == KEY


def test_what_an_order_knows_of_its_customer_is_insert_only(mapped, order) -> None:
    rows, _ = mapped(order)
    for name in ("Account", "Contact"):
        assert not rows[name].fields
        assert rows[name].version == ""
    contact = rows["Contact"].insert_fields
    assert contact["LastName"] == "Durand"
    assert contact["Email"] == KEY
    assert contact["Account"] == {"Magento_Customer_Key__c": KEY}
    assert not rows["Opportunity"].insert_fields


def test_a_customer_event_owns_the_details(mapped, customer) -> None:
    rows, notes = mapped(customer, kind=Kind.CUSTOMER)
    assert [*rows] == ["Account", "Contact"]
    for row in rows.values():
        assert not row.insert_fields
        assert row.version == "2026-03-15T09:00:00Z"
        assert row.external_id == KEY
    assert rows["Account"].fields["Name"] == "Atelier Durand SARL"
    assert rows["Contact"].fields["LastName"] == "Durand-Petit"
    assert rows["Contact"].fields["MailingCity"] == "Lyon"
    assert rows["Contact"].fields["MailingState"] == "Rhône"
    assert notes == ()


def test_a_customer_without_addresses_clears_nothing(mapped, customer) -> None:
    del customer["addresses"]
    rows, _ = mapped(customer, kind=Kind.CUSTOMER)
    assert None not in rows["Contact"].fields.values()
    assert "MailingCity" not in rows["Contact"].fields


@pytest.mark.parametrize(
    ("state", "status", "stage"),
    [
        ("new", "pending", "Prospecting"),
        ("pending_payment", "pending_payment", "Qualification"),
        ("payment_review", "payment_review", "Qualification"),
        ("payment_review", "fraud", "Needs Analysis"),
        ("processing", "processing", "Negotiation/Review"),
        ("processing", "fraud", "Needs Analysis"),
        ("processing", "picked_by_warehouse", "Negotiation/Review"),
        ("holded", "holded", "Needs Analysis"),
        ("complete", "complete", "Closed Won"),
        ("closed", "closed", "Closed Lost"),
        ("canceled", "canceled", "Closed Lost"),
        ("new", "complete", "Prospecting"),
        (None, "Pending Payment", "Qualification"),
        (None, "Payment Review", "Qualification"),
        (None, "Suspected Fraud", "Needs Analysis"),
        (None, "On Hold", "Needs Analysis"),
        (None, "cancelled", "Closed Lost"),
    ],
)
def test_every_state_has_a_stage(mapped, order, state, status, stage) -> None:
    rows, notes = mapped(order | {"state": state, "status": status})
    assert rows["Opportunity"].whole["StageName"] == stage
    assert notes == ()


def test_an_unknown_state_gets_the_default_and_a_note(mapped, order) -> None:
    rows, notes = mapped(order | {"state": "quarantine", "status": "odd"})
    assert rows["Opportunity"].whole["StageName"] == "Prospecting"
    assert "Opportunity.StageName: `quarantine/odd` is not in the map" in notes
    assert "Opportunity.StageName: missing, used `Prospecting`" in notes


def test_configurable_and_bundle_parts_are_not_counted_twice(mapped, order) -> None:
    rows, _ = mapped(order)
    assert rows["Opportunity"].whole["Description"] == (
        "Joust Duffle Bag (SKU: 24-MB01, Qty: 2)\nChaz Kangeroo Hoodie (SKU: MH01-S-Gray, Qty: 1)"
    )


@pytest.mark.parametrize("parent", [5001, "5001", 9, "null"])
def test_a_part_whose_parent_is_not_among_the_rows_is_a_line(mapped, order, parent) -> None:
    part = {**order["items"][2], "parent_item_id": parent, "parent_item": None}
    rows, notes = mapped({**order, "items": [order["items"][0], part]})
    is_there = str(parent) == "5001"
    assert rows["Opportunity"].whole["Description"].count("SKU") == 2 - is_there
    assert (
        "items: rows whose parent is not among them are listed as lines" in notes
    ) is not is_there


@pytest.mark.parametrize("mark", [{"parent_item": {"sku": "x"}}, {"quote_parent_item_id": "9"}, {}])
def test_parts_are_known_before_commit_when_no_row_has_an_id(mapped, order, mark) -> None:
    for item in order["items"]:
        item["item_id"] = None
    order["items"][2] |= {"parent_item_id": None, "parent_item": None} | mark
    rows, _ = mapped(order)
    assert rows["Opportunity"].whole["Description"].count("SKU") == 2


def test_a_bundle_without_ids_is_noted(mapped, order) -> None:
    order["items"] = [
        {"item_id": None, "product_type": "bundle", "sku": "set", "name": "Set", "qty_ordered": 1},
        {
            "item_id": None,
            "product_type": "simple",
            "sku": "part",
            "name": "Part",
            "qty_ordered": 1,
        },
    ]
    _, notes = mapped(order)
    assert notes == ("items: saved before commit, without ids: parts of a bundle may be listed",)


@pytest.mark.parametrize("mark", [{"parent_item": {"sku": "set"}}, {"quote_parent_item_id": "9"}])
def test_a_bundle_part_that_names_its_parent_is_known_without_ids(mapped, order, mark) -> None:
    order["items"] = [
        {"item_id": None, "product_type": "bundle", "sku": "set", "name": "Set", "qty_ordered": 1},
        {"item_id": None, "sku": "part", "name": "Part", "qty_ordered": 1, "price": 5, **mark},
    ]
    rows, notes = mapped(order)
    assert rows["Opportunity"].whole["Description"] == "Set (SKU: set, Qty: 1)"
    assert notes == ()


def test_a_missing_sku_or_name_is_filled_and_noted(mapped, order) -> None:
    order["items"] = [
        {"item_id": 1, "name": "Gift", "qty_ordered": "1.0000"},
        {"item_id": 2, "sku": "A-1", "qty_ordered": 2.5},
        {"item_id": 3, "qty_ordered": None},
    ]
    rows, notes = mapped(order)
    assert rows["Opportunity"].whole["Description"].splitlines() == [
        "Gift (SKU: no SKU, Qty: 1)",
        "A-1 (SKU: A-1, Qty: 2.5)",
        "Unnamed product (SKU: no SKU, Qty: ?)",
    ]
    assert "lines.code: missing, used `no SKU`" in notes
    assert "lines.title: missing, used sku" in notes
