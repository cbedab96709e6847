"""A store with a life of its own: seeded, it places orders, moves them on, and says so by webhook.

One placement is three saves within two seconds, as on real stores: before the commit (rows without
ids), after it, and when the e-mail went out. Every save has another `protect_code`. `orders` and
`customers` hold the newest documents: what Salesforce must agree with in the end.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sandbox.magento import life
from sandbox.magento.life import Order, Step
from sandbox.magento.orders import draw_draft, later, place, protect_code, stamp
from sandbox.magento.people import Shopper, customer_of, draw_shopper
from sandbox.magento.shapes import Shape, url_event, webhook_body
from schemas.event import Kind

OPENS_AT = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
SECONDS_BETWEEN_ORDERS = (1, 8)
SECONDS_BETWEEN_STEPS = (20, 240)

ORDER_SAVED = "sales_order_save_after"
CUSTOMER_SAVED = "customer_save_after"

GUEST_SHARE = 0.35
RETURNING_SHARE = 0.4
SECOND_SAVE_SHARE = 0.3
CUSTOMER_CHANGE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """A life: how it begins, what follows, and how many of a hundred orders live it."""

    share: int
    steps: tuple[Step, ...] = ()
    state: str = "new"
    status: str = "pending"


PLANS = (
    Plan(14),
    Plan(16, (life.invoiced,)),
    Plan(38, (life.invoiced, life.shipped)),
    Plan(10, (life.canceled,)),
    Plan(4, (life.canceled,), "pending_payment", "pending_payment"),
    Plan(3, (life.invoiced,), "payment_review", "fraud"),
    Plan(6, (life.held, life.released, life.invoiced, life.shipped)),
    Plan(2, (life.held,)),
    Plan(5, (life.invoiced, life.shipped, life.refunded)),
    Plan(2, (life.invoiced, life.shipped, life.partly_refunded)),
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook as it leaves the store. `key` is the increment_id or the customer's e-mail."""

    kind: Kind
    event: str
    key: str
    updated_at: str
    body: bytes
    url_event: str = ""


class Store:
    """A simulated store. The same seed and calls give the same bytes."""

    def __init__(
        self,
        seed: int = 1,
        *,
        shape: Shape = Shape.BLUEPRINT,
        opens_at: datetime = OPENS_AT,
        first_entity_id: int = 1,
    ) -> None:
        self.orders: dict[str, Order] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.shape = shape
        self._rng = random.Random(seed)
        self._opens_at = opens_at
        self._entity_ids = count(first_entity_id)
        self._shopper_numbers = count(first_entity_id)
        self._registered: list[Shopper] = []
        self._saves: dict[str, int] = {}

    def events(self, orders: int) -> Iterator[Webhook]:
        """Yield every webhook of so many orders' whole lives, many lives at a time, by time."""
        agenda: list[tuple[int, int, Plan, str, int]] = []
        opening = 0
        for index in range(orders):
            opening += self._rng.randint(*SECONDS_BETWEEN_ORDERS)
            plan = self._rng.choices(PLANS, weights=[plan.share for plan in PLANS])[0]
            heapq.heappush(agenda, (opening, index, plan, "", 0))
        while agenda:
            second, index, plan, number, done = heapq.heappop(agenda)
            if not number:
                number, webhooks = self.place(second, plan)
            else:
                webhooks = self.advance(number, plan.steps[done - 1], second)
            yield from webhooks
            if done < len(plan.steps):
                following = second + self._rng.randint(*SECONDS_BETWEEN_STEPS)
                heapq.heappush(agenda, (following, index, plan, number, done + 1))

    def place(
        self, second: int = 0, plan: Plan = PLANS[0], shopper: Shopper | None = None
    ) -> tuple[str, list[Webhook]]:
        """Place an order so many seconds after opening: its number, and the webhooks of it."""
        at = self._opens_at + timedelta(seconds=second)
        webhooks: list[Webhook] = []
        shopper = shopper or self._draw_shopper(at, webhooks)
        draft = draw_draft(self._rng, next(self._entity_ids), shopper)
        committed = place(draft, at, state=plan.state, status=plan.status)
        webhooks += [
            self._save(life.uncommitted(committed)),
            self._save(committed),
            self._save(life.mailed(committed, later(committed["updated_at"], 1))),
        ]
        return draft.increment_id, webhooks

    def advance(self, number: str, step: Step, second: int) -> list[Webhook]:
        """Move an order on; now and then Magento saves it a second time for no reason."""
        at = max(stamp(self._opens_at + timedelta(seconds=second)), self._next_second(number))
        webhooks = [self._save(step(self.orders[number], at))]
        if self._rng.random() < SECOND_SAVE_SHARE:
            webhooks.append(self._save(self.orders[number] | {"updated_at": later(at, 1)}))
        return webhooks

    def save_customer(self, shopper: Shopper, at: datetime, **changes: Any) -> Webhook:
        """Save a customer, with changed fields if there are any."""
        key = shopper.email.lower()
        created_at = self.customers.get(key, {}).get("created_at", stamp(at))
        customer = customer_of(shopper, created_at=created_at, updated_at=stamp(at)) | changes
        self.customers[key] = customer
        return self._webhook(Kind.CUSTOMER, CUSTOMER_SAVED, key, customer)

    def _draw_shopper(self, at: datetime, webhooks: list[Webhook]) -> Shopper:
        rng = self._rng
        if rng.random() < GUEST_SHARE:
            return draw_shopper(rng, next(self._shopper_numbers), is_guest=True)
        if self._registered and rng.random() < RETURNING_SHARE:
            shopper = rng.choice(self._registered)
            if rng.random() < CUSTOMER_CHANGE_SHARE:
                webhooks.append(self.save_customer(shopper, at, group_id=2))
            return shopper
        shopper = draw_shopper(rng, next(self._shopper_numbers), is_guest=False)
        self._registered.append(shopper)
        webhooks.append(self.save_customer(shopper, at))
        return shopper

    def _save(self, order: Order) -> Webhook:
        number = order["increment_id"]
        save = self._saves[number] = self._saves.get(number, 0) + 1
        order = order | {"protect_code": protect_code(order["entity_id"], save)}
        self.orders[number] = order
        return self._webhook(Kind.ORDER, ORDER_SAVED, number, order)

    def _next_second(self, number: str) -> str:
        return later(self.orders[number]["updated_at"], 1)

    def _webhook(self, kind: Kind, event: str, key: str, entity: dict[str, Any]) -> Webhook:
        return Webhook(
            kind=kind,
            event=event,
            key=key,
            updated_at=entity["updated_at"],
            body=webhook_body(entity, kind, event, self.shape),
            url_event=url_event(kind, event, self.shape),
        )
