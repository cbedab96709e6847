"""What a document is, is decided by its signed bytes; a name only has to agree."""

from __future__ import annotations

import orjson
import pytest
from support.shaped_bodies import PERSON, said

from schemas.codec import MAX_NESTING, DecodeError, decode
from schemas.event import Kind
from schemas.event_names import Ignored
from tests.support.real_documents import (
    ADDRESS,
    a_customer,
    a_raw_customer,
    a_row,
    an_order,
    cloud_event,
    order_bodies,
    without,
)

PRODUCT = {"id": 5, "sku": "BOWL", "name": "Bowl", "price": 43, "status": 1, "type_id": "simple"}
INVOICE = {
    "entity_id": 9,
    "increment_id": "000000900",
    "order_id": 417,
    "grand_total": 86,
    "state": 2,
}


CART = {"id": 5, "is_active": 1, "items_qty": 2, "grand_total": 1, "customer_email": "x@y.zz"}


@pytest.mark.parametrize("name", order_bodies(an_order()))
def test_an_order_is_the_same_in_every_wrapping(name: str) -> None:
    order = an_order()
    body, event = order_bodies(order)[name]
    document = said(body, event)
    assert (document.kind, document.key, document.entity) == (Kind.ORDER, "000000417", order)


@pytest.mark.parametrize("field", ["customer", "data", "order", "subscriber", "value", "payload"])
@pytest.mark.parametrize("value", [PERSON, {}, an_order("7"), [], "{}", None, INVOICE])
@pytest.mark.parametrize("name", ["blueprint", "bare", "bare and nameless", "adobe event"])
def test_what_is_nested_in_an_order_is_its_own(name: str, field: str, value: object) -> None:
    order = an_order(**{field: value})
    body, event = order_bodies(order)[name]
    document = said(body, event)
    assert (document.kind, document.key, document.entity) == (Kind.ORDER, "000000417", order)


def test_a_number_keeps_its_spelling_and_folds_its_key() -> None:
    upper, lower = (said(an_order(number)) for number in ("SO-7a", "so-7A"))
    assert upper.key == lower.key == "so-7a"
    assert (upper.external_id, lower.external_id) == ("SO-7a", "so-7A")


@pytest.mark.parametrize(
    ("body", "event", "missing"),
    [
        ({"order": a_customer()}, "sales_order_save_after", "increment_id"),
        ({"event": "sales_order_save_after", "order": a_customer()}, "", "increment_id"),
        ({"event": "sales_order_save_after", "customer": a_customer()}, "", "customer at"),
        ({"data": a_customer()}, "sales.order.updated", "increment_id"),
        ({"data": PRODUCT}, "sales.order.updated", "increment_id"),
        ({"event": "sales_order_save_after", "product": PRODUCT}, "", "increment_id"),
        ({"data": INVOICE}, "sales.order.updated", "sales document"),
        ({"event": "sales_order_save_after", "quote": CART}, "", "increment_id"),
        ({"data": an_order()}, "customer.updated", "`email`"),
        ({"data": an_order()}, "customer.deleted", "`email`"),
        ({"data": an_order()}, "newsletter_subscriber_save_after", "subscriber_email"),
        ({"event": "customer_save_after", "order": an_order()}, "", "`email`"),
        ({"order": an_order(), "customer": a_customer()}, "customer.updated", "`email`"),
        ({"data": PRODUCT}, "customer_save_after", "`email`"),
        ({"event": "my.ticket", "increment_id": "7", "title": "x"}, "", "unknown"),
        ({"event": "sales_order_save_after", "orders": [an_order(), an_order("8")]}, "", "a list"),
        ({"event": "x", "one": an_order(), "two": an_order("8")}, "", "which is meant"),
        ({"order": an_order(increment_id=True)}, "", "increment_id"),
        ({"order": an_order(increment_id={})}, "", "increment_id"),
    ],
)  # fmt: skip
def test_a_name_that_does_not_fit_the_body_is_refused_with_what_is_missing(
    body, event, missing
) -> None:
    with pytest.raises(DecodeError, match=missing):
        said(body, event)


