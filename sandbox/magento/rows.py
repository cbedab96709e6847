"""An order's item rows: visible rows, and the child rows that must not be counted again.

| product | parent row | child rows |
|---|---|---|
| simple, virtual, downloadable | the row | none |
| configurable | the child's SKU, and the money | the variant, price 0, no `*_incl_tax` |
| bundle, dynamic price | sum of the children, composite SKU | each with its own money |
| bundle, fixed price | the money | price 0 |
(magento reference §2.4)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sandbox.magento.catalog import Product, ProductType
from sandbox.magento.money import Amounts, number, share

# Magento repeats the parent inside each child; these are the fields worth repeating here.
PARENT_FIELDS = (
    *("item_id", "order_id", "product_id", "product_type", "sku", "name"),
    *("qty_ordered", "price", "row_total"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """What the shopper put into the basket. `choice` is the variant of a configurable."""

    product: Product
    quantity: int
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Money:
    """A row's amounts in base and in order currency."""

    base: Amounts = field(default_factory=Amounts)
    order: Amounts = field(default_factory=Amounts)

    def __add__(self, other: Money) -> Money:
        return Money(self.base + other.base, self.order + other.order)


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every row of an order. The rate is base → order currency, per mille."""

    order_id: int
    store_id: int
    rate_permille: int
    discount_percent: int
    tax_percent: int
    created_at: str

    def converted(self, base_cents: int) -> int:
        return (base_cents * self.rate_permille + 500) // 1000

    def price(self, base_price: int, quantity: int) -> Money:
        """Return a row's money, exact in each currency on its own."""
        percents = {"discount_percent": self.discount_percent, "tax_percent": self.tax_percent}
        order_price = self.converted(base_price)
        return Money(
            Amounts.of(base_price, quantity, **percents),
            Amounts.of(order_price, quantity, **percents),
        )


@dataclass(slots=True)
class Rows:
    """The rows of one order as they are built; `sum` is over the visible ones."""

    terms: Terms
    rows: list[dict[str, Any]] = field(default_factory=list)
    sum: Money = field(default_factory=Money)

    @classmethod
    def of(cls, lines: list[Line], terms: Terms, *, first_item_id: int) -> Rows:
        built = cls(terms)
        ids = count(first_item_id)
        for line in lines:
            built._add(line, ids)
        return built

    def _add(self, line: Line, ids: count[int]) -> None:
        product = line.product
        if product.type is ProductType.CONFIGURABLE:
            variant = product.children[line.choice % len(product.children)]
            self._with_free_children(line, (variant,), ids, sku=variant.sku)
        elif product.type is ProductType.BUNDLE_FIXED:
            sku = "-".join((product.sku, *(child.sku for child in product.children)))
            self._with_free_children(line, product.children, ids, sku=sku)
        elif product.type is ProductType.BUNDLE_DYNAMIC:
            self._dynamic_bundle(line, ids)
        else:
            money = self.terms.price(product.price_cents, line.quantity)
            self._visible(next(ids), line, money, sku=product.sku)

    def _with_free_children(
        self, line: Line, children: tuple[Product, ...], ids: count[int], *, sku: str
    ) -> None:
        product = line.product
        money = self.terms.price(product.price_cents, line.quantity)
        parent = self._visible(next(ids), line, money, sku=sku)
        if product.type is ProductType.CONFIGURABLE:
            options = [
                {"option_id": "93", "option_value": 50 + line.choice},
                {"option_id": "141", "option_value": 166 + line.choice},
            ]
            parent["product_option"] = {
                "extension_attributes": {"configurable_item_options": options}
            }
        for child in children:
            self._child(next(ids), Line(child, line.quantity), Money(), parent)

    def _dynamic_bundle(self, line: Line, ids: count[int]) -> None:
        product, parent_id = line.product, next(ids)
        priced = [
            (Line(child, line.quantity), self.terms.price(child.price_cents, line.quantity))
            for child in product.children
        ]
        sku = "-".join((product.sku, *(child.sku for child in product.children)))
        money = sum((money for _, money in priced), Money())
        parent = self._visible(parent_id, line, money, sku=sku)
        del parent["tax_percent"]
        for child, child_money in priced:
            row = self._child(next(ids), child, child_money, parent)
            row["tax_percent"] = self.terms.tax_percent

    def _visible(self, item_id: int, line: Line, money: Money, *, sku: str) -> dict[str, Any]:
        self.sum += money
        row = self._row(item_id, line, money, sku=sku)
        percent = self.terms.tax_percent
        row["tax_percent"] = percent
        for prefix, amounts in (("base_", money.base), ("", money.order)):
            taxed = amounts.row_total + share(amounts.row_total, percent)
            row[f"{prefix}price_incl_tax"] = number(amounts.price + share(amounts.price, percent))
            row[f"{prefix}row_total_incl_tax"] = number(taxed)
        return row

    def _child(
        self, item_id: int, line: Line, money: Money, parent: dict[str, Any]
    ) -> dict[str, Any]:
        row = self._row(item_id, line, money, sku=line.product.sku)
        row["parent_item_id"] = parent["item_id"]
        row["parent_item"] = {name: parent[name] for name in PARENT_FIELDS if name in parent}
        return row

    def _row(self, item_id: int, line: Line, money: Money, *, sku: str) -> dict[str, Any]:
        product, quantity = line.product, line.quantity
        terms = self.terms
        row: dict[str, Any] = {
            "item_id": item_id,
            "order_id": terms.order_id,
            "quote_item_id": item_id + 900,
            "product_id": product.product_id,
            "product_type": product.type.in_data,
            "name": product.name,
            "store_id": terms.store_id,
            "is_virtual": int(product.is_virtual),
            "is_qty_decimal": 0,
            "free_shipping": 0,
            "no_discount": 0,
            "qty_ordered": quantity,
            "qty_invoiced": 0,
            "qty_shipped": 0,
            "qty_refunded": 0,
            "qty_canceled": 0,
            "weight": product.weight,
            "row_weight": round(product.weight * quantity, 4),
            "discount_percent": terms.discount_percent,
            "amount_refunded": 0,
            "base_amount_refunded": 0,
            "row_invoiced": 0,
            "base_row_invoiced": 0,
            "created_at": terms.created_at,
            "updated_at": terms.created_at,
        }
        if sku:
            row["sku"] = sku
        for prefix, amounts in (("base_", money.base), ("", money.order)):
            row[f"{prefix}price"] = number(amounts.price)
            row[f"{prefix}original_price"] = number(amounts.price)
            row[f"{prefix}row_total"] = number(amounts.row_total)
            row[f"{prefix}discount_amount"] = number(amounts.discount)
            row[f"{prefix}tax_amount"] = number(amounts.tax)
        self.rows.append(row)
        return row
