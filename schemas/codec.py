"""Webhook bytes → document: which order or customer is this, and what does it say?

One tolerant decoder for every sender's shape, used by the ingress (to find the key) and by the
agents (to map). The shapes (magento reference §2.1, §4): the blueprint's `{"event","order":{…}}`,
a bare REST order, mage-os `{"data":{…}}`, raw `getData()` with numbers as strings, Adobe's webhook
`{"eventName","data":{"order":{…}}}` and Adobe's CloudEvent `{"type","data":{"value":{…}}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from schemas.event import Kind
from schemas.event_names import Ignored, is_about_an_address, plain_name, use_of

# A sender that names no event and uses a bare body: what the entity's own fields say it is.
ORDER_MARKS = ("increment_id", "grand_total", "base_grand_total", "items", "quote_id")
CUSTOMER_MARKS = ("group_id", "website_id", "firstname", "created_in", "addresses", "dob")
# Invoices, shipments and credit memos have it and look like orders otherwise.
SALES_DOCUMENT_MARK = "order_id"
WRAPPERS = ("order", "customer", "subscriber", "data")
MAX_WRAPPERS = 3
# An order of which nothing else is known was announced, not sent.
ANNOUNCING = frozenset(
    ("id", "entity_id", "increment_id", "real_order_id", "store_id", "created_at", "updated_at")
)

MAX_KEY_CHARACTERS = 255
MAX_EVENT_CHARACTERS = 100
# From here on neighbouring whole numbers share one float (IEEE 754 double, 53 bits): two orders
# would get one key.
MAX_EXACT_FLOAT = 2**53


class DecodeError(ValueError):
    """The bytes are not an event we can place; the message names what is missing and the fix."""


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded event. `entity` is the order or customer itself; nothing in it is trusted."""

    event: str
    kind: Kind | None
    key: str
    entity: dict[str, Any]
    updated_at: str
    ignored: Ignored | None = None

    @property
    def is_ignored(self) -> bool:
        """Whether this is an event orderstream has no use for: answered 200, not published."""
        return self.kind is None

    @property
    def is_announcement(self) -> bool:
        """Whether this says of an order that it was saved, and nothing else of it."""
        names = self.entity.keys()
        return self.kind is Kind.ORDER and len(names) > 1 and names <= ANNOUNCING


def decode(raw: bytes, *, event: str = "", instance: str = "") -> Document:
    """Decode a webhook body.

    `event` is the name from the URL, used when the body has none; `instance` prefixes order keys
    (`<instance>:<increment_id>`) for people who run several stores. Raises DecodeError, and
    nothing else, on any input.
    """
    body = _parse(raw)
    name = _event_name(body, event)
    use = use_of(name) if name else None
    if isinstance(use, Ignored):
        return _ignored(name, use)
    entity = _entity(body)
    kind = use or _guess_kind(entity)
    if kind is None:
        if SALES_DOCUMENT_MARK in entity:
            return _ignored("sales_document_saved", Ignored.ORDER_ID_ONLY)
        raise DecodeError(
            "no event name and no order or customer fields: send `event` in the body, "
            "or post to /magento/webhook/{event}"
        )
    if kind is not Kind.ORDER and _is_nobody(name, kind, entity):
        return _ignored(name, Ignored.NO_EMAIL)
    return Document(
        event=name or f"{kind.value}_saved",
        kind=kind,
        key=order_key(entity, instance) if kind is Kind.ORDER else customer_key(entity),
        entity=entity,
        updated_at=text_of(entity.get("updated_at") or entity.get("change_status_at")),
    )


def order_key(entity: dict[str, Any], instance: str = "") -> str:
    """Return the order ID as it becomes the Salesforce external ID; raises DecodeError."""
    value = (
        text_of(entity.get("increment_id"))
        or text_of(entity.get("entity_id"))
        or text_of(entity.get("id"))
    )
    if not value:
        raise DecodeError("no order ID found: the order has neither increment_id nor entity_id")
    return _checked_key(f"{instance}:{value}" if instance else value, "increment_id")


def customer_key(entity: dict[str, Any]) -> str:
    """Return the customer's key, the lower-cased e-mail; raises DecodeError."""
    value = (
        text_of(entity.get("email"))
        or text_of(entity.get("customer_email"))
        or text_of(entity.get("subscriber_email"))
    )
    if not value:
        raise DecodeError("no customer e-mail found: the customer has no `email`")
    return _checked_key(value.lower(), "email")


def text_of(value: Any) -> str:
    """Return an ID-like scalar as stripped text; '' for absent, null, bool and nested values.

    '' also for whole numbers beyond 2**53 that JSON parsing turned into floats: they are inexact.
    """
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_EXACT_FLOAT:
        return str(int(value))
    return ""


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise DecodeError(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise DecodeError(f"the body is a JSON {type(body).__name__}, expected an object")
    return body


def _event_name(body: dict[str, Any], event: str) -> str:
    for key in ("event", "event_name", "eventName"):
        if text := text_of(body.get(key)):
            return _checked_event(text)
    if "specversion" in body and (text := text_of(body.get("type"))):  # a CloudEvent
        return _checked_event(plain_name(text))
    return _checked_event(event.strip())


def _checked_event(name: str) -> str:
    """Return an event name that fits a header and a log line; raises DecodeError."""
    if len(name) > MAX_EVENT_CHARACTERS or not name.isprintable():
        raise DecodeError(
            f"the event name is no name: use at most {MAX_EVENT_CHARACTERS} printable characters"
        )
    return name


def _entity(body: dict[str, Any]) -> dict[str, Any]:
    """Unwrap {"order": …}, {"customer": …}, {"data": …}, {"data": {"value": …}} and mixtures."""
    for _ in range(MAX_WRAPPERS):
        for key in WRAPPERS:
            inner = body.get(key)
            if isinstance(inner, dict):
                value = inner.get("value") if key == "data" else None
                body = value if isinstance(value, dict) else inner
                break
        else:
            break
    return body


def _guess_kind(entity: dict[str, Any]) -> Kind | None:
    if any(mark in entity for mark in ORDER_MARKS):
        return None if SALES_DOCUMENT_MARK in entity else Kind.ORDER
    if "email" in entity and any(mark in entity for mark in CUSTOMER_MARKS):
        return Kind.CUSTOMER
    return None


def _is_nobody(event: str, kind: Kind, entity: dict[str, Any]) -> bool:
    """Return whether this names nobody we know: an address or a deletion without an e-mail."""
    if is_about_an_address(event):
        return "street" in entity or not text_of(entity.get("email"))
    return kind is Kind.CUSTOMER_DELETED and not text_of(entity.get("email"))


def _ignored(event: str, why: Ignored) -> Document:
    return Document(event=event, kind=None, key="", entity={}, updated_at="", ignored=why)


def _checked_key(key: str, field: str) -> str:
    if len(key) > MAX_KEY_CHARACTERS:
        raise DecodeError(f"{field} has {len(key)} characters, at most {MAX_KEY_CHARACTERS} fit")
    if not key.isprintable():
        raise DecodeError(f"{field} has control characters")
    return key
