"""What happens to an order after it was placed: invoice, shipment, cancellation, hold, refund.

Each step is a pure function from one REST document to the next; the input is never changed. States
and their default statuses are Magento's (magento reference §2.6), backward moves included.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from sandbox.magento.money import cents, number
from sandbox.magento.orders import protect_code

Order = dict[str, Any]
Step = Callable[[Order, str], Order]


def saved(order: Order, at: str, *, save: int) -> Order:
    """Return the order after one more save: new `updated_at` and `protect_code`, nothing else."""
    after = copy.deepcopy(order)
    after["updated_at"] = at
    after["protect_code"] = protect_code(order["entity_id"], save)
    return after


def uncommitted(order: Order) -> Order:
    """Return the order as `sales_order_save_after` shows a new one: rows and addresses have no ids.

    The event fires inside the database transaction, before they are written (magento reference
    §1.1).
    """
    before = copy.deepcopy(order)
    before["billing_address_id"] = None
    before["billing_address"] |= {"entity_id": None, "parent_id": None}
    for row in before["items"]:
        row["item_id"] = None
        if "parent_item_id" in row:
            row["parent_item_id"] = None
            row["parent_item"] = row["parent_item"] | {"item_id": None}
    return before


def mailed(order: Order, at: str) -> Order:
    """Return the order after its confirmation e-mail went out."""
    return _changed(order, at, email_sent=1)


def invoiced(order: Order, at: str) -> Order:
    after = _changed(order, at, state="processing", status="processing")
    for prefix in ("", "base_"):
        total = after[f"{prefix}grand_total"]
        after |= {
            f"{prefix}total_paid": total,
            f"{prefix}total_invoiced": total,
            f"{prefix}total_due": 0,
            f"{prefix}subtotal_invoiced": after[f"{prefix}subtotal"],
        }
    for row in after["items"]:
        row["qty_invoiced"] = row["qty_ordered"]
        row["row_invoiced"] = row["row_total"]
        row["base_row_invoiced"] = row["base_row_total"]
    after["payment"]["amount_paid"] = after["grand_total"]
    return _noted(after, at, "invoice", "Captured the whole amount online.")


def partly_invoiced(order: Order, at: str) -> Order:
    """Return the order after a third of it was invoiced and paid; the rest is still open."""
    after = _changed(order, at, state="processing", status="processing")
    for prefix in ("", "base_"):
        whole = cents(after[f"{prefix}grand_total"])
        paid = whole // 3
        after[f"{prefix}total_paid"] = after[f"{prefix}total_invoiced"] = number(paid)
        after[f"{prefix}total_due"] = number(whole - paid)
    after["payment"]["amount_paid"] = after["total_paid"]
    return _noted(after, at, "invoice", "Captured a part online.")


def rest_canceled(order: Order, at: str) -> Order:
    """Return the order after what was not invoiced was cancelled; what was paid stays."""
    after = _changed(order, at, state="complete", status="complete")
    for prefix in ("", "base_"):
        open_cents = cents(after[f"{prefix}grand_total"]) - cents(after[f"{prefix}total_paid"])
        after[f"{prefix}total_canceled"] = number(open_cents)
        after[f"{prefix}total_due"] = 0
    return _noted(after, at, "order", "The rest cannot be delivered.")


def shipped(order: Order, at: str) -> Order:
    after = _changed(order, at, state="complete", status="complete")
    for row in after["items"]:
        if not row["is_virtual"]:
            row["qty_shipped"] = row["qty_ordered"]
    return _noted(after, at, "shipment", "")


def canceled(order: Order, at: str) -> Order:
    after = _changed(order, at, state="canceled", status="canceled")
    for prefix in ("", "base_"):
        after[f"{prefix}total_canceled"] = after[f"{prefix}grand_total"]
        after[f"{prefix}total_due"] = 0
    for row in after["items"]:
        row["qty_canceled"] = row["qty_ordered"]
    return _noted(after, at, "order", "Cancelled on the customer's wish.")


def held(order: Order, at: str) -> Order:
    return _changed(
        order,
        at,
        hold_before_state=order["state"],
        hold_before_status=order["status"],
        state="holded",
        status="holded",
    )


def released(order: Order, at: str) -> Order:
    after = _changed(
        order, at, state=order["hold_before_state"], status=order["hold_before_status"]
    )
    del after["hold_before_state"], after["hold_before_status"]
    return after


def refunded(order: Order, at: str) -> Order:
    after = _changed(order, at, state="closed", status="closed")
    for prefix in ("", "base_"):
        after[f"{prefix}total_refunded"] = after[f"{prefix}total_paid"]
        after[f"{prefix}total_offline_refunded"] = after[f"{prefix}total_paid"]
    for row in after["items"]:
        row["qty_refunded"] = row["qty_ordered"]
        row["amount_refunded"] = row["row_total"]
    return _noted(after, at, "creditmemo", "Refunded offline.")


def partly_refunded(order: Order, at: str) -> Order:
    """Return the order after a third of the paid amount went back; its state stays."""
    after = _changed(order, at)
    for prefix in ("", "base_"):
        third = number(cents(after[f"{prefix}total_paid"]) // 3)
        after[f"{prefix}total_refunded"] = third
        after[f"{prefix}total_offline_refunded"] = third
    return _noted(after, at, "creditmemo", "One piece came back.")


def _changed(order: Order, at: str, **fields: Any) -> Order:
    after = copy.deepcopy(order)
    after |= {"updated_at": at, **fields}
    return after


def _noted(order: Order, at: str, entity_name: str, comment: str) -> Order:
    history = {
        "entity_id": order["entity_id"] * 10 + len(order["status_histories"]),
        "parent_id": order["entity_id"],
        "entity_name": entity_name,
        "status": order["status"],
        "is_customer_notified": None,
        "is_visible_on_front": 0,
        "comment": comment or None,
        "created_at": at,
    }
    order["status_histories"] = [*order["status_histories"], history]
    return order
