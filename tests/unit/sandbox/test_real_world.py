"""However the real-world store puts it, the rows are those of the plain document."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from agents.mapping.apply import Mapped
from agents.mapping.mapping import Mapping
from cli.commands.map import map_body
from sandbox.magento import real_world
from sandbox.magento.real_world import RealWorldStore
from sandbox.magento.store import Store
from schemas.codec import decode
from schemas.event import Kind
from stream.config import load_settings

MAPPING = Mapping.load()
SETTINGS = load_settings(env_file=None)
NOW_MS = 1_790_000_000_000
ORDERS = range(0, 40, 8)


@pytest.fixture(scope="module")
def store() -> Store:
    store = Store(seed=4)
    list(store.events(40))
    return store


def mapped(body: Any, event: str) -> Mapped:
    return map_body(MAPPING, orjson.dumps(body), event, SETTINGS, NOW_MS)[1]


@pytest.mark.parametrize("spelling", range(len(real_world.ORDER_SPELLINGS)))
def test_an_order_makes_the_same_rows_in_every_wrapper(store, spelling: int) -> None:
    orders = list(store.orders.values())
    spell = real_world.ORDER_SPELLINGS[spelling]
    for place in ORDERS:
        plain = mapped({"event": real_world.SAVED, "order": orders[place]}, "")
        for wrap in real_world.ORDER_WRAPPERS:
            assert mapped(*wrap(spell(orders[place]))).rows == plain.rows


@pytest.mark.parametrize("spelling", range(len(real_world.CUSTOMER_SPELLINGS)))
def test_a_customer_makes_the_same_rows_in_every_wrapper(store, spelling: int) -> None:
    spell = real_world.CUSTOMER_SPELLINGS[spelling]
    customers = list(store.customers.values())
    assert customers
    for customer in customers:
        plain = mapped({"event": real_world.CUSTOMER_SAVED, "customer": customer}, "")
        for wrap in real_world.CUSTOMER_WRAPPERS:
            assert mapped(*wrap(spell(customer))).rows == plain.rows


def test_the_whole_store_is_read_under_the_keys_of_its_documents() -> None:
    store, plain = RealWorldStore(seed=2), Store(seed=2)
    kinds = []
    for webhook, same in zip(store.events(60), plain.events(60), strict=True):
        document = decode(webhook.body, event=webhook.url_event)
        assert (document.kind, document.key) == (same.kind, same.key.casefold())
        kinds.append(document.kind)
    assert set(kinds) == {Kind.ORDER, Kind.CUSTOMER}
    assert store.orders == plain.orders
    assert store.customers == plain.customers
