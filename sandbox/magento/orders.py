"""One placed order in REST shape, with the fields, the omissions and the sums of a real one.

Pure and seeded: the same draw gives the same bytes. What happens to an order afterwards is
`sandbox.magento.life`; other senders' shapes are `sandbox.magento.shapes`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any

from sandbox.magento.catalog import SHELF, Product
from sandbox.magento.money import Amounts, Totals, number, share
from sandbox.magento.people import Shopper, address_of
from sandbox.magento.rows import Line, Rows, Terms

BASE_CURRENCY = "USD"
SHIPPING_CENTS = 1000

# (order currency, base → order rate in per mille, store view, tax percent)
VIEWS = (
    ("USD", 1000, "Default Store View", 8),
    ("EUR", 900, "French", 20),
    ("GBP", 787, "", 20),
    ("PLN", 3975, "Polski", 23),
)
# (coupon, percent off)
COUPONS = (("", 0), ("", 0), ("", 0), ("SPRING10", 10), ("WELCOME15", 15))
PAYMENTS = (
    ("checkmo", "Check / Money order"),
    ("example_gateway", "Credit Card (example gateway)"),
    ("cashondelivery", "Cash On Delivery"),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that was decided before the order is placed."""

    entity_id: int
    shopper: Shopper
    lines: tuple[Line, ...]
    view: int
    coupon: str
    discount_percent: int
    payment: tuple[str, str]

    @property
    def increment_id(self) -> str:
        """Store 1's numbers start with zeros, store 2's with a 2, as Magento's sequences do."""
        store_id = self.view + 1
        return f"{self.entity_id:09d}" if store_id == 1 else f"{store_id}{self.entity_id:09d}"

    @property
    def is_virtual(self) -> bool:
        return all(line.product.is_virtual for line in self.lines)


def draw_draft(rng: random.Random, entity_id: int, shopper: Shopper) -> Draft:
    """Return a basket such as people fill: one to five lines, mostly single pieces."""
    products: list[Product] = [product for product, _ in SHELF]
    weights = [weight for _, weight in SHELF]
    size = rng.choices((1, 2, 3, 5), weights=(50, 27, 16, 7))[0]
    lines = tuple(
        Line(product, rng.choices((1, 2, 3, 12), weights=(70, 18, 9, 3))[0], rng.randrange(4))
        for product in rng.choices(products, weights=weights, k=size)
    )
    coupon, percent = rng.choice(COUPONS)
    return Draft(
        entity_id=entity_id,
        shopper=shopper,
        lines=lines,
        view=rng.choices(range(len(VIEWS)), weights=(60, 20, 10, 10))[0],
        coupon=coupon,
        discount_percent=percent,
        payment=rng.choice(PAYMENTS),
    )


def stamp(at: datetime) -> str:
    """Return a timestamp as Magento writes it: UTC, whole seconds, no zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def later(text: str, seconds: int) -> str:
    """Return a Magento timestamp some seconds later."""
    at = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return stamp(at + timedelta(seconds=seconds))


def protect_code(entity_id: int, save: int) -> str:
    """Return a value that differs at every save, as Magento's does."""
    return md5(f"{entity_id}/{save}".encode(), usedforsecurity=False).hexdigest()


def place(
    draft: Draft, at: datetime, *, state: str = "new", status: str = "pending"
) -> dict[str, Any]:
    """Return the order as it is committed at placement, in REST shape."""
    currency, rate_permille, view_name, tax_percent = VIEWS[draft.view]
    created_at = stamp(at)
    terms = Terms(
        order_id=draft.entity_id,
        store_id=draft.view + 1,
        rate_permille=rate_permille,
        discount_percent=draft.discount_percent,
        tax_percent=tax_percent,
        created_at=created_at,
    )
    rows = Rows.of(list(draft.lines), terms, first_item_id=draft.entity_id * 20)
    shipping = 0 if draft.is_virtual else SHIPPING_CENTS
    base = _totals(rows.sum.base, shipping, tax_percent)
    order = _totals(rows.sum.order, terms.converted(shipping), tax_percent)
    return {
        **_identity(draft, created_at, view_name),
        "state": state,
        "status": status,
        **_customer(draft.shopper),
        **_currencies(currency, rate_permille),
        **_money(base, "base_"),
        **_money(order, ""),
        **_discount(draft),
        "total_qty_ordered": sum(line.quantity for line in draft.lines),
        "total_item_count": _childless(rows.rows),
        "weight": round(sum(row["row_weight"] for row in rows.rows), 4),
        "items": rows.rows,
        "billing_address": address_of(
            draft.shopper, "billing", draft.entity_id * 2, draft.entity_id
        ),
        "payment": _payment(draft, order),
        "status_histories": [],
        "extension_attributes": _extension(draft, order, base, tax_percent),
    }


