"""What `orderstream map` shows of a document is what the worker writes of it."""

from __future__ import annotations

import asyncio
import random

import orjson
import pytest

from agents.delivery.types import Written
from agents.handling.handler import Handler
from agents.mapping.mapping import Mapping
from cli.commands.map import map_body
from sandbox.magento.orders import draw_draft, place
from sandbox.magento.people import draw_shopper
from sandbox.magento.real_world import RealWorldStore
from sandbox.magento.shapes import Shape, url_event, webhook_body
from sandbox.magento.store import OPENS_AT
from schemas.codec import DecodeError
from schemas.event import Envelope, Kind, Origin
from stream.config import Settings
from stream.errors import MappingError
from stream.topics import Topics
from tests.support.handler_world import handled
from tests.support.real_documents import a_customer, a_raw_customer, a_row, an_order, order_bodies

RECEIVED_MS = 1_773_600_000_000
SAVED = "sales_order_save_commit_after"
SHIPPED = Mapping.load()


def drawn(seed: int) -> dict:
    rng = random.Random(seed)
    shopper = draw_shopper(rng, seed, is_guest=seed % 2 == 0)
    return place(draw_draft(rng, seed, shopper), OPENS_AT, state="new", status="pending")


def documents() -> dict[str, tuple[bytes, str]]:
    """Return every document the tests know: name → (body, event in the address)."""
    odd = {
        "status only": {"increment_id": "7", "status": "complete", "updated_at": "2099-01-01"},
        "announced": {"entity_id": 7, "increment_id": "7"},
        "without dates": {"increment_id": "7", "grand_total": "9.0000", "items": [a_row()]},
        "no date": an_order(updated_at="2026-99-99 99:99:99", created_at="soon"),
        "ahead": an_order(updated_at="2031-01-01 00:00:00"),
    }
    found = {name: (orjson.dumps(body), SAVED) for name, body in odd.items()}
    found |= {
        f"wrapped: {name}": (orjson.dumps(body), event)
        for name, (body, event) in order_bodies(an_order()).items()
    }
    for name, customer in (("rest", a_customer()), ("raw", a_raw_customer())):
        found[f"customer: {name}"] = (orjson.dumps(customer), "customer_save_after")
    return found


def worker_writes(body: bytes, event: str, settings: Settings):
    """Return (rows, notes or the error) of a worker that gets these bytes."""
    sent = []

    class Org:
        async def send(self, bundles):
            sent.extend(bundles)
            return [Written({}) for _ in bundles]

    async def mapping():
        return SHIPPED

    handler = Handler(
        org_mapping=mapping,
        dispatcher=Org(),
        get_state=lambda _partition, _key: None,
        check_alive=lambda: None,
        topics=Topics(),
        identity=settings.identity,
    )
    envelope = Envelope(
        event_id="e",
        event=event,
        kind=Kind.ORDER,
        key="",
        received_at_ms=RECEIVED_MS,
        value=body,
        origin=Origin("magento.orders", 0, 0, RECEIVED_MS),
    )
    (decision,) = asyncio.run(handled(handler, [envelope]))
    result = decision.result
    return [row for bundle in sent for row in bundle.rows], result


def assert_equal(body: bytes, event: str) -> None:
    settings = Settings(_env_file=None)
    rows, result = worker_writes(body, event, settings)
    if result.outcome.value == "dead":
        with pytest.raises((DecodeError, MappingError)) as refused:
            map_body(SHIPPED, body, event, settings, RECEIVED_MS)
        assert result.error_message == str(refused.value)
        return
    item, mapped = map_body(SHIPPED, body, event, settings, RECEIVED_MS)
    assert [*mapped.rows] == rows
    assert [*mapped.notes] == [*result.notes]
    assert item.document.is_ignored is (result.outcome.value == "unchanged")


@pytest.mark.parametrize(("body", "event"), documents().values(), ids=documents())
def test_the_preview_of_a_real_document_is_what_is_written(body, event):
    assert_equal(body, event)


@pytest.mark.parametrize("webhook", list(RealWorldStore(seed=3).events(8)))
def test_the_preview_of_what_the_real_world_store_sends_is_what_is_written(webhook):
    assert_equal(webhook.body, webhook.url_event)


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("seed", range(1, 9))
def test_the_preview_of_an_order_of_the_simulated_store_is_what_is_written(seed, shape):
    order = drawn(seed)
    assert_equal(webhook_body(order, Kind.ORDER, SAVED, shape), url_event(Kind.ORDER, SAVED, shape))