def test_signed_bytes_may_choose_between_an_order_and_its_customer() -> None:
    both = {"order": an_order(), "customer": a_customer()}
    assert said({"event": "customer_save_after", **both}).kind is Kind.CUSTOMER
    assert said({"event": "sales_order_save_after", **both}).kind is Kind.ORDER
    assert said(both).kind is Kind.ORDER


def test_a_name_outside_the_signature_deletes_nobody() -> None:
    assert said({"data": a_customer()}, "customer.deleted").ignored is Ignored.UNSIGNED_NAME
    signed = said({"event": "customer.deleted", "data": a_customer()})
    assert signed.kind is Kind.CUSTOMER_DELETED


@pytest.mark.parametrize(
    ("body", "kind", "is_unexpected"),
    [
        ({"event": "erp.push", "order": an_order()}, Kind.ORDER, True),
        ({"event": "erp.push", "data": {"customer": a_customer()}}, Kind.CUSTOMER, True),
        ({"event": "erp.push", **a_customer()}, Kind.CUSTOMER, True),
        ({"event": "sales_order_save_after", "order": an_order()}, Kind.ORDER, False),
        ({"event": "sales_order_invoice_save_after", "order": an_order()}, Kind.ORDER, False),
    ],
)
def test_what_comes_under_an_unknown_name_is_taken_and_told_apart(
    body, kind, is_unexpected
) -> None:
    document = said(body)
    assert (document.kind, document.is_unexpected) == (kind, is_unexpected)


@pytest.mark.parametrize(
    "body",
    [
        {"event": "admin_user_save_after", "user_id": 3, "username": "a", "email": "a@b.cc",
         "firstname": "A", "lastname": "B"},
        {"event": "catalog_product_save_after", "product": PRODUCT},
        {"event": "review_save_after", "review": {"id": 4, "customer": a_customer()}},
        {"event": "sales_quote_save_after", "quote": CART},
        {"event": "contact_form", "name": "A", "email": "a@b.cc", "comment": "hello"},
    ],
)  # fmt: skip
def test_what_is_neither_is_ignored_under_an_unknown_name(body) -> None:
    assert said(body).ignored is Ignored.UNKNOWN


def test_an_order_with_an_order_id_is_an_order_and_an_invoice_is_not() -> None:
    order = without(an_order(order_id="417"), "entity_id")
    assert said(order).kind is Kind.ORDER
    assert said(INVOICE).ignored is Ignored.ORDER_ID_ONLY


def test_a_customer_is_found_in_what_adobe_wraps_it_in() -> None:
    model = {"data_model": a_customer(), "group_id": 1, "tax_class_id": 3}
    document = said(cloud_event(model, "observer.customer_save_commit_after"))
    assert (document.kind, document.entity) == (Kind.CUSTOMER, a_customer())


def test_the_customer_before_the_save_is_never_read() -> None:
    body = {
        "event": "customer_save_after_data_object",
        "orig_customer_data_object": a_customer(email="old@example.com"),
        "customer_data_object": a_customer(),
    }
    document = said(body)
    assert document.key == "petra.lund@example.com"
    assert document.notes == ("`orig_customer_data_object` beside the customer is not read",)


def test_a_number_of_its_own_is_not_replaced_by_a_nested_order() -> None:
    parent = an_order("000000001")
    body = {"event": "sales_order_save_after", "increment_id": "7", "parent_order": parent}
    assert said(body).key == "7"


def rows_of(**fields: object) -> object:
    return said({"event": "sales_order_save_after", "order": an_order(**fields)}).entity["items"]


