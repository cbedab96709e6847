"""What one level of a body is, decided by its marks: an order, a customer, an address, or neither.

The name of an event may stand outside the signature, so it never decides what signed bytes mean
(docs/decisions/0016). The marks are the tables of this file; docs/events.md shows them, and a test
holds the two against each other. A mark counts when its field has the form beside it.

| shape | is |
|---|---|
| order | an identity and a mark that no other document has; with `order_id`, several of them |
| customer | an `email` and a mark of a customer, and nothing that makes it an order |
| subscriber | a `subscriber_email` |
| address | a street, a postcode or a country of somebody |
| sales document | an `order_id`: an invoice, a shipment, a credit memo |
| cart | a cart's own fields and no order number |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from schemas.document.forms import Form, nested, order_rows, scalar, text, word
from schemas.event import Kind
from schemas.texts import identifier, text_of

Level = Mapping[str, Any]


class Shape(StrEnum):
    """What a level of a body is. OTHER levels are looked into, all others are final."""

    ORDER = "order"
    CUSTOMER = "customer"
    SUBSCRIBER = "subscriber"
    ADDRESS = "address"
    SALES_DOCUMENT = "sales document"
    CART = "cart"
    OTHER = "other"


ORDER_NUMBERS = ("increment_id", "real_order_id")
ORDER_WRAPPERS = ("order", "sales_order", "order_data")
IDS = ("entity_id", "id")
# What an order is told by when it stands beside its entity id alone.
ORDER_MARKS: dict[str, Form] = {
    "grand_total": scalar,
    "base_grand_total": scalar,
    "total_due": scalar,
    "base_total_due": scalar,
    "total_qty_ordered": scalar,
    "total_item_count": scalar,
    "order_currency_code": text,
    "status_histories": nested,
    "items": order_rows,
}
# Who bought: tickets, subscriptions and negotiated quotes say it too, so beside an entity id alone
# these need a name that says order.
BUYER_MARKS: dict[str, Form] = {
    "customer_email": text,
    "customer_is_guest": scalar,
    "customer_firstname": text,
    "customer_lastname": text,
    "quote_id": text,
}
# What others have too: these need an order number, or signed bytes that say `order`.
SHARED_ORDER_MARKS: dict[str, Form] = {
    "state": word,
    "status": word,
    "items": nested,
    "payment": nested,
    "billing_address": nested,
    "addresses": nested,
}
# What no invoice, shipment or credit memo has, whatever a module adds of the buyer: one of them, a
# buyer and a total outweigh an `order_id` or an `order_increment_id` of something else.
NOT_OF_SALES_DOCUMENTS: dict[str, Form] = {
    "total_due": scalar,
    "total_qty_ordered": scalar,
    "status_histories": nested,
    "status": word,
    "items": order_rows,
}
# What only a whole order says, whatever the event is about.
SURE_TOTALS = ("total_qty_ordered", "total_paid", "total_refunded", "total_canceled")
SURE_MARKS: dict[str, Form] = {"items": order_rows, **dict.fromkeys(SURE_TOTALS, scalar)}
# What an invoice, a shipment, a credit memo or a return has, and no order.
SALES_DOCUMENT_MARKS = (
    *("total_qty", "can_void_flag", "is_used_for_refund", "shipment_status"),
    *("creditmemo_status", "adjustment", "base_adjustment"),
)
RETURN_IDS = ("rma_id", "return_id")  # of a return; an order may have such columns, empty
SALES_DOCUMENT_WRAPPERS = ("invoice", "creditmemo", "credit_memo", "creditMemo", "shipment", "rma")
DOCUMENT_IDS = ("invoice_id", "shipment_id", "creditmemo_id", *RETURN_IDS)
TOTALS = ("grand_total", "base_grand_total")
PURCHASER = "creator_id"
CART_MARKS = ("is_active", "items_count", "items_qty", "reserved_order_id", "checkout_method")
# What is sold, or where it is kept: under an order's name, with a status or items of its own.
PRODUCT_MARKS = ("sku", "type_id", "attribute_set_id", "category_id", "source_code")
# Of a customer under any name; without a name an id and both names are enough, with a name that
# agrees the e-mail alone.
CUSTOMER_MARKS: dict[str, Form] = {
    "group_id": text,
    "website_id": text,
    "created_in": text,
    "addresses": nested,
    "default_billing": text,
    "default_shipping": text,
    "dob": text,
    "taxvat": text,
    "disable_auto_group_change": scalar,
}
NAMES = ("firstname", "lastname")
ADDRESS_MARKS = ("street", "postcode", "country_id")
NO_CUSTOMER = ("username", "user_id", "review_id", "company_email")  # staff and the like
# An order of which nothing else is known was announced, not sent.
ANNOUNCING = frozenset((*IDS, *ORDER_NUMBERS, "store_id", "created_at", "updated_at"))


def shape_of(level: Level, said: Kind | None = None, wrapper: str = "") -> Shape:
    """Return what a level is. `said`: what the signed bytes call it, by wrapper or event name."""
    is_of_another = wrapper.startswith(SALES_DOCUMENT_WRAPPERS)
    if is_of_another and not (_outweighs_its_order(level) and is_surely_an_order(level)):
        return Shape.SALES_DOCUMENT if number_of(level) or id_of(level) else Shape.OTHER
    is_said_customer = said in (Kind.CUSTOMER, Kind.CUSTOMER_DELETED)
    tests: tuple[tuple[Shape, Callable[[], bool]], ...] = (
        (Shape.ORDER, lambda: _is_order(level, said is Kind.ORDER)),
        (Shape.SUBSCRIBER, lambda: text(level.get("subscriber_email"))),
        (Shape.CUSTOMER, lambda: is_customer(level, is_named=is_said_customer)),
        (Shape.SALES_DOCUMENT, lambda: _is_of_an_order(level) and bool(number_of(level))),
        (Shape.CART, lambda: _is_cart(level)),
        (Shape.ADDRESS, lambda: _is_address(level)),
    )
    return next((shape for shape, test in tests if test()), Shape.OTHER)


def _is_address(level: Level) -> bool:
    is_wrapper = any(isinstance(level.get(name), dict) for name in ("order", "customer", "data"))
    return not is_wrapper and any(level.get(mark) for mark in ADDRESS_MARKS)


def number_of(level: Level) -> str:
    """Return an order's number; '' when the level has none."""
    for name in ORDER_NUMBERS:  # no generator: asked of every order
        if found := identifier(level.get(name)):
            return found
    return ""


