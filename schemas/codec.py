"""Webhook bytes → document: which order or customer is this, and what does it say?

One tolerant decoder for every sender's shape, used by the ingress (to find the key) and by the
agents (to map). The shape decides what a document is (`schemas.document_shape`), wherever it is in
the body (`schemas.unwrapping`); the name of the event has to agree, or the event is refused:

| the name | an order in the body | a customer | neither |
|---|---|---|---|
| says order | taken | refused | refused |
| says customer | refused | taken | refused; an address alone: ignored |
| is known and of no use | taken | ignored | ignored |
| is unknown | taken, counted | taken, counted | ignored; refused if it may be an order |
| is missing | taken | taken | refused; an invoice: ignored |
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from schemas.document_shape import NAMES, Shape, has_customer_marks, id_of, number_of
from schemas.email import seen
from schemas.event import Kind
from schemas.event_names import Ignored, is_about_an_address, plain_name, use_of
from schemas.flattened import may_be_an_order, unflattened
from schemas.identity import PLAIN, Identity, IdentityError, folded, sent_email
from schemas.spellings import in_one_form, read_past
from schemas.texts import text_of
from schemas.unwrapping import (
    Found,
    SeveralDocumentsError,
    documents_in,
    only,
    opened,
    ordinary_order,
)

MAX_EVENT_CHARACTERS = 100
FLAT = "the body's keys were flattened: read as the objects that their names tell of"
MAX_NESTING = 250  # orjson reads 1,024 levels and writes 254; what shows a body adds some
# Fields that an event name may stand in, besides a CloudEvent's `type`.
NAME_FIELDS = ("event", "event_name", "eventName")
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


class DecodeError(ValueError):
    """The bytes are not an event we can place; the message names what is missing and the fix."""


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded event. `entity` is the order or customer itself; nothing in it is trusted.

    `external_id` is the key as the store spells it, '' when it is the same. `notes` say what was
    read otherwise than it was written. `is_unexpected`: the name is unknown, the shape decided.
    """

    event: str
    kind: Kind | None
    key: str
    entity: dict[str, Any]
    updated_at: str
    ignored: Ignored | None = None
    external_id: str = ""
    identity: Identity = PLAIN
    notes: tuple[str, ...] = ()
    is_unexpected: bool = False

    @property
    def is_ignored(self) -> bool:
        """Whether this is an event orderstream has no use for: answered 200, not published."""
        return self.kind is None

    @property
    def customer_id(self) -> str:
        """The store's id of the customer this is, or whose order this is; '' when not said."""
        return self.identity.id_of_person(self.entity, self.kind)

    @property
    def customer_key(self) -> str:
        """The key of the customer this is, or whose order this is; '' when it is nobody's."""
        return self.identity.key_of_buyer(self.entity) if self.kind is Kind.ORDER else self.key


def decode(raw: bytes, *, event: str = "", identity: Identity = PLAIN) -> Document:
    """Decode a webhook body.

    `event` is the name from the URL, used when the body has none; `identity` is the rule that keys
    are made by. Raises DecodeError, and nothing else, on any input.
    """
    sent = _parse(raw)
    body = unflattened(sent)
    name, is_signed = _event_name(body, event)
    use = use_of(name) if name else None
    said = use if isinstance(use, Kind) and (is_signed or use is not Kind.ORDER) else None
    try:
        if use is Kind.ORDER and (order := ordinary_order(body)):
            chosen: tuple[Kind, Found] | Ignored = (use, order)
        else:
            found = documents_in(body, said, use if isinstance(use, Kind) else None)
            chosen = _chosen(found, name, use, body, is_signed=is_signed)
        if isinstance(chosen, Ignored):
            return Document(name or "sales_document_saved", None, "", {}, "", chosen)
        document = _document(*chosen, name, use, identity)
        return document if body is sent else replace(document, notes=(FLAT, *document.notes))
    except (IdentityError, SeveralDocumentsError) as error:
        raise DecodeError(str(error)) from None


