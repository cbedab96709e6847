"""Money of the simulated store, in whole cents: an order's figures add up to the cent.

Tax is on the discounted net amount, rounded half up per row, as in the reference's example (§2.7).
"""

from __future__ import annotations

from dataclasses import dataclass


def share(cents: int, percent: int) -> int:
    """Return a percentage of an amount, rounded half up."""
    return (cents * percent + 50) // 100


def number(cents: int) -> int | float:
    """Return the amount as PHP prints it: 16500 → 165, 12744 → 127.44."""
    return cents // 100 if cents % 100 == 0 else cents / 100


def cents(amount: float | str | None) -> int:
    """Return the cents of an amount out of a document, number or numeric string."""
    return round(float(amount or 0) * 100)


@dataclass(frozen=True, slots=True)
class Amounts:
    """One row (or a sum of rows) in one currency, in cents. `price` is per piece, without tax."""

    price: int = 0
    row_total: int = 0
    discount: int = 0
    tax: int = 0

    @classmethod
    def of(cls, price: int, quantity: int, *, discount_percent: int, tax_percent: int) -> Amounts:
        row_total = price * quantity
        discount = share(row_total, discount_percent)
        return cls(price, row_total, discount, share(row_total - discount, tax_percent))

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.price + other.price,
            self.row_total + other.row_total,
            self.discount + other.discount,
            self.tax + other.tax,
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """An order's totals in one currency, in cents. `discount` is positive here."""

    subtotal: int
    discount: int
    shipping: int
    shipping_tax: int
    item_tax: int

    @property
    def tax(self) -> int:
        return self.item_tax + self.shipping_tax

    @property
    def grand_total(self) -> int:
        return self.subtotal - self.discount + self.shipping + self.tax
