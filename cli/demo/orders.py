"""The demo's story: what the store does, what the network does to it, and what the org refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.magento.life import refunded
from sandbox.magento.real_world import RealWorldStore
from sandbox.magento.sender import disturbed
from sandbox.magento.store import Store, Webhook
from schemas.event import Kind

STORES: dict[str, type[Store]] = {"plain": Store, "real-world": RealWorldStore}
DUPLICATE_SHARE = 0.05
LATE_SHARE = 0.05
A_DAY_LATER_SECONDS = 86_400

# What Salesforce admins write: a rule that only they may break.
REFUSAL = {
    "kind": "row_error",
    "sobject": "Opportunity",
    "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "message": "A won opportunity is closed: ask finance to reopen it before you change its stage.",
    "fields": ["StageName"],
}
# What happens when a person saves the record at the same moment, for some seconds.
LOCK = {
    "kind": "row_error",
    "sobject": "Opportunity",
    "code": "UNABLE_TO_LOCK_ROW",
    "message": "unable to obtain exclusive access to this record or 1 records",
}


@dataclass(frozen=True, slots=True)
class DemoOrders:
    """The deliveries in their order, and the orders with a special part in it.

    `locked` cannot be written for a while; `refund` is sent when all is quiet and is refused.
    """

    store: Store
    deliveries: tuple[Webhook, ...]
    repeated: int
    late: int
    locked: str
    refused: str
    refund: Webhook

    @property
    def faults(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The faults to arm in the simulator: the lock at the start, the rule for the refund."""
        return LOCK | {"external_id": self.locked}, REFUSAL | {"external_id": self.refused}

    @property
    def summary(self) -> str:
        return (
            f"the store: {len(self.store.orders)} orders and {len(self.store.customers)} "
            f"customers, {len(self.deliveries) + 1:,} webhooks, {self.repeated} of them twice, "
            f"{self.late} behind newer ones"
        )

    @property
    def next_order(self) -> Webhook:
        """One more order, for whoever wants to send it by hand."""
        return self.store.place(2 * A_DAY_LATER_SECONDS)[1][-1]


def write_story(orders: int, seed: int, store_kind: str = "plain") -> DemoOrders:
    """Return a story of so many orders; the same seed tells the same one."""
    store = STORES[store_kind](seed)
    webhooks = list(store.events(orders))
    deliveries = disturbed(
        webhooks, seed=seed, duplicate_share=DUPLICATE_SHARE, late_share=LATE_SHARE
    )
    numbers = list(store.orders)
    won = [number for number in numbers if store.orders[number]["state"] == "complete"]
    refused = won[len(won) // 2]
    locked = next(number for number in numbers[len(numbers) // 3 :] if number != refused)
    refund = store.advance(refused, refunded, A_DAY_LATER_SECONDS)[0]
    return DemoOrders(
        store=store,
        deliveries=tuple(deliveries),
        repeated=len(deliveries) - len(webhooks),
        late=late_deliveries(deliveries),
        locked=locked,
        refused=refused,
        refund=refund,
    )


def late_deliveries(deliveries: list[Webhook]) -> int:
    """Return how many deliveries come after a newer one of the same order or customer."""
    newest: dict[tuple[Kind, str], str] = {}
    late = 0
    for webhook in deliveries:
        where = (webhook.kind, webhook.key)
        late += webhook.updated_at < newest.get(where, "")
        newest[where] = max(webhook.updated_at, newest.get(where, ""))
    return late
