"""Which document of a body is meant, and of what kind: the shape decides, the name has to agree.

| the name | an order in the body | a customer | neither |
|---|---|---|---|
| says order | taken | refused | refused |
| says customer | refused | taken | refused; an address alone: ignored |
| is known and of no use | taken, if there is one | ignored | ignored |
| is unknown | taken, counted | taken, counted | ignored; refused if it may be an order |
| is missing | taken | taken | refused; an invoice: ignored |
"""

from __future__ import annotations

import re
from typing import Any

from schemas.document.forms import nested, scalar
from schemas.document.other_words import may_be_an_order
from schemas.document.shape import (
    DOCUMENT_IDS,
    NAMES,
    TOTALS,
    Shape,
    has_customer_marks,
    id_of,
    is_customer,
    is_perhaps_of_an_order,
    is_surely_an_order,
    is_thin,
    names_order,
    number_of,
    shape_of,
)
from schemas.document.unwrapping import Found, only, opened
from schemas.event import Kind
from schemas.event_names import Ignored, is_about_an_address
from schemas.texts import text_of

SHAPES = {
    Kind.ORDER: Shape.ORDER,
    Kind.CUSTOMER: Shape.CUSTOMER,
    Kind.CUSTOMER_DELETED: Shape.CUSTOMER,
    Kind.SUBSCRIBER: Shape.SUBSCRIBER,
}
MISSING = {
    Kind.ORDER: "an order ID (increment_id or entity_id) and an order's fields, e.g. grand_total",
    Kind.CUSTOMER: "a customer's `email`",
    Kind.CUSTOMER_DELETED: "a customer's `email`",
    Kind.SUBSCRIBER: "a `subscriber_email`",
}
ABOUT = {
    Kind.ORDER: "an order",
    Kind.CUSTOMER: "a customer",
    Kind.CUSTOMER_DELETED: "a deleted customer",
    Kind.SUBSCRIBER: "a subscription",
}
# What GraphQL calls an order, its number, and what it says of it.
ORDER_NAME = re.compile(r"(?<![a-z])order|Order")
# An unknown event of these has no order, whatever totals a cart has beside its id.
CART_NAME = re.compile(
    r"^(?!.*(?:order|submit|place|convert)).*(?:cart|quote|basket)", re.IGNORECASE
)
# Nor has one of these, unless it is called `order` or says what only an order says: invoices,
# quotes and subscriptions have numbers of their own, from 000000001. A quote that was converted is
# an order: Magento's own `sales_model_service_quote_submit_success`.
OTHER_NAME = re.compile(
    r"^(?!.*(?:order|quot.*(?:submit.?success|convert))).*"
    r"(?:invoice|credit[._ -]?(?:memo|note)|shipment|refund|subscription|quot(?:e|ation))",
    re.IGNORECASE,
)
# A name that says that an order itself changed: what has no order then is one in other words.
# A verb's endings are short: a newsletter, a placeholder and a new password are no change.
END = r"(?:[a-z]{0,3}|[lr]?ations?)"
ORDER_EVENT = re.compile(
    r"(?:.*[^a-z])?orders?[._/: -]?(?:(?:status|state|was|has.been)[._/: -]?)?(?:"
    r"(?:creat|updat|plac|sav|chang|complet|cancell?|submitt?|confirm|clos|push|hold|unhold|edit)"
    rf"{END}|placements?|new)(?:[._/: -](?:after|commit_after|event|webhook))?"
    rf"|(?:.*[^a-z])?(?:new|(?:creat|updat|sav|plac|chang){END})[._/: -]?orders?"
)
CUSTOMER_EVENT = re.compile(
    r"(?:.*[^a-z])?customers?[._/: -]?(?:was[._/: -]|has.been[._/: -])?(?:"
    rf"(?:creat|updat|sav|chang|regist(?:er)?|edit){END}|sign(?:ed)?[._/: -]?up|new)"
    r"(?:[._/: -](?:after|commit_after|event))?"
    rf"|(?:.*[^a-z])?(?:new|(?:creat|updat|sav|chang|regist(?:er)?){END})[._/: -]?customers?"
)
OTHER_NUMBERS = frozenset(("number", "order_number"))
OTHER_CONTENT = frozenset(("total", "grand_total", "items", "status"))
MAX_INSIDE = 3  # levels
GONE = (Ignored.ORDER_NOT_PLACED, Ignored.ORDER_DELETED)  # the order in the body is none any more


