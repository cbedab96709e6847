"""The same order as different senders put it on the wire (magento reference §2.1, §4.1).

| shape | body | event name | numbers |
|---|---|---|---|
| BLUEPRINT | `{"event": …, "order": {…}}` | in the body | JSON numbers |
| BARE | the REST order itself | in the URL | JSON numbers |
| MAGE_OS | `{"data": {…}}` | in the URL, the module's own names | JSON numbers |
| RAW | `{"event": …, "order": {…}}` of `getData()` | in the body | strings, as in the database |
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import orjson

from schemas.event import Kind


class Shape(StrEnum):
    """Which sender's body it is."""

    BLUEPRINT = "blueprint"
    BARE = "bare"
    MAGE_OS = "mage-os"
    RAW = "raw"

    @property
    def names_event_in_url(self) -> bool:
        return self in (Shape.BARE, Shape.MAGE_OS)


MAGE_OS_EVENTS = {Kind.ORDER: "sales.order.updated", Kind.CUSTOMER: "customer.updated"}

# Columns that a model loaded from the database shows as decimal strings with four digits.
DECIMAL_WORDS = (
    *("amount", "total", "price", "rate", "weight", "qty", "due", "paid", "invoiced"),
    *("refunded", "canceled", "percent"),
)


def webhook_body(entity: dict[str, Any], kind: Kind, event: str, shape: Shape) -> bytes:
    """Return the body bytes a sender of that shape posts."""
    match shape:
        case Shape.BARE:
            document: dict[str, Any] = entity
        case Shape.MAGE_OS:
            document = {"data": entity}
        case Shape.RAW:
            document = {"event": event, kind.value: raw(entity)}
        case Shape.BLUEPRINT:
            document = {"event": event, kind.value: entity}
    return orjson.dumps(document)


def url_event(kind: Kind, event: str, shape: Shape) -> str:
    """Return the event name for the URL, '' when the body carries it."""
    if not shape.names_event_in_url:
        return ""
    return MAGE_OS_EVENTS[kind] if shape is Shape.MAGE_OS else event


def raw(entity: dict[str, Any]) -> dict[str, Any]:
    """Return a REST order or customer as `getData()` of a loaded model shows it.

    Numbers become strings, absent customer fields null, street one text, addresses one list; what
    a plain `json_encode` cannot see (payment details, extension attributes) is gone.
    """
    hidden = ("billing_address", "extension_attributes", "payment", "items", "addresses")
    data = {name: _column(name, value) for name, value in entity.items() if name not in hidden}
    if "items" in entity:
        data["items"] = [
            {name: _column(name, value) for name, value in row.items() if name != "parent_item"}
            for row in entity["items"]
        ]
        data["addresses"] = [_address(address) for address in _addresses(entity)]
        data["payment"] = {"method": entity["payment"]["method"]}
        for name in ("customer_id", "customer_firstname", "customer_lastname", "coupon_code"):
            data.setdefault(name, None)
    return data


def rest_form(entity: dict[str, Any]) -> dict[str, Any]:
    """Return a document as the REST API shows it: an order's rows with totals less their discount.

    Magento changes them in its REST and SOAP areas only (measured in 2.4.7).
    """
    rows = entity.get("items")
    if not isinstance(rows, list):
        return entity
    return entity | {"items": [_discounted(row) for row in rows]}


def _discounted(row: dict[str, Any]) -> dict[str, Any]:
    changed = {
        name: round(row[name] - row[discount], 4)
        for prefix in ("", "base_")
        if (name := f"{prefix}row_total") in row and (discount := f"{prefix}discount_amount") in row
    }
    return row | changed


def _column(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if any(word in name.split("_") for word in DECIMAL_WORDS) or isinstance(value, float):
        return f"{value:.4f}"
    return str(value)


def _addresses(order: dict[str, Any]) -> list[dict[str, Any]]:
    shipping = order["extension_attributes"]["shipping_assignments"][0]["shipping"].get("address")
    return [order["billing_address"], *([shipping] if shipping else [])]


def _address(address: dict[str, Any]) -> dict[str, Any]:
    columns = {name: _column(name, value) for name, value in address.items()}
    return columns | {"street": "\n".join(address["street"])}
