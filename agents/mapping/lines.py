"""An order's lines as products: what was bought, and tax, shipping and discount as lines beside it.

The lines add up to the order's `$amount` to the cent, whatever the store's modules add to a total:
what items, shipping, tax and discount do not explain is a line of its own. Salesforce multiplies
quantity by unit price, so a unit price is sent only where that product is the row's total.

| row | quantity | unit price |
|---|---|---|
| total divides evenly into the quantity | as ordered | total / quantity |
| it does not, whole quantity | as ordered | rounded; the cents go to `MAGENTO-OTHER` |
| a quantity such as 0.3333, 1.5, 0 | 1 | the row's total; the quantity is in the description |

Rows with a parent are parts of a configurable or bundle and are no lines (magento reference §2.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from hashlib import blake2b
from typing import Any

from agents.mapping.fields.coerce import clean, cut, utf16_length
from agents.mapping.fields.values import decimal_of, text_of
from agents.mapping.order_document import (
    NO_ID,
    amount_of,
    has_thousandths,
    prefix_of,
    visible_items,
)

CENT = Decimal("0.01")
THOUSANDTH = Decimal("0.001")  # of the dinars; prices are stored with up to eight decimals
SEEN = Decimal("0.0001")  # Magento's last digit; less is what floats are off by
TOO_MUCH = Decimal(10) ** 14  # beyond it nothing fits into a currency field with its quantity
MAX_QUANTITY = Decimal(10) ** 9
MAX_SKU = 200  # leaves room for a currency and a price book before it (255 fit)
UNNAMED_SKU = "MAGENTO-ITEM"
OTHER_SKU = "MAGENTO-OTHER"
# SKU, name, the order's field
CHARGES = (
    ("MAGENTO-SHIPPING", "Shipping", "shipping_amount"),
    ("MAGENTO-TAX", "Tax", "tax_amount"),
    ("MAGENTO-DISCOUNT", "Discount", "discount_amount"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `id` is unique in the org: order key, `:`, item id or the charge's name."""

    id: str
    sku: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    description: str = ""
    item: dict[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> Decimal:
        """What Salesforce makes of it."""
        return self.quantity * self.unit_price


def order_lines(
    order: dict[str, Any], key: str, amount: tuple[str, str], notes: list[str]
) -> list[Line]:
    """Return the lines of an order; `amount` is the mapping's (policy, currency)."""
    prefix = prefix_of(order, *amount)
    unit = THOUSANDTH if has_thousandths(order, *amount) else CENT
    lines = [*_items(order, key, prefix, unit, notes)]
    for sku, name, source in CHARGES:
        cents = _money(order.get(prefix + source), unit, notes)
        if cents:
            lines.append(_charge(key, sku, name, cents))
    worth = decimal_of(amount_of(order, *amount, []))
    if worth is None:
        notes.append("lines: the order has no total to compare them with")
        return lines
    cents = _money(worth, unit, notes)
    if cents and abs(worth - cents) >= SEEN:
        notes.append(
            f"lines: $amount has more decimals than its currency, the lines add up to it in {unit}"
        )
    rest = (cents - sum((line.total for line in lines), Decimal(0))).quantize(unit)
    if rest:
        lines.append(_charge(key, OTHER_SKU, "Other charges and reductions", rest))
        notes.append(
            f"lines: items, shipping, tax and discount are not all of $amount; {OTHER_SKU} holds "
            "the difference"
        )
    return lines


def are_priced(order: dict[str, Any], amount: tuple[str, str]) -> bool:
    """Whether every row says what it costs; one that does not would make a line that is free."""
    prefix = prefix_of(order, *amount)
    return all(
        decimal_of(row.get(f"{prefix}row_total")) is not None
        or None not in (decimal_of(row.get(f"{prefix}price")), decimal_of(row.get("qty_ordered")))
        for row in visible_items(order, [])
    )


def _items(
    order: dict[str, Any], key: str, prefix: str, unit: Decimal, notes: list[str]
) -> Iterator[Line]:
    used: set[str] = set()
    for place, item in enumerate(visible_items(order, notes)):
        name = _item_id(item, place)
        while name in used:
            name += "+"
        used.add(name)
        sku = _sku(item)
        quantity, unit_price, description = _priced(item, prefix, unit, notes)
        title = clean(text_of(item.get("name"))).strip() or sku
        yield Line(f"{key}:{name}", sku, title, quantity, unit_price, description, item)


def _item_id(item: dict[str, Any], place: int) -> str:
    """Return what tells the row from the order's others; a row before its commit has no id yet."""
    for name, mark in (("item_id", ""), ("quote_item_id", "q")):
        if item.get(name) not in NO_ID and (text := clean(text_of(item[name])).strip()):
            return mark + cut(text, 40)
    return f"n{place}"


def _sku(item: dict[str, Any]) -> str:
    sku = " ".join(clean(text_of(item.get("sku"))).split())
    if utf16_length(sku) > MAX_SKU:
        digest = blake2b(sku.casefold().encode(errors="replace"), digest_size=6).hexdigest()
        sku = f"{cut(sku, MAX_SKU - 13)}~{digest}"
    return sku or UNNAMED_SKU


def _priced(
    item: dict[str, Any], prefix: str, unit: Decimal, notes: list[str]
) -> tuple[Decimal, Decimal, str]:
    """Return quantity, unit price and what the description has to add."""
    quantity = decimal_of(item.get("qty_ordered"))
    total = _row_total(item, prefix, quantity, unit, notes)
    if quantity is not None and 0 < quantity < MAX_QUANTITY and quantity == int(quantity):
        return quantity, (total / quantity).quantize(unit, ROUND_HALF_UP), ""
    if quantity is not None and 0 < quantity < MAX_QUANTITY:
        price = total / quantity
        if quantity == quantity.quantize(CENT) and price == price.quantize(unit):
            return quantity, price.quantize(unit), ""
    shown = text_of(item.get("qty_ordered")) or "unknown"
    return Decimal(1), total, f"Quantity ordered: {cut(clean(shown), 40)}"


def _row_total(
    item: dict[str, Any], prefix: str, quantity: Decimal | None, unit: Decimal, notes: list[str]
) -> Decimal:
    """Return what the row costs before discount.

    Magento's REST API shows `row_total` less the discount, every other sender without it; the price
    tells which one this is. Tax and rounding by row may move a total by a cent per piece, so the
    stated one counts where it is near; what is in neither form is not used.
    """
    stated = _money(item.get(f"{prefix}row_total"), unit, notes)
    is_stated = decimal_of(item.get(f"{prefix}row_total")) is not None
    price = decimal_of(item.get(f"{prefix}price"))
    if price is None or quantity is None or max(abs(price), abs(quantity)) > MAX_QUANTITY:
        return stated if is_stated else Decimal(0)
    whole = _money(price * quantity, unit, notes)
    if not is_stated:
        return whole
    discount = _money(item.get(f"{prefix}discount_amount"), unit, notes)
    hidden_tax = _money(item.get(f"{prefix}discount_tax_compensation_amount"), unit, notes)
    forms = (stated, stated + discount - hidden_tax)
    nearest = min(forms, key=lambda form: abs(form - whole))
    return nearest if abs(nearest - whole) <= CENT * max(quantity, Decimal(1)) else whole


def _money(value: Any, unit: Decimal, notes: list[str]) -> Decimal:
    """Return an amount in whole cents, or what its currency has, rounded half up; 0 for none."""
    number = value if isinstance(value, Decimal) else decimal_of(value)
    if number is None:
        return Decimal(0)
    if abs(number) >= TOO_MUCH:
        notes.append("lines: an amount has too many digits, counted as 0")
        return Decimal(0)
    return number.quantize(unit, ROUND_HALF_UP)


def _charge(key: str, sku: str, name: str, amount: Decimal) -> Line:
    mark = sku.removeprefix("MAGENTO-").lower()
    return Line(f"{key}:{mark}", sku, name, Decimal(1), amount)
