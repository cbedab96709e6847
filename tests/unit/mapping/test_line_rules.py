"""The rows of an order with line items on."""

from __future__ import annotations

import pytest

from agents.mapping.mapping import Mapping, default_text
from agents.mapping.schema_check import check_mapping
from schemas.codec import Document
from schemas.event import Kind
from stream.errors import MappingFileError

STANDARD = "01sDn0000000001AAA"


def with_lines(choice: str) -> Mapping:
    return Mapping.parse(default_text().replace("line_items: off", f"line_items: {choice}"))


def apply(mapping, order, describes=None):
    refined = mapping.refined(describes or {}, standard_pricebook=STANDARD)
    return refined.apply(Document("order_saved", Kind.ORDER, "2000000381", order, ""))


def test_line_items_are_off_in_the_shipped_file(order):
    mapped = apply(Mapping.load(), order)
    assert mapped.lines is None
    assert {row.sobject for row in mapped.rows} == {"Account", "Contact", "Opportunity"}


def test_an_opportunity_with_lines_has_a_price_book_and_no_amount(order):
    mapped = apply(with_lines("opportunity"), order)
    (opportunity,) = [row for row in mapped.rows if row.sobject == "Opportunity"]
    assert opportunity.fields["Pricebook2Id"] == STANDARD
    assert "Amount" not in opportunity.fields
    lines = [row for row in mapped.rows if row.sobject == "OpportunityLineItem"]
    total = sum(row.fields["Quantity"] * row.fields["UnitPrice"] for row in lines)
    assert round(total, 2) == order["grand_total"]
    assert mapped.rows[-1] == lines[-1]
    assert {row.version for row in lines} == {"2026-03-14T18:02:15Z"}
    assert mapped.lines.keep == {row.external_id for row in lines}


def test_a_line_names_its_opportunity_and_price_only_when_it_is_new(order):
    (line, *_) = [r for r in apply(with_lines("opportunity"), order).rows if ":" in r.external_id]
    assert line.insert_fields == {
        "Opportunity": {"Magento_Order_ID__c": "2000000381"},
        "PricebookEntry": {"Magento_SKU__c": "24-MB01"},
    }


def test_the_standard_price_comes_before_the_price_of_a_price_book(order):
    own = "01sDn0000000009AAA"
    mapped = apply(with_lines(f"{{as: opportunity, pricebook: {own}}}"), order)
    product, standard, custom = mapped.lines.products[0].rows
    assert product.sobject == "Product2"
    assert standard.insert_fields["Pricebook2Id"] == STANDARD
    assert custom.insert_fields["Pricebook2Id"] == own
    assert standard.external_id != custom.external_id
    line = mapped.rows[-1]
    assert line.insert_fields["PricebookEntry"]["Magento_SKU__c"].startswith(own)


def test_products_never_change_what_the_catalogues_owner_wrote(order):
    for product in apply(with_lines("opportunity"), order).lines.products:
        assert all(not row.fields for row in product.rows)


def test_in_an_org_with_several_currencies_prices_are_kept_per_currency(order):
    describes = {
        "PricebookEntry": {"fields": [{"name": "CurrencyIsoCode", "type": "picklist", "length": 3}]}
    }
    mapped = apply(with_lines("opportunity"), order, describes)
    (opportunity,) = [row for row in mapped.rows if row.sobject == "Opportunity"]
    assert opportunity.fields["CurrencyIsoCode"] == "EUR"
    price = mapped.lines.products[0].rows[1]
    assert price.external_id == "EUR 24-MB01"
    assert price.insert_fields["CurrencyIsoCode"] == "EUR"


def test_lines_can_go_to_an_order_beside_the_opportunity(order):
    mapped = apply(with_lines("order"), order)
    names = [row.sobject for row in mapped.rows]
    assert names[:4] == ["Account", "Contact", "Opportunity", "Order"]
    assert set(names[4:]) == {"OrderItem"}
    header = mapped.rows[3]
    assert header.insert_fields == {"Status": "Draft", "Pricebook2Id": STANDARD}
    assert header.fields["Account"] == {"Magento_Customer_Key__c": "claire.durand@example.com"}
    assert mapped.rows[2].fields["Amount"] == order["grand_total"]


