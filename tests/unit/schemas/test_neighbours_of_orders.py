"""What stands near orders: carts, returns and short words of a change; none is written over one."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import DecodeError, decode
from schemas.event import Kind
from schemas.event_names import Ignored
from tests.support.real_documents import an_order

CART = {
    "id": 4,
    "customer_email": "x@example.com",
    "grand_total": 5,
    "items": [{"item_id": 3, "sku": "CUP", "qty": 1}],
}
RETURN = {
    "entity_id": 4,
    "increment_id": "000000004",
    "status": "pending",
    "customer_email": "x@example.com",
    "items": [{"qty_requested": 1}],
}
WORD = {"order_id": 417, "increment_id": "000000417", "new_status": "complete"}


def said(body: object, event: str = ""):
    return decode(orjson.dumps(body), event=event)


@pytest.mark.parametrize("event", ["cart_updated", "acme.abandonedCart", "quote.saved"])
def test_a_cart_without_marks_of_one_is_no_order_by_its_id(event: str) -> None:
    """Each was a dead letter, or had the order of that id read from the store."""
    assert said(CART, event).ignored is Ignored.UNKNOWN
    assert said(an_order(), event).kind is Kind.ORDER
    assert said(CART, "cart.order.created").key == said(CART, "cart_converted").key == "id:4"


@pytest.mark.parametrize("name", ["cart", "cart_data", "basket"])
def test_what_stands_under_a_carts_name_is_no_order(name: str) -> None:
    assert said({name: CART}, "acme_saved").ignored is Ignored.UNKNOWN
    assert said({name: CART, "order": an_order()}, "acme_saved").key == "000000417"


@pytest.mark.parametrize("mark", [{"rma_id": 4}, {"return_id": 4}])
def test_a_return_is_not_the_order_of_its_own_number(mark) -> None:
    """Returns are numbered from 000000001, as orders are: order 4 was put back to Prospecting."""
    assert said({**RETURN, **mark}, "acme_rma").is_ignored
    assert said(an_order(**mark), "acme_saved").kind is Kind.ORDER


@pytest.mark.parametrize("mark", ["rma_id", "return_id"])
@pytest.mark.parametrize("nothing", [None, "", 0, "0"])
def test_a_column_for_returns_with_nothing_in_it_makes_no_return(mark, nothing) -> None:
    """Of an order without its buyer: a quiet 200 under any other name, and a 400 under its own."""
    order = {"entity_id": 4, "increment_id": "000000004", "grand_total": 5, mark: nothing}
    for body, event in ((order, "acme_saved"), ({"order": order}, "sales_order_save_commit_after")):
        assert said(body, event).kind is Kind.ORDER


@pytest.mark.parametrize("prefix", ["", "observer.", "com.adobe.commerce.acme.observer."])
def test_an_order_that_was_rolled_back_is_none(prefix: str) -> None:
    name = f"{prefix}sales_model_service_quote_submit_failure"
    for body in ({"order": an_order()}, {"event": name, "data": {"order": an_order()}}):
        assert said(body, name).ignored is Ignored.ORDER_NOT_PLACED
    placed = "sales_model_service_quote_submit_success"
    assert said({"order": an_order()}, placed).kind is Kind.ORDER


@pytest.mark.parametrize(
    "name",
    [
        "order/deleted",  # sweettooth's webhook module
        "sales_order_delete_commit_after",
        "observer.sales_order_delete_before",
        "plugin.magento.sales.api.order_repository.delete",
        "sales.order.deleted",
        "delete_order",
    ],
)
def test_an_order_that_was_deleted_is_no_save(name: str) -> None:
    """What such an event brings is the order as it was: its record was made anew."""
    for body in ({"order": an_order()}, {"event": name, "data": {"order": an_order()}}):
        assert said(body, name).ignored is Ignored.ORDER_DELETED
    for other in ("order_item_deleted", "order.undeleted", "acme_order_deleted_note_added"):
        assert said({"order": an_order()}, other).kind is Kind.ORDER


@pytest.mark.parametrize("event", ["order.status.updated", "acme_orderUpdated", "new_order"])
def test_a_short_word_of_an_order_is_no_quiet_200(event: str) -> None:
    with pytest.raises(DecodeError, match="says that an order changed"):
        said(WORD, event)


@pytest.mark.parametrize(
    "event", ["customer.registered", "customers/updated", "newCustomer", "acme_customer_created"]
)
@pytest.mark.parametrize("more", [{}, {"id": 7}, {"customer_id": 7, "telephone": "+45"}])
def test_a_customer_is_taken_under_a_name_that_says_so(event: str, more) -> None:
    """Without a mark of a customer it was a quiet 200."""
    document = said({**BUYER, **more}, event)
    assert (document.kind, document.key) == (Kind.CUSTOMER, "x@example.com")
    with pytest.raises(DecodeError, match="says that a customer changed"):
        said({"mail": "x@example.com", **more}, event)


@pytest.mark.parametrize("event", ["customer_group_updated", "acme_saved", "contact.created"])
def test_somebody_with_an_address_is_no_customer_under_another_name(event: str) -> None:
    assert said(BUYER, event).ignored is Ignored.UNKNOWN


BUYER = {"email": "x@example.com", "firstname": "X", "lastname": "Y"}


@pytest.mark.parametrize(
    "event",
    [
        *("customer.newsletter", "customer_signin", "customer.signout", "customer_newPassword"),
        *("customer_changePassword", "customer_savedCards", "orders/newsletter"),
        *("order.placeholder", "order_pushNotification", "order_createShipment"),
    ],
)
@pytest.mark.parametrize("body", [BUYER, {"customer_id": 7, "ip": "192.0.2.1"}])
def test_a_word_that_begins_like_one_of_a_change_says_none(event: str, body) -> None:
    """Who signed in was a 400, and a subscriber of a newsletter became a Contact."""
    assert said(body, event).ignored is Ignored.UNKNOWN


@pytest.mark.parametrize(
    "word", ["created", "creation", "updating", "placement", "cancelled", "confirmation", "saves"]
)
def test_a_change_is_told_in_every_form_of_its_word(word: str) -> None:
    with pytest.raises(DecodeError, match="says that an order changed"):
        said(WORD, f"order.{word}")


@pytest.mark.parametrize("event", ["customer_signup", "customer.registration", "customer_edited"])
def test_a_customer_is_told_in_every_form_of_the_word(event: str) -> None:
    assert said(BUYER, event).kind is Kind.CUSTOMER


@pytest.mark.parametrize(
    "event",
    ["order.created", "orders/updated", "newOrder", "acme_sales_order_saved", "OrderPlaced"],
)
@pytest.mark.parametrize(
    "body",
    [
        {"order_number": "000000417", "items": [{"sku": "CUP"}], "customer": {**BUYER, "id": 7}},
        {"id": 417, "number": "000000417", "total": 86, "customer": BUYER},
        {"Bestellnummer": "000000417", "Gesamtbetrag": "86,00"},
        {"reference": "000000417", "amount": 86, "email": "x@example.com"},
    ],
)
def test_no_order_under_a_name_that_says_order_is_no_quiet_200(body, event: str) -> None:
    """In words that nobody knows it was ignored, or its buyer alone was taken."""
    with pytest.raises(DecodeError, match="an order"):
        said(body, event)


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (WORD, "order.invoice.created"),
        (WORD, "order_shipped"),
        (WORD, "acme_saved"),
        ({**WORD, "shipment_id": 5}, "order.updated"),
        ({**WORD, "items": [{"qty": 1}]}, "order.updated"),
        ({**WORD, "grand_total": 5}, "order.updated"),
    ],
)
def test_what_belongs_to_an_order_stays_ignored(body, event: str) -> None:
    assert said(body, event).is_ignored