def key_of(entity: dict[str, Any], kind: Kind, identity: Identity = PLAIN) -> str:
    """Return the key of a document of the store's REST API; raises DecodeError."""
    try:
        if kind is Kind.ORDER:
            return folded(identity.order_external_id(entity))
        return identity.key_of_customer(entity)
    except IdentityError as error:
        raise DecodeError(str(error)) from None


def written(body: Any) -> bytes:
    """Return a JSON value as bytes; raises DecodeError when it is nested deeper than we write."""
    try:
        orjson.dumps([[[[body]]]])
        return orjson.dumps(body)
    except TypeError:
        raise DecodeError(f"the body is nested more than {MAX_NESTING} levels deep") from None


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise DecodeError(f"the body is not JSON: {error}") from None
    if raw.count(b"{") + raw.count(b"[") > MAX_NESTING:
        written(body)
    if type(body) is dict:
        return body
    body = opened(body)
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        raise DecodeError(f"the body is a JSON {type(body).__name__}, expected an object")
    return body


def _event_name(body: dict[str, Any], event: str) -> tuple[str, bool]:
    """Return the event's name, and whether it is in the body, under the signature."""
    for key in NAME_FIELDS:
        if text := text_of(body.get(key)):
            return _checked_event(text), True
    if "specversion" in body and (text := text_of(body.get("type"))):  # a CloudEvent
        return _checked_event(plain_name(text)), True
    return _checked_event(event.strip()), False


def _checked_event(name: str) -> str:
    """Return an event name that fits a header and a log line; raises DecodeError."""
    if len(name) > MAX_EVENT_CHARACTERS or not name.isprintable():
        raise DecodeError(
            f"the event name is no name: use at most {MAX_EVENT_CHARACTERS} printable characters"
        )
    return name


def _chosen(
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
            return use if order is None or _is_guess(order) else (Kind.ORDER, order)
        case Kind.ORDER:
            return Kind.ORDER, order or _mismatch(name, use, found)
    return _of_a_customer(found, order, name, use, is_signed=is_signed)


def _by_shape(found: list[Found], order: Found | None) -> tuple[Kind, Found] | Ignored:
    """Decide without a name."""
    if order is not None and (number_of(order.level) or not _is_guess(order)):
        return Kind.ORDER, order
    if customer := only(found, Shape.CUSTOMER):
        return Kind.CUSTOMER, customer
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
        return Kind.ORDER, order
    customer = next((item for item in found if _is_plain_customer(item)), None)
    is_nothing = all(item.shape is Shape.ADDRESS for item in found)
    if customer is None and is_nothing and may_be_an_order(body):
        raise DecodeError(
            f"the event `{name}` is unknown, and the body may be an order whose fields are called "
            f"otherwise: send {MISSING[Kind.ORDER]}"
        )
    return (Kind.CUSTOMER, customer) if customer else Ignored.UNKNOWN


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
    there = f"; it holds: {found[0].shape} at {found[0].place}" if found else ""
    what = "order ID found" if use is Kind.ORDER else f"{use.value} found"
    raise DecodeError(
        f"no {what}: the event `{name}` is about {ABOUT[use]}, and the body "
        f"lacks {MISSING[use]}{there}"
    )


def _document(
    kind: Kind, at: Found, name: str, use: Kind | Ignored | None, identity: Identity
) -> Document:
    entity, notes = in_one_form(at.level, kind, at.beside)
    external_id = identity.order_external_id(entity) if kind is Kind.ORDER else ""
    key = folded(external_id) or identity.key_of_customer(entity)
    if kind is not Kind.ORDER and seen(sent_email(entity)) != sent_email(entity):
        notes.append("email: characters that nobody sees were taken out of the e-mail address")
    return Document(
        event=name or f"{kind.value}_saved",
        kind=kind,
        key=key,
        entity=entity,
        updated_at=text_of(entity.get("updated_at") or entity.get("change_status_at")),
        external_id=external_id if external_id != key else "",
        identity=identity,
        notes=(*notes, *read_past(at, kind)),
        is_unexpected=use is Ignored.UNKNOWN,
    )
