"""Who bought, where an order does not say it in fields of its own.

| place | is |
|---|---|
| `customer` of the order | the buyer: an object with an `email` |
| `customer` beside the order | the same |
| `email` of the order | the buyer's, as GraphQL has it |
"""

from __future__ import annotations

from typing import Any

from schemas.document.address_spellings import by_other_names
from schemas.document.shape import has_customer_marks, id_of
from schemas.document.unwrapping import opened
from schemas.texts import identifier, text_of

Level = dict[str, Any]

BESIDE = "in the `customer` beside the order"
BUYER = {
    "customer_email": "email",
    "customer_firstname": "firstname",
    "customer_lastname": "lastname",
}


def names_a_buyer(order: Level, beside: Level | None) -> bool:
    """Whether an order without `customer_email` may say elsewhere who bought."""
    return "customer" in order or "email" in order or (beside is not None and "customer" in beside)


def is_buyer_beside(order: Level, beside: Level) -> bool:
    """Whether the customer beside an order is read as its buyer."""
    is_known = bool(text_of(order.get("customer_email"))) or _buyer_in(order) is not None
    return not is_known and _buyer_in(beside) is not None


def spell_buyer(order: Level, changed: Level, beside: Level | None, notes: list[str]) -> None:
    """Read who bought where the order itself does not say."""
    if text_of(order.get("customer_email")):
        return
    place, buyer = "in the `customer` of the order", _buyer_in(order)
    if buyer is None and beside is not None:
        place, buyer = BESIDE, _buyer_in(beside)
    if buyer is None:
        place, buyer = "in the `email` of the order", {"email": order.get("email")}
    if not text_of(buyer["email"]):
        return
    found = {name: buyer[part] for name, part in BUYER.items() if buyer.get(part)}
    if buyer_id := _id_of_buyer(buyer, is_beside=place == BESIDE):
        found["customer_id"] = buyer_id
    changed |= {name: value for name, value in found.items() if not order.get(name)}
    notes.append(f"customer_email: read {place}")


def _id_of_buyer(buyer: Level, *, is_beside: bool) -> str:
    """Return the store's id of a buyer; '' where two are said.

    Beside an order a bare `id` needs what only a customer has: a module puts 1 there for guests,
    and by it their orders went to that customer's records.
    """
    is_sure = not is_beside or has_customer_marks(buyer)
    own = id_of(buyer) if is_sure else identifier(buyer.get("entity_id"))
    other = identifier(buyer.get("customer_id"))
    return "" if own and other and own != other else own or other


def _buyer_in(level: Level) -> Level | None:
    buyer = opened(level.get("customer"))
    if not isinstance(buyer, dict) or not text_of(buyer.get("email")):
        return None
    return buyer | by_other_names(buyer)