def _totals(rows: Amounts, shipping: int, tax_percent: int) -> Totals:
    return Totals(rows.row_total, rows.discount, shipping, share(shipping, tax_percent), rows.tax)


def _identity(draft: Draft, created_at: str, view_name: str) -> dict[str, Any]:
    identity: dict[str, Any] = {
        "entity_id": draft.entity_id,
        "increment_id": draft.increment_id,
        "quote_id": draft.entity_id + 1168,
        "store_id": draft.view + 1,
        "store_name": f"Main Website\nMain Website Store\n{view_name}",
        "is_virtual": int(draft.is_virtual),
        "email_sent": 0,
        "created_at": created_at,
        "updated_at": created_at,
        "protect_code": protect_code(draft.entity_id, 0),
        "remote_ip": "203.0.113.24",
        "billing_address_id": draft.entity_id * 2,
    }
    if not draft.is_virtual:
        identity["shipping_description"] = "Flat Rate - Fixed"
    return identity


def _customer(shopper: Shopper) -> dict[str, Any]:
    customer: dict[str, Any] = {
        "customer_email": shopper.email,
        "customer_is_guest": int(shopper.is_guest),
        "customer_group_id": 0 if shopper.is_guest else 1,
        "customer_note_notify": 1,
    }
    if shopper.customer_id is not None:
        customer |= {
            "customer_id": shopper.customer_id,
            "customer_firstname": shopper.firstname,
            "customer_lastname": shopper.lastname,
        }
    return customer


def _currencies(currency: str, rate_permille: int) -> dict[str, Any]:
    return {
        "base_currency_code": BASE_CURRENCY,
        "global_currency_code": BASE_CURRENCY,
        "store_currency_code": BASE_CURRENCY,
        "order_currency_code": currency,
        "base_to_global_rate": 1,
        "base_to_order_rate": 1 if rate_permille == 1000 else rate_permille / 1000,  # noqa: PLR2004 - the number is its own name here
        "store_to_base_rate": 0,
        "store_to_order_rate": 0,
    }


def _money(totals: Totals, prefix: str) -> dict[str, Any]:
    amounts = {
        "subtotal": totals.subtotal,
        "subtotal_incl_tax": totals.subtotal + totals.item_tax,
        "discount_amount": -totals.discount,
        "tax_amount": totals.tax,
        "shipping_amount": totals.shipping,
        "shipping_incl_tax": totals.shipping + totals.shipping_tax,
        "shipping_tax_amount": totals.shipping_tax,
        "shipping_discount_amount": 0,
        "discount_tax_compensation_amount": 0,
        "grand_total": totals.grand_total,
        "total_due": totals.grand_total,
    }
    return {f"{prefix}{name}": number(amount) for name, amount in amounts.items()}


def _discount(draft: Draft) -> dict[str, Any]:
    if not draft.coupon:
        return {}
    return {
        "coupon_code": draft.coupon,
        "discount_description": draft.coupon,
        "applied_rule_ids": "1,3",
    }


def _childless(rows: list[dict[str, Any]]) -> int:
    parents = {row.get("parent_item_id") for row in rows}
    return sum(row["item_id"] not in parents for row in rows)


def _payment(draft: Draft, totals: Totals) -> dict[str, Any]:
    method, title = draft.payment
    return {
        "entity_id": draft.entity_id,
        "parent_id": draft.entity_id,
        "method": method,
        "account_status": None,
        "additional_information": [title],
        "cc_last4": None,
        "amount_ordered": number(totals.grand_total),
        "shipping_amount": number(totals.shipping),
    }


def _extension(draft: Draft, order: Totals, base: Totals, tax_percent: int) -> dict[str, Any]:
    shipping: dict[str, Any] = {}
    if not draft.is_virtual:
        shipping = {
            "method": "flatrate_flatrate",
            "total": {
                "shipping_amount": number(order.shipping),
                "base_shipping_amount": number(base.shipping),
            },
            "address": address_of(
                draft.shopper, "shipping", draft.entity_id * 2 + 1, draft.entity_id
            ),
        }
    tax = {
        "code": f"VAT-{tax_percent}",
        "title": f"VAT {tax_percent}%",
        "percent": tax_percent,
        "amount": number(order.tax),
        "base_amount": number(base.tax),
    }
    return {
        "shipping_assignments": [{"shipping": shipping, "items": []}],
        "payment_additional_info": [{"key": "method_title", "value": draft.payment[1]}],
        "applied_taxes": [tax],
        "item_applied_taxes": [],
        "converting_from_quote": True,
    }
