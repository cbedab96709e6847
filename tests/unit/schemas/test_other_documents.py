"""Documents that look like orders or customers and are others, and the ones that only seem so."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import DecodeError, decode
from schemas.event import Kind
from schemas.event_names import Ignored
from tests.support.real_documents import a_customer, an_order, without

BUYER = {"customer_email": "x@example.com", "customer_firstname": "X", "customer_lastname": "Y"}
SALE = {"entity_id": 9, "increment_id": "000000900", "grand_total": 86, "state": 2}


def said(body: object, event: str = ""):
    return decode(orjson.dumps(body), event=event)


@pytest.mark.parametrize(
    "document",
    [
        {**SALE, **BUYER, "order_id": 417},
        {**SALE, **BUYER, "order_id": 417, "order_increment_id": "000000417", "state": "Paid"},
        {**SALE, "order_increment_id": "000000417", "customer_email": "x@example.com"},
        {**SALE, "creator_id": 2, "company_id": 4, "quote_id": 5, "status": "pending",
         "order_id": None, "order_increment_id": None},
        {**SALE, "creator_id": 2, "company_id": 4, "quote_id": 5, "status": "approved"},
        {**SALE, "total_qty": 2, "can_void_flag": 0},
        {**SALE, "adjustment": "0.0000", "order_currency_code": "DKK"},
        {"entity_id": 4, "increment_id": "R-1", "order_id": 417, "status": "pending",
         "customer_custom_email": "x@example.com", "items": [{"qty_requested": 1}]},
        {**SALE, **BUYER, "order_increment_id": "000000417", "status": "pending"},
        {**SALE, **BUYER, "order_id": 417, "order_increment_id": "000000417", "status": "active",
         "items": [{"item_id": 3, "qty": 1}]},
    ],
    ids=["invoice with its buyer", "invoice of a grid", "one number", "purchase order", "new one",
         "invoice by its marks", "credit memo by them", "return", "return of a grid",
         "subscription"],
)  # fmt: skip
@pytest.mark.parametrize("event", ["acme_document_save_after", "sales_order_invoice_save_after"])
def test_what_names_another_order_is_not_taken_for_one(document, event: str) -> None:
    assert said(document, event).is_ignored
    with pytest.raises(DecodeError, match="sales document"):
        said(document, "sales_order_save_after")


@pytest.mark.parametrize("more", [{"items": [{"qty": 1}]}, BUYER])
def test_what_has_another_order_inside_is_not_taken_for_one(more) -> None:
    order = {"entity_id": 417, "increment_id": "000000417", "status": "complete"}
    document = {**SALE, **more, "order": order}
    assert said(document, "acme_document_save_after").is_ignored
    assert said(document, "sales_order_invoice_save_after").is_ignored
    assert said(document, "sales_order_save_after").entity == order


def test_an_invoice_is_no_order_because_a_signed_name_says_so() -> None:
    for items in ([], [{"order_item_id": 3, "qty": 1}]):
        invoice = {**SALE, "order_id": 417, "items": items}
        with pytest.raises(DecodeError, match="sales document"):
            said({"event": "sales_order_save_after", "order": invoice})


@pytest.mark.parametrize("event", ["sales_order_invoice_pay", "sales_order_creditmemo_save_after"])
def test_an_order_that_an_invoice_brings_along_is_taken_and_one_it_names_is_not(event) -> None:
    invoice = {**SALE, "order_id": 417}
    brought = said({"event": event, "invoice": {**invoice, "order": an_order()}})
    assert (brought.kind, brought.key) == (Kind.ORDER, "000000417")
    named = {"entity_id": 417, "increment_id": "000000417", "status": "complete"}
    assert said({"event": event, "invoice": {**invoice, "order": named}}).is_ignored


@pytest.mark.parametrize("name", ["invoice", "creditmemo", "shipment", "invoices"])
def test_what_stands_under_an_invoices_name_is_none(name: str) -> None:
    document = {**SALE, **BUYER, "billing_address": {"city": "Odense"}, "items": [{"qty": 1}]}
    body = {name: [document] if name == "invoices" else document}
    assert said(body, "acme_pushed").is_ignored
    assert said(body).ignored is Ignored.ORDER_ID_ONLY
    assert said({name: an_order()}, "acme_pushed").key == "000000417"


TWO = [an_order(), an_order("000000418", entity_id="418")]


@pytest.mark.parametrize(
    "body",
    [
        {"items": TWO, "search_criteria": {}, "total_count": 2},
        {"data": [{"order": order} for order in TWO]},
        {"data": [orjson.dumps(order).decode() for order in TWO]},
        {"orders": {order["entity_id"]: order for order in TWO}},
        {"order": TWO[0], "data": TWO[1]},
        {"order": TWO[0], "data": [TWO[1]]},
        {"customers": [a_customer(), a_customer(email="x@example.com")]},
        {"data": [a_customer(), a_customer(email="x@example.com")]},
    ],
)
@pytest.mark.parametrize("event", ["sales_order_save_after", "acme_pushed", ""])
def test_two_documents_in_one_body_are_never_one_or_none(body, event: str) -> None:
    with pytest.raises(DecodeError, match="per request"):
        said(body, event)


@pytest.mark.parametrize(
    "body",
    [
        {"items": [an_order()], "search_criteria": {}, "total_count": 1},
        {"orders": [an_order(), None]},
        {"payload": orjson.dumps(orjson.dumps(an_order()).decode()).decode()},
        {"payload": "\ufeff" + orjson.dumps({"order": an_order()}).decode()},
    ],
)
def test_the_one_order_is_found(body) -> None:
    assert said(body, "acme_pushed").entity == an_order()


def flat(value, join, before: str = ""):
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        name = join.format(before, key) if before else str(key)
        if isinstance(inner, dict | list):
            yield from flat(inner, join, name)
        else:
            yield name, inner


@pytest.mark.parametrize("join", ["{}.{}", "{}__{}", "{}[{}]", "{}/{}"])
@pytest.mark.parametrize(
    "body", [{"order": an_order()}, {"data": {"value": an_order()}}, an_order()]
)
def test_a_flows_flattened_keys_are_read(join: str, body) -> None:
    whole, read = said(body, "acme_pushed"), said(dict(flat(body, join)), "acme_pushed")
    assert (read.key, read.entity["items"]) == (whole.key, whole.entity["items"])
    street = read.entity["billing_address"].pop("street")
    assert street == ["Havnegade 3"]
    assert any("flattened" in note for note in read.notes)


@pytest.mark.parametrize(
    "body",
    [
        {"incrementId": "7", "grandTotal": 86},
        {"Order": {"IncrementId": "7", "GrandTotal": 86, "BillingAddress": {"street": "x"}}},
        {"order_increment_id": "7", "order_grand_total": "86"},
        {"orders": [{"number": "7", "order_date": "2026", "total": {"grand_total": {"value": 8}}}]},
        {"data": {"placeOrder": {"orderV2": {"number": "7", "items": [{"id": "MQ=="}]}}}},
        {"data": {"guestOrder": {"number": "7", "total": {"grand_total": {"value": 8}}}}},
    ],
)
def test_an_order_in_other_words_is_never_ignored(body) -> None:
    with pytest.raises(DecodeError, match="called otherwise"):
        said(body, "acme_pushed")


@pytest.mark.parametrize(
    "more", [{"alert_stock_id": 3, "customer_id": 23}, {"comment": "Hello", "store_id": 1}]
)
def test_an_address_of_a_website_is_no_customer(more) -> None:
    body = {"email": "x@example.com", "website_id": 1, **more}
    assert said(body, "acme_thing_save_after").is_ignored


def test_a_modules_creator_makes_no_purchase_order_of_an_order() -> None:
    assert said(an_order(creator_id=2), "acme_pushed").key == "000000417"
    part = {"increment_id": "000000417", "status": "complete", "creator_id": 2}
    assert said({"event": "sales_order_save_after", "order": part}).key == "000000417"


@pytest.mark.parametrize("order_id", ["417", 417, "000000417", "9999"])
def test_an_order_may_have_an_order_id(order_id) -> None:
    assert said(an_order(order_id=order_id, entity_id=417)).key == "000000417"


@pytest.mark.parametrize(
    "document",
    [
        {"id": 3, "customer_email": "x@example.com", "status": "open", "subject": "Help"},
        {"id": 3, "customer_firstname": "X", "customer_lastname": "Y"},
        {"entity_id": 3, "quote_id": 9, "status": "created", "creator_id": 2},
    ],
    ids=["ticket", "wish", "negotiated quote"],
)
def test_an_id_and_a_buyer_are_an_order_only_where_a_name_says_order(document) -> None:
    with pytest.raises(DecodeError, match="is unknown"):
        said(document, "acme_thing_save_after")
    with pytest.raises(DecodeError, match="no event name"):
        said(document)
    named = said(document, "sales_order_save_after")
    assert (named.kind, named.key) == (Kind.ORDER, "id:3")


EXTRA = {
    "quote_id": 4,
    "customer_is_guest": 0,
    "total_due": 1,
    "items": [{"item_id": 2, "sku": "a"}],
}


@pytest.mark.parametrize("number", [None, "000000012"])
@pytest.mark.parametrize("event", ["customer_save_after", "customer_save_after_data_object", ""])
def test_a_customer_stays_one_whatever_a_module_adds(event: str, number) -> None:
    customer = {**a_customer(), **EXTRA, "increment_id": number}
    document = said(customer, event)
    assert (document.kind, document.key) == (Kind.CUSTOMER, "petra.lund@example.com")
    with pytest.raises(DecodeError, match="increment_id"):
        said({"event": "sales_order_save_after", "order": customer})


def test_a_number_beside_its_order_is_the_orders() -> None:
    order = an_order()
    body = {"increment_id": "000000417", "order": without(order, "increment_id")}
    document = said(body, "sales_order_save_after")
    assert document.entity == order
    assert document.notes == ("increment_id: read beside the order",)


@pytest.mark.parametrize("number", ["null", "0", "{{increment_id}}"])
def test_a_stand_in_for_a_number_is_none_and_is_written_nowhere(number: str) -> None:
    document = said(an_order(number), "sales_order_save_after")
    assert (document.key, document.entity["increment_id"]) == ("id:417", None)
    assert document.notes == (f"increment_id: `{number}` is no number, left out",)
    assert said(an_order(order_id=number), "acme_pushed").key == "000000417"
    beside = {"increment_id": "000000417", "order": an_order(number)}
    assert said(beside, "sales_order_save_after").key == "000000417"


def test_two_numbers_are_two_orders_and_refused() -> None:
    with pytest.raises(DecodeError, match="two orders"):
        said({"increment_id": "000000418", "order": an_order()}, "sales_order_save_after")


def test_a_document_of_no_use_is_ignored_by_its_name() -> None:
    ticket = {"id": 3, "subject": "Help", "status": "open"}
    assert said(ticket, "acme_ticket_save_after").ignored is Ignored.UNKNOWN


@pytest.mark.parametrize(
    "document",
    [
        {"product": {"id": 4, "sku": "BOWL", "name": "Bowl", "items": [{"sku": "LID"}]}},
        {"order": {"id": 4, "sku": "BOWL", "type_id": "simple", "status": "enabled"}},
        {"data": {"entity_id": 4, "attribute_set_id": 4, "status": "enabled"}},
        {"category": {"id": 3, "category_id": 3, "status": "enabled", "items": [1]}},
        {"page": {"id": 3, "title": "Home", "status": "published"}},
    ],
)
def test_a_product_or_a_page_under_an_orders_signed_name_is_no_order(document) -> None:
    with pytest.raises(DecodeError, match="no order ID found"):
        said({"event": "sales_order_save_after", **document})


def test_of_two_copies_of_one_document_the_dated_one_is_taken() -> None:
    """Adobe's webhooks behind a method send what it was given and what it made of it."""
    given, made = without(a_customer(), "id", "updated_at"), a_customer()
    name = "plugin.magento.customer.api.customer_repository.save"
    document = said({"event": name, "customer": given, "passwordHash": None, "result": made})
    assert document.entity == made
    other = a_customer(email="other@example.com")
    assert said({"event": name, "customer": given, "result": other}).key == "petra.lund@example.com"
    placed = without(an_order(), "entity_id", "updated_at", "created_at")
    name = "plugin.magento.sales.api.order_management.place"
    assert said({"event": name, "order": placed, "result": an_order()}).entity == an_order()
    assert said({"event": name, "order": placed}).entity == placed
    part = {"increment_id": "000000417", "grand_total": 1, "updated_at": "2026-03-14 18:02:15"}
    assert said({"event": name, "order": placed, "data": part}).entity == placed