class DecodeError(ValueError):
    """The bytes are not an event we can place; the message names what is missing and the fix."""


def chosen(
    found: list[Found],
    name: str,
    use: Kind | Ignored | None,
    body: dict[str, Any],
    *,
    is_signed: bool,
) -> tuple[Kind, Found] | Ignored:
    """Return the document that is meant and its kind, or why it is ignored; raises DecodeError."""
    order = only(found, Shape.ORDER)
    match use:
        case None:
            return _by_shape(found, order)
        case Ignored.UNKNOWN:
            return _despite_the_name(found, order, name, body)
        case Ignored():
            if use in GONE or order is None or _is_guess(order):
                return use
            return use if is_perhaps_of_an_order(order.level) else (Kind.ORDER, order)
        case Kind.ORDER:
            return Kind.ORDER, order or _mismatch(name, use, found)
    return _of_a_customer(found, order, name, use, is_signed=is_signed)


def _by_shape(found: list[Found], order: Found | None) -> tuple[Kind, Found] | Ignored:
    """Decide without a name."""
    if order is not None and (number_of(order.level) or not _is_guess(order)):
        return Kind.ORDER, order
    if customer := only(found, Shape.CUSTOMER):
        return Kind.CUSTOMER, _without_orders(customer)
    if only(found, Shape.SALES_DOCUMENT):
        return Ignored.ORDER_ID_ONLY
    raise DecodeError(
        "no event name, no order (increment_id and e.g. grand_total) and no customer (`email`): "
        "send `event` in the body, or post to /magento/webhook/{event}"
    )


def _despite_the_name(
    found: list[Found], order: Found | None, name: str, body: dict[str, Any]
) -> tuple[Kind, Found] | Ignored:
    """Decide under a name nobody knows: what is plainly an order or a customer is taken."""
    if order is not None:
        if _is_guess(order):
            raise DecodeError(
                f"the event `{name}` is unknown, and {order.place} has only the number of an "
                f"order: send {MISSING[Kind.ORDER]}, or name the event (docs/events.md)"
            )
        is_told = order.said is Kind.ORDER or is_surely_an_order(order.level)
        if OTHER_NAME.search(name) is not None and not is_told:
            return Ignored.UNKNOWN
        is_of_a_cart = CART_NAME.search(name) is not None and not number_of(order.level)
        return Ignored.UNKNOWN if is_of_a_cart else (Kind.ORDER, order)
    customer = next((item for item in found if _is_plain_customer(item)), None)
    is_nothing = all(item.shape is Shape.ADDRESS for item in found)
    if customer is None and is_nothing and (may_be_an_order(body) or _has_order(body)):
        raise DecodeError(
            f"the event `{name}` is unknown, and the body may be an order whose fields are called "
            f"otherwise: send {MISSING[Kind.ORDER]}"
        )
    if ORDER_EVENT.fullmatch(name.lower()) and not any(map(_is_of_an_order, found)):
        raise DecodeError(
            f"the event `{name}` says that an order changed, and no order is found in the body: "
            f"send {MISSING[Kind.ORDER]}, or give the event another name (docs/events.md)"
        )
    if customer is None and CUSTOMER_EVENT.fullmatch(name.lower()):
        customer = _named_customer(found, name, body)
    return (Kind.CUSTOMER, _without_orders(customer)) if customer else Ignored.UNKNOWN


def _named_customer(found: list[Found], name: str, body: dict[str, Any]) -> Found:
    """Return the customer under a name that says that one changed; raises DecodeError."""
    for item in (*found, Found(body, Shape.CUSTOMER)):
        if item.is_known_path and is_customer(item.level, is_named=True):
            return item
    raise DecodeError(
        f"the event `{name}` says that a customer changed, and none is found in the body: send "
        f"{MISSING[Kind.CUSTOMER]} with id and names (docs/events.md)"
    )