def id_of(level: Level) -> str:
    """Return the store's id of a document; '' when the level has none."""
    return next((found for name in IDS if (found := identifier(level.get(name)))), "")


def is_thin(level: Level) -> bool:
    """Whether an order has no mark of its own: what is nested in it may be the order itself."""
    if any(nested(level.get(name)) for name in ORDER_WRAPPERS):  # rows and buyer stand beside it
        return not any(m in level and f(level[m]) for m, f in ORDER_MARKS.items() if m != "items")
    is_bought = bool(number_of(level)) and _has(level, BUYER_MARKS)
    return not is_bought and not _has(level, ORDER_MARKS)


def _is_order(level: Level, is_said: bool) -> bool:
    number, entity_id = number_of(level), id_of(level)
    if (not number and not entity_id) or _is_cart(level) or _is_product(level):
        return False
    if is_customer(level, is_named=False) and not _has_total(level):
        return False  # customers may have numbers, and whatever a module adds to them
    has_own = _has(level, ORDER_MARKS) or _has(level, BUYER_MARKS)
    if is_said and not _is_sales_document(level):
        is_bare = level.keys() <= ANNOUNCING
        return bool(number) or has_own or _has(level, SHARED_ORDER_MARKS) or is_bare
    if _is_of_an_order(level):
        return _outweighs_its_order(level)
    return has_own or (bool(number) and not is_customer(level, is_named=True))


