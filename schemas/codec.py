"""Webhook bytes → document: which order or customer is this, and what does it say?

One tolerant decoder for every sender's shape, used by the ingress (to find the key) and by the
agents (to map). The shapes (magento reference §2.1, §4): the blueprint's `{"event","order":{…}}`,
a bare REST order, mage-os `{"data":{…}}`, and raw `getData()` with numbers as strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from schemas.event import Kind

ORDER_EVENTS = frozenset({"sales_order_save_after", "sales_order_save_commit_after"})
CUSTOMER_EVENTS = frozenset({"customer_save_after", "customer_save_commit_after"})

# A sender that names no event and uses a bare body: what the entity's own fields say it is.
ORDER_MARKS = ("increment_id", "grand_total", "base_grand_total", "items", "quote_id")
CUSTOMER_MARKS = ("group_id", "website_id", "firstname", "created_in", "addresses", "dob")

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

    @property
    def is_ignored(self) -> bool:
        """Whether this is an event orderstream has no use for: answered 200, not published."""
        return self.kind is None


def decode(raw: bytes, *, event: str = "", instance: str = "") -> Document:
    """Decode a webhook body.

    `event` is the name from the URL, used when the body has none; `instance` prefixes order keys
    (`<instance>:<increment_id>`) for people who run several stores. Raises DecodeError, and
    nothing else, on any input.
    """
    body = _parse(raw)
    name = _event_name(body, event)
    if name and kind_of(name) is None:
        return Document(event=name, kind=None, key="", entity={}, updated_at="")
    entity = _entity(body)
    kind = kind_of(name) or _guess_kind(entity)
    if kind is None:
        raise DecodeError(
            "no event name and no order or customer fields: send `event` in the body, "
            "or post to /magento/webhook/{event}"
        )
    key = order_key(entity, instance) if kind is Kind.ORDER else customer_key(entity)
    return Document(
        event=name or f"{kind.value}_saved",
        kind=kind,
        key=key,
        entity=entity,
        updated_at=text_of(entity.get("updated_at")),
    )


def kind_of(event: str) -> Kind | None:
    """Return what an event name is about, or None for one that orderstream ignores."""
    name = event.removeprefix("observer.")
    if name in ORDER_EVENTS or name.startswith("sales.order."):
        return Kind.ORDER
    if name in CUSTOMER_EVENTS or name in ("customer.created", "customer.updated"):
        return Kind.CUSTOMER
    return Kind(name.removesuffix("_saved")) if name in ("order_saved", "customer_saved") else None


def order_key(entity: dict[str, Any], instance: str = "") -> str:
    """Return the order ID as it becomes the Salesforce external ID; raises DecodeError."""
    value = text_of(entity.get("increment_id")) or text_of(entity.get("entity_id"))
    if not value:
        raise DecodeError("no order ID found: the order has neither increment_id nor entity_id")
    return _checked_key(f"{instance}:{value}" if instance else value, "increment_id")


def customer_key(entity: dict[str, Any]) -> str:
    """Return the customer's key, the lower-cased e-mail; raises DecodeError."""
    value = text_of(entity.get("email")) or text_of(entity.get("customer_email"))
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
    return _checked_event(event.strip())


def _checked_event(name: str) -> str:
    """Return an event name that fits a header and a log line; raises DecodeError."""
    if len(name) > MAX_EVENT_CHARACTERS or not name.isprintable():
        raise DecodeError(
            f"the event name is no name: use at most {MAX_EVENT_CHARACTERS} printable characters"
        )
    return name


def _entity(body: dict[str, Any]) -> dict[str, Any]:
    """Unwrap {"order": …}, {"customer": …}, {"data": …} and {"data": {"order": …}}."""
    for _ in range(2):
        for key in ("order", "customer", "data"):
            inner = body.get(key)
            if isinstance(inner, dict):
                body = inner
                break
        else:
            break
    return body


def _guess_kind(entity: dict[str, Any]) -> Kind | None:
    if any(mark in entity for mark in ORDER_MARKS):
        return Kind.ORDER
    if "email" in entity and any(mark in entity for mark in CUSTOMER_MARKS):
        return Kind.CUSTOMER
    return None


def _checked_key(key: str, field: str) -> str:
    if len(key) > MAX_KEY_CHARACTERS:
        raise DecodeError(f"{field} has {len(key)} characters, at most {MAX_KEY_CHARACTERS} fit")
    if not key.isprintable():
        raise DecodeError(f"{field} has control characters")
    return key