def _is_of_an_order(item: Found) -> bool:
    """Whether something is plainly an invoice or the like: it says what it holds or costs."""
    level = item.level
    holds = nested(level.get("items")) or any(scalar(level.get(total)) for total in TOTALS)
    is_other = any(level.get(name) for name in DOCUMENT_IDS)
    return item.shape is Shape.SALES_DOCUMENT and (holds or is_other)


def _without_orders(customer: Found) -> Found:
    """Return a customer; refused with orders, of which no event of a known name promises a save."""
    if name := orders_of(customer):
        raise DecodeError(
            f"there are orders in `{name}` of a customer: send each order by itself, or name the "
            "event (docs/events.md)"
        )
    if customer.path and may_be_an_order(_around(customer)):
        raise DecodeError(
            f"the {customer.shape} at {customer.place} may be the buyer of an order whose fields "
            f"are called otherwise: send {MISSING[Kind.ORDER]}"
        )
    return customer


def _around(item: Found) -> dict[str, Any]:
    """Return what stands beside a document."""
    return {name: value for name, value in (item.beside or {}).items() if name != item.path[-1]}


def orders_of(customer: Found) -> str:
    """Return the field of a customer, or beside them, that holds orders; '' when none does."""
    fields = (*customer.level.items(), *(customer.beside or {}).items())
    return next((name for name, one in fields if _has_order(one, is_named=_is_order(name))), "")


def _is_order(name: str) -> bool:
    return ORDER_NAME.search(name) is not None


def _has_order(value: Any, depth: int = MAX_INSIDE, *, is_named: bool = False) -> bool:
    """Whether an order is in a value, and more than named; the field's name may say that it is."""
    value = opened(value)
    if not isinstance(value, dict):
        entries = value if isinstance(value, list) and depth else ()
        return any(_has_order(entry, depth - 1, is_named=is_named) for entry in entries)
    if shape_of(value) is Shape.ORDER and (is_named or number_of(value)) and not is_thin(value):
        return True
    if is_named and value.keys() & OTHER_NUMBERS and value.keys() & OTHER_CONTENT:
        return True
    return depth > 0 and any(
        _has_order(inner, depth - 1, is_named=is_named or _is_order(name))
        for name, inner in value.items()
    )


def _is_guess(order: Found) -> bool:
    """Whether nothing but a number speaks for an order: no field of its own, no wrapper."""
    return order.is_thin and order.said is not Kind.ORDER


def _is_plain_customer(item: Found) -> bool:
    if item.shape is not Shape.CUSTOMER or not item.is_known_path:
        return False
    is_somebody = bool(id_of(item.level)) or all(text_of(item.level.get(part)) for part in NAMES)
    return item.said is Kind.CUSTOMER or (is_somebody and has_customer_marks(item.level))


def _of_a_customer(
    found: list[Found], order: Found | None, name: str, use: Kind, *, is_signed: bool
) -> tuple[Kind, Found] | Ignored:
    """Decide under the name of a customer's event. A name outside the signature never deletes."""
    person = only(found, SHAPES[use])
    if order is not None and not _is_guess(order) and (person is None or not is_signed):
        _mismatch(name, use, found)
    if is_about_an_address(name) and person is None:
        return Ignored.NO_EMAIL
    if use is Kind.CUSTOMER_DELETED:
        if person is None:
            return Ignored.NO_EMAIL
        if not is_signed:
            return Ignored.UNSIGNED_NAME
    return use, person or _mismatch(name, use, found)


def _mismatch(name: str, use: Kind, found: list[Found]) -> Found:
    """Say what the name promises and the body lacks; always raises DecodeError."""
    there = _told(found[0], use) if found else ""
    what = "order ID found" if use is Kind.ORDER else f"{use.value} found"
    raise DecodeError(
        f"no {what}: the event `{name}` is about {ABOUT[use]}, and the body "
        f"lacks {MISSING[use]}{there}"
    )


def _told(item: Found, use: Kind) -> str:
    there = f"; it holds: {item.shape} at {item.place}"
    is_of_another = item.shape is Shape.SALES_DOCUMENT and names_order(item.level)
    if use is not Kind.ORDER or not is_of_another:
        return there
    name = "order_id" if item.level.get("order_id") else "order_number"
    return (
        f"{there}, whose `{name}` is of another order (what is an order itself: send it in `order`)"
    )