def test_an_order_without_a_customer_has_no_lines_in_an_order(order):
    order["customer_email"] = None
    mapped = apply(with_lines("order"), order)
    assert mapped.lines is None
    assert any("needs an Account" in note for note in mapped.notes)


def test_a_line_may_have_fields_of_your_own(order):
    mapped = apply(
        with_lines(
            "{as: opportunity, fields: {Weight__c: {from: item.weight, type: 'number(8,2)'}}}"
        ),
        order | {"items": [order["items"][0] | {"weight": "1.5000"}]},
    )
    (line, *_) = [row for row in mapped.rows if row.sobject == "OpportunityLineItem"]
    assert line.fields["Weight__c"] == 1.5


def test_a_lead_has_no_lines(order):
    text = default_text().replace("target: opportunity", "target: lead", 1)
    mapped = apply(Mapping.parse(text.replace("line_items: off", "line_items: opportunity")), order)
    assert mapped.lines is None


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        ("opportunities", "opportunity"),
        ("{pricebook: 01s}", "`as:` is missing"),
        ("{as: opportunity, pricebook: 006Dn0000000001AAA}", "is no price book id"),
        ("{as: order, fields: {Weight__c: {}}}", "no source"),
    ],
)
def test_a_wrong_choice_is_named_with_its_line(choice, problem):
    with pytest.raises(MappingFileError, match=problem):
        with_lines(choice)


def test_the_schema_check_looks_at_the_objects_of_lines_too():
    found = check_mapping(with_lines("opportunity"), {})
    assert {"Product2", "PricebookEntry", "OpportunityLineItem"} <= {f.sobject for f in found}


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"item_id": 1},
        {"item_id": 1, "sku": "24-MB01", "name": "Bag", "qty_ordered": 2},
        {"item_id": 1, "sku": "24-MB01", "price": "34.0000"},
        {"item_id": 1, "sku": "24-MB01", "base_row_total": "34.0000", "qty_ordered": 1},
        {"item_id": 1, "row_total": "no amount", "qty_ordered": 1},
    ],
    ids=["nothing", "id", "no price", "no quantity", "another currency", "no number"],
)
@pytest.mark.parametrize("choice", ["opportunity", "order"])
def test_rows_that_do_not_say_what_they_cost_leave_the_lines_as_they_are(order, row, choice):
    """Adobe's subscriptions name the fields of rows: without a price each line became free."""
    document = order | {"items": [*order["items"], row]}
    mapped = apply(with_lines(choice), document)
    assert mapped.lines is None
    assert {row.sobject for row in mapped.rows} == {"Account", "Contact", "Opportunity"}
    (opportunity,) = [row for row in mapped.rows if row.sobject == "Opportunity"]
    assert opportunity.fields["Amount"] == order["grand_total"]
    assert any("lines: left as they are" in note and "items" in note for note in mapped.notes)


def test_an_order_whose_rows_have_no_price_lacks_a_part_where_lines_are_written(order):
    unpriced = order | {"items": [{"item_id": 1, "sku": "A", "name": "Bag", "qty_ordered": 2}]}
    for choice, lacks in (("off", False), ("opportunity", True), ("order", True)):
        reads = with_lines(choice).reads(Kind.ORDER)
        assert reads.lacks_a_part(Kind.ORDER, unpriced) is lacks, choice
        assert not reads.lacks_a_part(Kind.ORDER, order)
        assert (
            not with_lines(choice)
            .reads(Kind.CUSTOMER)
            .lacks_a_part(Kind.CUSTOMER, {"firstname": "A", "addresses": []})
        )


@pytest.mark.parametrize("items", [[], {}, None])
def test_rows_that_were_not_loaded_remove_no_line(order, items):
    """magento2 #2748: a save before the commit has `items: []`, and every product line went."""
    mapped = apply(with_lines("opportunity"), order | {"items": items})
    assert mapped.lines is None
    assert "lines: left as they are, the event has no items" in mapped.notes