def _is_of_an_order(level: Level) -> bool:
    """Whether a level names an order that it is not itself, as invoices and returns do.

    Or will name one: a company's purchase order has somebody who made it, before its order exists.
    """
    own = (id_of(level), number_of(level))
    if names_order(level) and not _is_named_by_itself(level, own):
        return True
    is_marked = PURCHASER in level or any(m in level for m in SALES_DOCUMENT_MARKS)
    if number_of(level) and (is_marked or any(identifier(level.get(n)) for n in RETURN_IDS)):
        return True
    inner = level.get("order")
    if isinstance(inner, dict) and _is_document(level):  # a number may stand beside its order
        named = (id_of(inner), number_of(inner))
        if (named[1] or own[0]) and any(named) and not any(n and n in own for n in named):
            return True
    return "order_increment_id" in level and text_of(level["order_increment_id"]) not in own[1:]


def is_surely_an_order(level: Level) -> bool:
    """Whether a level has what no invoice or subscription has, in whatever words."""
    return _has(level, SURE_MARKS) and (word(level.get("state")) or word(level.get("status")))


def names_order(level: Level) -> bool:
    """Whether a level has an `order_id` or an order's number that is not its own id or number."""
    own, number = (id_of(level), number_of(level)), text_of(level.get("order_number"))
    # An ERP's number stands beside that of an order, too: it is not written as Magento's is.
    is_like_own = number[:1] == "0" and len(number) == len(own[1])
    named = (identifier(level.get("order_id")), number if is_like_own else "")
    return any(one and one not in own for one in named)


def is_perhaps_of_an_order(level: Level) -> bool:
    """Whether a level that names an order may be an invoice of it: a name that says so decides."""
    return names_order(level) and not _outweighs_its_order(level)


def _is_named_by_itself(level: Level, own: tuple[str, str]) -> bool:
    """Whether `order_id` is what a sender calls the id of the order itself, which has no other."""
    if own[0] or not own[1] or any(level.get(name) for name in DOCUMENT_IDS):
        return False
    return _is_bought(level) or _has(level, NOT_OF_SALES_DOCUMENTS)


def _is_sales_document(level: Level) -> bool:
    """Whether a level says nothing that an invoice or a shipment of another order does not say."""
    is_order = _has(level, NOT_OF_SALES_DOCUMENTS) or _has(level, BUYER_MARKS)
    return _is_of_an_order(level) and _is_document(level) and not is_order


def _is_document(level: Level) -> bool:
    return _has_total(level) or nested(level.get("items"))


def _outweighs_its_order(level: Level) -> bool:
    number, other = number_of(level), identifier(level.get("order_increment_id"))
    if number and other and other != number:  # returns and subscriptions have a buyer, too
        return False
    is_number_named = names_order(level) and not identifier(level.get("order_id"))
    if is_number_named and not is_surely_an_order(level):
        return False
    return _is_bought(level) and _has(level, NOT_OF_SALES_DOCUMENTS) and _has_total(level)


def _is_bought(level: Level) -> bool:
    return any(form(level.get(m)) for m, form in BUYER_MARKS.items() if m != "quote_id")


def _has_total(level: Level) -> bool:
    return any(scalar(level.get(total)) for total in TOTALS)


def _is_cart(level: Level) -> bool:
    return not number_of(level) and any(mark in level for mark in CART_MARKS)


def _is_product(level: Level) -> bool:
    return not number_of(level) and any(mark in level for mark in PRODUCT_MARKS)


def is_customer(level: Level, *, is_named: bool) -> bool:
    """Whether a level is a customer; `is_named`: something besides its own fields says so."""
    if not text(level.get("email")) or any(mark in level for mark in NO_CUSTOMER):
        return False
    has_marks = has_customer_marks(level)
    if any(level.get(mark) for mark in ADDRESS_MARKS):
        return has_marks
    return is_named or has_marks or (bool(id_of(level)) and all(text(level.get(n)) for n in NAMES))


def has_customer_marks(level: Level) -> bool:
    """Whether a level has a field that nobody but a customer has."""
    return _has(level, CUSTOMER_MARKS)


def _has(level: Level, marks: Mapping[str, Form]) -> bool:
    return any(mark in level and form(level[mark]) for mark, form in marks.items())
