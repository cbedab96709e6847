"""Webhook bytes → document: which order or customer is this, and what does it say?

One tolerant decoder for every sender's shape, used by the ingress (to find the key) and by the
agents (to map). The shape decides what a document is (`schemas.document.shape`), wherever it is in
the body (`schemas.document.unwrapping`); the name of the event has to agree
(`schemas.document.chosen`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from schemas.document.chosen import DecodeError, chosen, orders_of
from schemas.document.flattened import unflattened
from schemas.document.shape import number_of
from schemas.document.spellings import Form, has_plain_number, in_one_form, read_past
from schemas.document.unwrapping import (
    Found,
    SeveralDocumentsError,
    documents_in,
    opened,
    ordinary_order,
)
from schemas.email import seen
from schemas.event import Kind
from schemas.event_names import Ignored, plain_name, use_of
from schemas.frozen import dataclass
from schemas.identity import PLAIN, Identity, IdentityError, folded, has_two_ids, sent_email
from schemas.texts import text_of

__all__ = ["DecodeError", "Document", "Place", "decode", "key_of", "placed", "written"]

MAX_EVENT_CHARACTERS = 100
FLAT = "the body's keys were flattened: read as the objects that their names tell of"
NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"{[")
MAX_NESTING = 250  # orjson reads 1,024 levels and writes 254; what shows a body adds some
# Fields that an event name may stand in, besides a CloudEvent's `type`.
NAME_FIELDS = ("event", "event_name", "eventName")


class Place(NamedTuple):
    """Which document a body holds, or why it is ignored: all that the ingress asks.

    `external_id` is the key as the store spells it, '' when it is the same. `is_unexpected`: the
    name is unknown, the shape decided. `form` is there when the key could not be told without it.
    """

    event: str
    kind: Kind | None = None
    key: str = ""
    external_id: str = ""
    ignored: Ignored | None = None
    is_unexpected: bool = False
    found: Found | None = None
    form: Form | None = None
    is_flat: bool = False


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


def placed(raw: bytes, *, event: str = "", identity: Identity = PLAIN) -> Place:
    """Tell which order or customer a webhook body is about, and read no further.

    `event` is the name from the URL, used when the body has none; `identity` is the rule that keys
    are made by. Raises DecodeError, and nothing else, on any input.
    """
    sent = _parse(raw)
    body = unflattened(sent)
    name, is_signed = _event_name(body, event)
    use = use_of(name) if name else None
    try:
        if use is Kind.ORDER and (order := ordinary_order(body)):
            choice: tuple[Kind, Found] | Ignored = (use, order)
        else:
            said = use if isinstance(use, Kind) and (is_signed or use is not Kind.ORDER) else None
            found = documents_in(body, said, use if isinstance(use, Kind) else None)
            choice = chosen(found, name, use, body, is_signed=is_signed)
        if isinstance(choice, Ignored):
            return Place(name or "sales_document_saved", ignored=choice)
        return _place(*choice, name, use, identity, is_flat=body is not sent)
    except (IdentityError, SeveralDocumentsError) as error:
        raise DecodeError(str(error)) from None


def decode(raw: bytes, *, event: str = "", identity: Identity = PLAIN) -> Document:
    """Decode a webhook body: `placed`, and what the document says; raises DecodeError."""
    place = placed(raw, event=event, identity=identity)
    kind, found = place.kind, place.found
    if kind is None or found is None:
        return Document(place.event, None, "", {}, "", place.ignored)
    entity, notes = place.form or in_one_form(found.level, kind, found.beside)
    if kind is not Kind.ORDER and seen(sent_email(entity)) != sent_email(entity):
        notes.append("email: characters that nobody sees were taken out of the e-mail address")
    if kind is Kind.ORDER and (lack := identity.lack_of_buyer(entity)):
        notes = [*notes, lack]
    if has_two_ids(entity, kind):
        notes.append("customer_id: is not the customer's other id, so no change of e-mail is seen")
    if kind is Kind.CUSTOMER and (name := orders_of(found)):
        notes.append(f"{name}: the orders in it are not read, their own saves are")
    return Document(
        event=place.event,
        kind=kind,
        key=place.key,
        entity=entity,
        updated_at=text_of(entity.get("updated_at") or entity.get("change_status_at")),
        external_id=place.external_id,
        identity=identity,
        notes=(*((FLAT,) if place.is_flat else ()), *notes, *read_past(found, kind)),
        is_unexpected=place.is_unexpected,
    )


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
    if len(raw.translate(None, NO_BRACKETS)) > MAX_NESTING:  # one look at it, not two
        written(body)
    if type(body) is dict:
        return body
    body = opened(body)
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        several = " of several: send one per request" if isinstance(body, list) and body else ""
        raise DecodeError(f"the body is a JSON {type(body).__name__}{several}, expected an object")
    return body


def _event_name(body: dict[str, Any], event: str) -> tuple[str, bool]:
    """Return the event's name, and whether it is in the body, under the signature."""
    for key in NAME_FIELDS:
        if text := text_of(body.get(key)):
            if _is_name(text):
                return text, True
            if not number_of(body):  # of an order it is a field: a ticket's, a wedding list's
                return _checked_event(text), True
    if "specversion" in body and (text := text_of(body.get("type"))):  # a CloudEvent
        return _checked_event(plain_name(text)), True
    return _checked_event(event.strip()), False


def _checked_event(name: str) -> str:
    """Return an event name that fits a header and a log line; raises DecodeError."""
    if not _is_name(name):
        raise DecodeError(
            f"the event name is no name: use at most {MAX_EVENT_CHARACTERS} printable characters"
        )
    return name


def _is_name(text: str) -> bool:
    return len(text) <= MAX_EVENT_CHARACTERS and text.isprintable()


def _place(
    kind: Kind,
    at: Found,
    name: str,
    use: Kind | Ignored | None,
    identity: Identity,
    *,
    is_flat: bool,
) -> Place:
    # Nearly every order's number is plain: its rows and addresses are read where they are needed.
    is_plain = kind is Kind.ORDER and has_plain_number(at.level)
    form = None if is_plain else in_one_form(at.level, kind, at.beside)
    entity = form[0] if form else at.level
    number = entity["increment_id"] if is_plain else ""
    external_id = identity.order_external_id(entity, number) if kind is Kind.ORDER else ""
    key = folded(external_id) or identity.key_of_customer(entity)
    return Place(
        event=name or f"{kind.value}_saved",
        kind=kind,
        key=key,
        external_id=external_id if external_id != key else "",
        is_unexpected=use is Ignored.UNKNOWN,
        found=at,
        form=form,
        is_flat=is_flat,
    )
