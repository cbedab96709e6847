"""Finds the documents of a body: into wrappers that fit, and never into a document.

A level that is a document by its own marks is final, whatever fields it has besides: a field of an
order that is called `customer`, `data` or `order` is that order's own. A level that is nothing is
looked into, known wrappers first, as an object, as a list of one, or as a JSON text. An order that
has only its number is looked into as well, because some senders put the number beside the order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from schemas.document.shape import (
    IDS,
    ORDER_NUMBERS,
    ORDER_WRAPPERS,
    PURCHASER,
    RETURN_IDS,
    SALES_DOCUMENT_MARKS,
    Shape,
    id_of,
    is_thin,
    number_of,
    shape_of,
)
from schemas.event import Kind
from schemas.texts import identifier, text_of

# Wrapper → what it says its document is. The order is the order of preference.
WRAPPERS: dict[str, Kind | None] = {
    **dict.fromkeys(ORDER_WRAPPERS, Kind.ORDER),
    "customer": Kind.CUSTOMER,
    "customer_data_object": Kind.CUSTOMER,
    "customer_data": Kind.CUSTOMER,
    "customers": Kind.CUSTOMER,
    "subscriber": Kind.SUBSCRIBER,
    "data": None,
    "value": None,
    "result": None,
    "data_model": None,
    "data_object": None,
    "object": None,
    "payload": None,
    "body": None,
    "entity": None,
    "resource": None,
    "model": None,
    "message": None,
    "event": None,
    "new": None,
    "after": None,
    "current": None,
}
IDENTITIES = frozenset((*ORDER_NUMBERS, *IDS))
BESIDE_ORDER = frozenset(name for name in WRAPPERS if name != "order")
OF_AN_ORDER = frozenset(
    ("order", "order_increment_id", "order_number", PURCHASER, *SALES_DOCUMENT_MARKS, *RETURN_IDS)
)
# What was before the save, and what is a part of something: never the document itself.
NEVER = (
    *("_", "orig", "old", "prev", "before", "quote", "cart", "basket"),
    *("payment", "billing", "shipping", "items"),
)
RESULT_MARK = "search_criteria"  # beside the `items` that a search of REST found
MAX_DEPTH = 8
MAX_LEVELS = 200
MAX_LISTED = 20
MAX_TEXTS = 3  # a text in a text in a text
BLANKS = " \t\r\n\ufeff"
OPENING = ("{", "[", '"')


class Found(NamedTuple):  # one is made of every order: four times as quick as a frozen dataclass
    """A document in a body. `beside` is the level it was wrapped in, itself when it was bare."""

    level: dict[str, Any]
    shape: Shape
    path: tuple[str, ...] = ()
    said: Kind | None = None
    is_known_path: bool = True
    beside: dict[str, Any] | None = None

    @property
    def is_thin(self) -> bool:
        """Whether this is an order of which only a number, an id or a status is known."""
        return self.shape is Shape.ORDER and is_thin(self.level)

    @property
    def place(self) -> str:
        """Where in the body it is, for notes and messages."""
        return ".".join(self.path) or "the body"


class SeveralDocumentsError(ValueError):
    """The body holds several documents of one shape, and nothing says which is meant."""


def ordinary_order(body: dict[str, Any]) -> Found | None:
    """Return the order of an ordinary order event, without a search; None for all others.

    It is what the search would find: a number and a total, under `order` or in the body itself.
    """
    path: tuple[str, ...]
    level = body.get("order")
    if type(level) is dict and IDENTITIES.isdisjoint(body):
        for name in BESIDE_ORDER.intersection(body):  # no generator: asked of every order
            if type(body[name]) in (dict, list):
                return None
        path, said, beside = ("order",), Kind.ORDER, body
    elif type(level) is dict:
        return None
    else:
        level, path, said, beside = body, (), None, None
    if level.get("order_id") or not level.keys().isdisjoint(OF_AN_ORDER):
        return None  # an invoice's or a purchase order's, perhaps
    number, total = level.get("increment_id"), level.get("grand_total")
    if type(number) is not str or not identifier(number) or type(total) not in (str, int, float):
        return None
    return Found(level, Shape.ORDER, path, said, beside=beside) if total != "" else None


def documents_in(
    body: dict[str, Any], said: Kind | None, wanted: Kind | None = None
) -> list[Found]:
    """Return the documents of a body, the most likely first; raises SeveralDocumentsError.

    `said` is what the signed event name says it is about, if there is one; `wanted` what any name
    says. Where an order is wanted, what stands beside its wrapper may look like something else.
    """
    found: list[Found] = []
    queue = deque([Found(body, Shape.OTHER, said=said)])
    for _ in range(MAX_LEVELS):
        if not queue:
            break
        at = queue.popleft()
        shape = shape_of(at.level, at.said, at.path[-1] if at.path else "")
        here = Found(at.level, shape, at.path, at.said, at.is_known_path, at.beside)
        if shape is not Shape.OTHER:
            found.append(here)
        is_open = shape is Shape.OTHER or here.is_thin
        if wanted is Kind.ORDER and shape is not Shape.ORDER:
            is_open = True
        if is_open and len(at.path) < MAX_DEPTH:
            queue.extend(_inside(here))
        elif shape is Shape.SALES_DOCUMENT:
            queue.extend(filter(_is_its_order, _inside(here)))
    # A thin order is what remains when nothing fuller was found.
    return sorted(found, key=lambda item: (item.is_thin, not item.is_known_path))


def only(found: list[Found], shape: Shape) -> Found | None:
    """Return the document of a shape; raises SeveralDocumentsError when two claim to be it."""
    fitting = [item for item in found if item.shape is shape]
    if not fitting:
        return None
    first, *others = fitting
    if shape is Shape.ORDER:
        first = _fuller(first, [item for item in fitting if item.is_thin])
    first = _dated(first, others)
    if any(_is_rival(item, first) for item in others):
        raise SeveralDocumentsError(
            f"there are {len(fitting)} {shape}s in the body, and nothing says which is meant: "
            f"send one {shape} per request, under `{shape}`"
        )
    return first


def _dated(first: Found, others: list[Found]) -> Found:
    """Return the copy of a document that says when it was saved: what a method made of the other.

    Adobe's webhooks send both: the order or customer that a method was given, and its `result`.
    """
    if first.level.get("updated_at"):
        return first
    copies = (item for item in others if item.level.get("updated_at") and _is_copy(item, first))
    return next(copies, first)


def _is_copy(item: Found, first: Found) -> bool:
    if item.is_thin or not item.is_known_path or len(item.level) < len(first.level):
        return False  # a part of it is no copy
    if first.shape is Shape.ORDER:
        return bool(number_of(first.level)) and number_of(item.level) == number_of(first.level)
    return text_of(item.level.get("email")) == text_of(first.level.get("email"))


def _is_rival(item: Found, first: Found) -> bool:
    """Whether a document is as likely to be meant as the first one, and another."""
    if item.is_thin or item.level == first.level:
        return False
    if not first.is_known_path:
        return True
    is_order = item.is_known_path and item.shape is Shape.ORDER
    return is_order and number_of(item.level) != number_of(first.level)


def _fuller(order: Found, thin: list[Found]) -> Found:
    """Return the order, or the thin one around it when the inner one is another order."""
    for outer in thin:
        is_around = order.path[: len(outer.path)] == outer.path and order is not outer
        if is_around and _is_another(outer, order):
            return outer
    return order


def _is_another(outer: Found, inner: Found) -> bool:
    """Whether two orders are two; raises SeveralDocumentsError when both are named as the order."""
    number, inner_number = number_of(outer.level), number_of(inner.level)
    if not number:
        return not inner.is_known_path and id_of(outer.level) != id_of(inner.level)
    if not inner_number:
        return not inner.is_known_path or inner.beside is not outer.level
    if not inner.is_known_path:
        return number != inner_number
    if number != inner_number and inner.said is Kind.ORDER:
        raise SeveralDocumentsError(
            f"there are two orders: the number in {outer.place} is not that in {inner.place}"
        )
    return number != inner_number


def _inside(at: Found) -> Iterator[Found]:
    """Yield what a level wraps, known wrappers first."""
    known = [name for name in WRAPPERS if name in at.level]
    never = NEVER[:-1] if RESULT_MARK in at.level else NEVER
    unknown = [name for name in at.level if name not in WRAPPERS and not name.startswith(never)]
    for name in (*known, *unknown):
        inner = opened(at.level[name])
        if isinstance(inner, list):
            inner = _alone(inner, name, at)
        if isinstance(inner, dict):
            # What an unknown wrapper holds, the event's name does not say.
            said = WRAPPERS.get(name) or (at.said if name in WRAPPERS else None)
            is_known = at.is_known_path and name in WRAPPERS
            path = (*at.path, name)
            # An invoice's rows and addresses are not those of the order in it.
            beside = None if at.shape is Shape.SALES_DOCUMENT else at.level
            yield Found(inner, Shape.OTHER, path, said, is_known, beside)


def _is_its_order(inner: Found) -> bool:
    """Whether a sales document brings its whole order along, and not only names it."""
    is_order = inner.said is Kind.ORDER and shape_of(inner.level, inner.said) is Shape.ORDER
    return is_order and not is_thin(inner.level)


def _alone(entries: list[Any], name: str, at: Found) -> Any:
    """Return the one entry of a list; raises SeveralDocumentsError for a list of documents."""
    entries = [entry for entry in map(opened, entries[:MAX_LISTED]) if entry]
    if len(entries) == 1:
        return entries[0]
    said = WRAPPERS.get(name) or at.said
    shapes = {shape for entry in entries for shape in _shapes_in(entry, said)}
    if Shape.ORDER in shapes or (Shape.CUSTOMER in shapes and name in WRAPPERS):
        raise SeveralDocumentsError(
            f"`{name}` is a list of {len(entries)} documents: send one per request"
        )
    return None


def _shapes_in(entry: Any, said: Kind | None) -> Iterator[Shape]:
    """Yield what an entry of a list is, and what it wraps."""
    if isinstance(entry, dict):
        yield shape_of(entry, said)
        for name in entry.keys() & WRAPPERS.keys():
            if isinstance(inner := opened(entry[name]), dict):
                yield shape_of(inner, WRAPPERS[name] or said)


def opened(value: Any) -> Any:
    """Return a value, read if it is an object or a list as JSON text, or such a text as one."""
    for _ in range(MAX_TEXTS):
        if not isinstance(value, str) or value.lstrip(BLANKS)[:1] not in OPENING:
            break
        try:
            value = orjson.loads(value.strip(BLANKS))
        except (orjson.JSONDecodeError, RecursionError):
            break
    return value