@pytest.mark.parametrize(
    "items",
    [
        {"4170": a_row()},
        orjson.dumps([a_row()]).decode(),
        [orjson.dumps(a_row()).decode()],
        {"items": [a_row()], "total_count": 1},
    ],
    ids=["keyed", "text", "list of texts", "search result"],
)
def test_rows_are_a_list_however_they_are_written(items: object) -> None:
    assert rows_of(items=items) == [a_row()]


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"billing_address": orjson.dumps(ADDRESS).decode()}, ()),
        ({"billing_address": [ADDRESS]}, ()),
        ({"billing_address": {**ADDRESS, "region": {"region": "Fyn", "region_id": 3}}}, ()),
        ({"billing_address": 7}, ("billing_address: a number in the order, not read",)),
        ({"items": "two bowls"}, ("items: a text in the order, not read",)),
    ],
)
def test_an_address_is_an_object_however_it_is_written(fields, note) -> None:
    document = said({"order": an_order(**fields)})
    assert document.notes == note
    if not note:
        assert document.entity["billing_address"]["region"] == "Fyn"


def test_addresses_of_an_order_may_be_keyed_by_their_type() -> None:
    keyed = {"billing": without(ADDRESS, "address_type"), "shipping": ADDRESS | {"city": "X"}}
    order = without(an_order(addresses=keyed), "billing_address")
    assert said({"order": order}).entity["addresses"][0] == ADDRESS


def test_what_stands_beside_the_order_is_read_and_noted() -> None:
    order = without(an_order(), "items", "billing_address")
    document = said(
        {"order": order, "items": [a_row()], "billing_address": ADDRESS, "store": {"id": 1}}
    )
    assert document.entity == an_order()
    assert document.notes == (
        "items: read beside the order",
        "billing_address: read beside the order",
        "`store` beside the order is not read",
    )


@pytest.mark.parametrize("is_keyed", [False, True])
def test_a_default_address_by_id_is_the_flag_of_its_row(is_keyed: bool) -> None:
    customer = a_raw_customer()
    if is_keyed:
        rows = customer["addresses"]
        customer["addresses"] = {row["entity_id"]: without(row, "entity_id") for row in rows}
    rows = said({"event": "customer_save_after", "customer": customer}).entity["addresses"]
    assert [(row["city"], row.get("default_billing")) for row in rows] == [
        ("Aalborg", None),
        ("Odense", True),
    ]


@pytest.mark.parametrize("unset", ["0", "false", 0, False, None, ""])
def test_a_flag_that_is_not_set_hides_no_default_address(unset) -> None:
    """ "0" of a database is true in Python: no address was used, and nothing said so."""
    customer = a_raw_customer()
    for row in customer["addresses"]:
        row["default_billing"] = unset
    rows = said({"event": "customer_save_after", "customer": customer}).entity["addresses"]
    assert [row["default_billing"] for row in rows] == [unset, True]


def test_a_default_address_that_is_not_there_is_noted() -> None:
    customer = a_raw_customer(default_billing="99")
    document = said({"event": "customer_save_after", "customer": customer})
    assert document.notes == ("addresses: none has the id of default_billing",)


@pytest.mark.parametrize(("open_", "close"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_what_could_not_be_written_again_is_refused(open_: bytes, close: bytes) -> None:
    def nested(levels: int) -> bytes:
        deep = open_ * levels + b"1" + close * levels
        return b'{"increment_id":"7","grand_total":1,"deep":' + deep + b"}"

    orjson.dumps([[[decode(nested(MAX_NESTING - 1)).entity]]])
    with pytest.raises(DecodeError, match="nested"):
        decode(nested(MAX_NESTING))


@pytest.mark.parametrize("event", ["", "sales.order.updated"])
def test_what_stands_beside_an_order_never_hides_it(event: str) -> None:
    context = {"email": "shop@example.com", "website_id": 1, "group_id": 2, "street": "Nygade 1"}
    named = {} if event else {"event": "sales_order_save_after"}
    document = said({**named, **context, "order": an_order()}, event)
    assert (document.kind, document.key) == (Kind.ORDER, "000000417")
