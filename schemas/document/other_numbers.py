"""An order's number under another name: read where it surely is one, else the record waits for it.

| field of an order without `increment_id` | is |
|---|---|
| `incrementId` | its number |
| `order_number`, … with zeros before it, in what is surely an order | its number |
| `number` with zeros before it, beside GraphQL's `order_date` | its number |
| any of these otherwise, an `order_id` that is not its id | perhaps its own, perhaps another's |

Filed by its id, such an order would get a second record as soon as somebody says its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.document.shape import IDS, ORDER_NUMBERS, id_of, is_surely_an_order, number_of
from schemas.texts import identifier, text_of

Level = Mapping[str, Any]

PADDED = 9  # digits of Magento's numbers, zeros before them included
SURE = ("incrementId", "incrementID", "IncrementId")
PERHAPS = (
    *("order_number", "orderNumber", "ordernumber", "number", "order_no", "orderNo", "order_nr"),
    *("order_increment_id", "orderIncrementId", "order_id", "orderId"),
)


def spell_number(
    entity: dict[str, Any], changed: dict[str, Any], beside: Level | None, notes: list[str]
) -> None:
    """Leave of an order's number what can be seen, and nothing of what stands for none."""
    for name in ORDER_NUMBERS:
        if type(entity.get(name)) in (int, float) and len(text_of(entity[name])) < PADDED:
            notes.append(f"{name}: a number, not a text: zeros before it would be lost")
        sent, number = text_of(entity.get(name)), identifier(entity.get(name))
        if sent != number:
            unlike = "`.0` or what nobody sees is" if number else f"`{sent}` is no number"
            notes.append(f"{name}: {unlike}, left out")
            changed[name] = number or None
    if number_of(entity):
        return
    if beside is not None and (number := number_of(beside)):
        notes.append("increment_id: read beside the order")
        changed["increment_id"] = number
    elif number := number_in_id(entity):
        notes.append("increment_id: read in its id, which has zeros before it")
        changed |= {name: None for name in IDS if text_of(entity.get(name)) == number}
        changed["increment_id"] = number
    else:
        name, number = number_elsewhere(entity)
        if number:
            notes.append(f"increment_id: read in `{name}` of the order")
            changed["increment_id"] = number


def number_in_id(order: Level) -> str:
    """Return an order's number that stands where its id should: an id has no zeros before it."""
    texts = (one.strip() for name in IDS if isinstance(one := order.get(name), str))
    return next(filter(is_padded, texts), "")


def is_padded(text: str) -> bool:
    """Whether a text is a number as Magento writes one, with zeros before it."""
    return text[:1] == "0" and text.isascii() and text.isdecimal() and bool(text.strip("0"))


def number_elsewhere(order: Level) -> tuple[str, str]:
    """Return the field that surely holds an order's number, and the number; '' for none."""
    for name in SURE:
        if number := identifier(order.get(name)):
            return name, number
    is_sure = is_surely_an_order(order)
    for name in PERHAPS:
        is_told = is_sure or (name == "number" and text_of(order.get("order_date")))
        if is_told and isinstance(text := order.get(name), str) and is_padded(text.strip()):
            return name, text.strip()
    return "", ""


def perhaps_its_number(order: Level) -> str:
    """Return the field that may hold the number of an order which says none; '' for none."""
    own = id_of(order)
    if number_of(order) or not own:
        return ""
    return next((one for one in PERHAPS if identifier(order.get(one)) not in ("", own)), "")
