"""Who bought, where an order does not say it in fields of its own.

| place | is |
|---|---|
| `customer` of the order | the buyer: an object with an `email` |
| `customer` beside the order | the same |
| `email` of the order | the buyer's, as GraphQL has it |
| `customer_name` of the order, `name` of the buyer | the whole name, where nothing says its parts |
"""

from __future__ import annotations

from typing import Any

from schemas.document.address_spellings import by_other_names
from schemas.document.shape import has_customer_marks, id_of
from schemas.document.unwrapping import opened
from schemas.texts import identifier, text_of

Level = dict[str, Any]

BESIDE = "in the `customer` beside the order"
ADDRESSES = ("billing_address", "addresses")
NOBODY = "guest"  # what Magento shows for a guest without names
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
    if not text_of(order.get("customer_email")):
        _spell_person(order, changed, beside, notes)
    _spell_name(order, changed, beside, notes)


def _spell_person(order: Level, changed: Level, beside: Level | None, notes: list[str]) -> None:
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


def _spell_name(order: Level, changed: Level, beside: Level | None, notes: list[str]) -> None:
    """Read a whole name as the last one: a person called `jane`, after the e-mail, stayed so."""
    said = order | changed
    if any(said.get(name) for name in (*ADDRESSES, "customer_firstname", "customer_lastname")):
        return
    buyer = _buyer_in(order) or (_buyer_in(beside) if beside is not None else None) or {}
    is_his = text_of(buyer.get("email")) == text_of(said.get("customer_email"))
    name = text_of(order.get("customer_name")) or (text_of(buyer.get("name")) if is_his else "")
    if name and name.casefold() != NOBODY:
        changed["customer_lastname"] = name
        notes.append("customer_lastname: the whole name, its parts are not said")


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
