"""The orders that `orderstream validate` sends, and what Salesforce must show of each. Pure.

| step | proves |
|---|---|
| first order | every field of the mapping arrives, fitted: texts too long, amounts as text, dates |
| second order | a record of its own under the same Account |
| update | the same record, changed |
| cancellation | the same record, closed |
| sent twice | nothing is written again |
| guest order | a customer without an account in the store |
| virtual order | no shipping address |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import orjson

EVENT = "sales_order_save_after"
DOMAIN = "orderstream-validate.example"  # reserved: no mail ever leaves for it (RFC 2606)
# Ids of the store find records in the org: these are above every one that a store gives.
NO_CUSTOMER = 10**15


@dataclass(frozen=True, slots=True)
class StorySend:
    """One webhook. `repeats` names an earlier step whose record this one must be."""

    name: str
    order: dict[str, Any]
    is_new_customer: bool = False
    repeats: str = ""
    same_account_as: str = ""
    outcome: str = "synced"

    @property
    def body(self) -> bytes:
        """The bytes that are posted."""
        return orjson.dumps({"event": EVENT, "order": self.order})


def validation_story(run_id: str, now: datetime) -> Iterator[StorySend]:
    """Yield the webhooks in their order; `run_id` makes numbers and addresses unique."""
    first = _order(run_id, 1, now, "customer")
    second = _order(run_id, 2, now, "customer", grand_total=58.5)
    updated = first | {
        "state": "complete",
        "status": "complete",
        "grand_total": "130.0000",
        "updated_at": _at(now, 60),
    }
    canceled = second | {"state": "canceled", "status": "canceled", "updated_at": _at(now, 60)}
    guest = _order(run_id, 3, now, "guest", **_guest())
    virtual = _order(run_id, 4, now, "virtual", is_virtual=1, shipping_amount=0)
    virtual.pop("extension_attributes")
    yield StorySend("first order", first, is_new_customer=True)
    yield StorySend("second order, same customer", second, same_account_as="first order")
    yield StorySend("update of the first", updated, repeats="first order")
    yield StorySend("cancellation of the second", canceled, repeats="second order, same customer")
    yield StorySend("the same webhook again", updated, repeats="first order", outcome="unchanged")
    yield StorySend("guest order", guest, is_new_customer=True)
    yield StorySend("virtual order", virtual, is_new_customer=True)


def _guest() -> dict[str, Any]:
    nobody = {"customer_id": None, "customer_firstname": None, "customer_lastname": None}
    return {**nobody, "customer_is_guest": 1, "customer_group_id": 0}


def _at(now: datetime, seconds: int) -> str:
    return (now.astimezone(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def _order(run_id: str, number: int, now: datetime, who: str, **more: Any) -> dict[str, Any]:
    """Return an order in REST shape, with what breaks naive senders in it."""
    email = f"{who}-{run_id}@{DOMAIN}"
    address = {
        "address_type": "billing",
        "firstname": "Zoë-Validation-With-A-First-Name-Longer-Than-Forty",
        "lastname": "O'Brien & Søn <Validate>",
        "street": ["12 rue des Exemples, " + "staircase " * 30, "Bât. B"],
        "city": "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
        "region": "Rhône",
        "postcode": "69002",
        "country_id": "fr",
        "telephone": "+33 4 00 00 00 00",
    }
    return {
        "entity_id": number,
        "increment_id": f"VALIDATE-{run_id}-{number}",
        "state": "new",
        "status": "pending",
        "is_virtual": 0,
        "created_at": _at(now, 0),
        "updated_at": _at(now, 0),
        "customer_is_guest": 0,
        "customer_id": NO_CUSTOMER + crc32(email.encode()),
        "customer_email": email,
        "customer_firstname": "Zoë-Validation-With-A-First-Name-Longer-Than-Forty",
        "customer_lastname": "O'Brien & Søn <Validate>",
        "order_currency_code": "EUR",
        "base_currency_code": "EUR",
        "grand_total": "127.4400",
        "base_grand_total": "127.4400",
        "subtotal": 108,
        "shipping_amount": 9,
        "tax_amount": 21.24,
        "discount_amount": "-10.8000",
        "billing_address": address,
        "items": [
            {
                "item_id": 10 * number + place,
                "product_type": "simple",
                "sku": f"VALIDATE-{place}",
                "name": f"A product of the validation run, number {place}, {'long ' * 20}",
                "qty_ordered": place,
                "price": 54 / place,
                "row_total": 54,
            }
            for place in (1, 2)
        ],
        "extension_attributes": {"shipping_assignments": [{"shipping": {"address": address}}]},
        **more,
    }
