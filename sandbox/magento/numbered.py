"""Orders that a judge can count: each says which order it is, and which state of it.

`numbered_order(n, version)` has the order number `n` as its `increment_id` and its version as its
grand total, so whoever reads a Salesforce record or the simulator's write history knows what was
written without trusting the pipe: external id → n, Amount → version. Versions are one second apart.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.magento.orders import stamp
from sandbox.magento.shapes import Shape, webhook_body
from sandbox.magento.store import ORDER_SAVED, Webhook
from schemas.event import Kind

STARTS_AT = datetime(2026, 1, 1, tzinfo=UTC)
DEFAULT_CUSTOMERS = 500


def order_number(n: int) -> str:
    """Return the increment_id of order `n`."""
    return f"{n:09d}"


def numbered_order(
    n: int, version: int, *, customers: int = DEFAULT_CUSTOMERS, filler_bytes: int = 0
) -> dict[str, Any]:
    """Return state `version` (1, 2, …) of order `n` in REST shape.

    `customers` is over how many e-mail addresses the orders spread: few make Salesforce's lock
    conflicts likely. `filler_bytes` makes the document larger.
    """
    updated_at = stamp(STARTS_AT + timedelta(seconds=version))
    customer = n % customers
    order: dict[str, Any] = {
        "entity_id": n,
        "increment_id": order_number(n),
        "store_id": 1,
        "state": "processing",
        "status": "processing",
        "base_currency_code": "USD",
        "order_currency_code": "USD",
        "subtotal": version,
        "grand_total": version,
        "base_grand_total": version,
        "customer_is_guest": 0,
        "customer_id": customer + 1,
        "customer_email": f"buyer{customer}@example.com",
        "customer_firstname": "Buyer",
        "customer_lastname": f"Number {customer}",
        "created_at": stamp(STARTS_AT),
        "updated_at": updated_at,
        "protect_code": f"{n}-{version}",
        "items": [
            {
                "item_id": n,
                "product_type": "simple",
                "sku": f"SEQ-{n}",
                "name": f"Version {version}",
                "qty_ordered": 1,
                "price": version,
                "row_total": version,
            }
        ],
        "billing_address": {
            "address_type": "billing",
            "firstname": "Buyer",
            "lastname": f"Number {customer}",
            "street": ["1 Sequence Street"],
            "city": "Anytown",
            "region": "Ohio",
            "postcode": "12345",
            "country_id": "US",
            "telephone": "555-123-4567",
        },
    }
    if filler_bytes:
        order["customer_note"] = "x" * filler_bytes
    return order


def numbered_webhook(n: int, version: int, *, customers: int = DEFAULT_CUSTOMERS) -> Webhook:
    """Return the webhook of `numbered_order(n, version)`."""
    order = numbered_order(n, version, customers=customers)
    return Webhook(
        kind=Kind.ORDER,
        event=ORDER_SAVED,
        key=order["increment_id"],
        updated_at=order["updated_at"],
        body=webhook_body(order, Kind.ORDER, ORDER_SAVED, Shape.BLUEPRINT),
    )


def version_of(amount: float | str) -> int:
    """Return the version that a record's Amount stands for."""
    return round(float(amount))
