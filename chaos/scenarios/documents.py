"""Stores whose documents cannot be trusted: wrong clocks, no dates, everything twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from chaos.scenario import Scenario
from chaos.stage import Stage
from sandbox.magento.numbered import STARTS_AT, numbered_order
from sandbox.magento.orders import stamp
from sandbox.magento.shapes import Shape, webhook_body
from sandbox.magento.store import ORDER_SAVED, Webhook
from schemas.event import Kind

SECONDS = 30.0
TWICE_FROM = 600_000
ORDERS = 300
SENDERS = 16
LATER = timedelta(hours=2)
FAR = timedelta(days=36_500)


def undated(order: dict[str, Any], _version: int) -> None:
    del order["updated_at"]


def no_date(order: dict[str, Any], _version: int) -> None:
    order["updated_at"] = "gestern"


def zone_ahead(order: dict[str, Any], version: int) -> None:
    order["updated_at"] = stamp(STARTS_AT + LATER + timedelta(seconds=version))


def of_the_next_century(order: dict[str, Any], version: int) -> None:
    order["updated_at"] = stamp(STARTS_AT + FAR + timedelta(seconds=version))


def as_it_should_be(_order: dict[str, Any], _version: int) -> None:
    """Leave the date alone."""


# An order is wrong in one way for all its life: the order of its saves stays known to the judge.
WAYS: tuple[Callable[[dict[str, Any], int], None], ...] = (
    *(as_it_should_be, undated, no_date, zone_ahead, of_the_next_century),
)


def wrongly_dated(n: int, version: int, /, *, customers: int) -> Webhook:
    """Return state `version` of order `n` with the date that orders of its number have."""
    order = numbered_order(n, version, customers=customers)
    key, updated_at = order["increment_id"], order["updated_at"]
    WAYS[n % len(WAYS)](order, version)
    return Webhook(
        kind=Kind.ORDER,
        event=ORDER_SAVED,
        key=key,
        updated_at=updated_at,
        body=webhook_body(order, Kind.ORDER, ORDER_SAVED, Shape.BLUEPRINT),
    )


async def repeat_documents(stage: Stage) -> None:
    """Send three states of some orders, one after the other, each of them three times at once."""
    first = TWICE_FROM
    orders = range(first, first + int(ORDERS * stage.scale))
    async with stage.hurting():
        for version in (1, 2, 3):
            states = [(order, version) for order in orders for _ in range(3)]
            await stage.load.send_all(states, senders=SENDERS)
            stage.seen["documents sent again"] += 2 * len(orders)
        await stage.rest(SECONDS)


SCENARIOS = (
    Scenario(
        "documents-wrongly-dated",
        "of five orders one has no date, one a word for it, one is a zone, one a century ahead",
        repeat_documents,
        evidence={"documents sent again": 100},
        document=wrongly_dated,
    ),
)
