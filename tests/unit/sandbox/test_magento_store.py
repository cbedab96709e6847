"""The simulated store: its orders add up, live real lives, and are what real senders send."""

import copy
from collections import Counter

import orjson
import pytest

from sandbox.magento import life
from sandbox.magento.money import cents
from sandbox.magento.numbered import numbered_webhook, order_number, version_of
from sandbox.magento.shapes import Shape
from sandbox.magento.store import Store
from schemas.codec import decode
from schemas.event import Kind

STATES = {
    "new",
    "pending_payment",
    "processing",
    "complete",
    "closed",
    "canceled",
    "holded",
    "payment_review",
}


@pytest.fixture(scope="module")
def store() -> Store:
    store = Store(7)
    store.webhooks = list(store.events(400))  # type: ignore[attr-defined]
    return store


def visible(order):
    return [row for row in order["items"] if not row.get("parent_item_id")]


@pytest.mark.parametrize("prefix", ["", "base_"])
def test_totals_add_up_to_the_cent_in_both_currencies(store, prefix) -> None:
    for order in store.orders.values():
        money = {name: cents(order[f"{prefix}{name}"]) for name in NAMES}
        rows = visible(order)
        assert sum(cents(row[f"{prefix}row_total"]) for row in rows) == money["subtotal"]
        discount = sum(cents(row[f"{prefix}discount_amount"]) for row in rows)
        assert discount == -money["discount_amount"]
        item_tax = sum(cents(row[f"{prefix}tax_amount"]) for row in rows)
        assert item_tax + money["shipping_tax_amount"] == money["tax_amount"]
        assert money["grand_total"] == (
            money["subtotal"]
            + money["discount_amount"]
            + money["shipping_amount"]
            + money["tax_amount"]
        )


NAMES = (
    *("subtotal", "discount_amount", "shipping_amount", "shipping_tax_amount"),
    *("tax_amount", "grand_total"),
)


def test_the_store_has_everything_that_makes_orders_hard(store) -> None:
    orders = list(store.orders.values())
    types = {row["product_type"] for order in orders for row in order["items"]}
    assert types == {"simple", "virtual", "downloadable", "configurable", "bundle"}
    assert {order["customer_is_guest"] for order in orders} == {0, 1}
    assert {order["is_virtual"] for order in orders} == {0, 1}
    assert len({order["order_currency_code"] for order in orders}) == 4
    assert any(order["discount_amount"] < 0 for order in orders)
    assert any("sku" not in row for order in orders for row in order["items"])
    assert any(len(row["name"]) > 255 for order in orders for row in order["items"])
    assert any(order["customer_email"] != order["customer_email"].lower() for order in orders)


def test_all_of_magentos_states_occur_on_the_way(store) -> None:
    seen = {
        orjson.loads(webhook.body)["order"]["state"]
        for webhook in store.webhooks
        if webhook.kind is Kind.ORDER
    }
    assert seen == STATES


def test_summing_all_rows_instead_of_the_visible_ones_counts_twice(store) -> None:
    wrong = [
        order
        for order in store.orders.values()
        if sum(cents(row["row_total"]) for row in order["items"]) != cents(order["subtotal"])
    ]
    assert wrong, "dynamic bundles are what catches a naive sum"


def test_a_placement_is_three_saves_and_the_first_has_no_row_ids() -> None:
    store = Store(1)
    number, webhooks = store.place()
    saves = [orjson.loads(hook.body)["order"] for hook in webhooks if hook.kind is Kind.ORDER]
    assert [save["increment_id"] for save in saves] == [number] * 3
    assert all(row["item_id"] is None for row in saves[0]["items"])
    assert all(row["item_id"] for row in saves[1]["items"])
    assert saves[0]["updated_at"] == saves[1]["updated_at"] < saves[2]["updated_at"]
    assert len({save["protect_code"] for save in saves}) == 3


def test_later_saves_of_an_order_are_never_older_and_the_last_is_what_the_store_holds(
    store,
) -> None:
    newest = {}
    for webhook in store.webhooks:
        assert webhook.updated_at >= newest.get(webhook.key, "")
        newest[webhook.key] = webhook.updated_at
    for number, order in store.orders.items():
        assert order["updated_at"] == newest[number]


@pytest.mark.parametrize("shape", list(Shape))
def test_every_shape_decodes_to_the_order_it_is_about(shape) -> None:
    for webhook in Store(5, shape=shape).events(60):
        document = decode(webhook.body, event=webhook.url_event)
        assert (document.kind, document.key) == (webhook.kind, webhook.key)
        assert document.updated_at == webhook.updated_at


def test_raw_bodies_carry_numbers_as_database_strings() -> None:
    store = Store(5, shape=Shape.RAW)
    _, webhooks = store.place()
    order = orjson.loads(webhooks[-1].body)["order"]
    assert order["entity_id"] == "1"
    assert order["grand_total"] == f"{float(order['grand_total']):.4f}"
    assert isinstance(order["addresses"][0]["street"], str)
    assert "billing_address" not in order


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = (
        [webhook.body for webhook in Store(seed).events(20)] for seed in (3, 3, 4)
    )
    assert first == again != other


def test_a_step_never_changes_the_order_it_is_given() -> None:
    store = Store(2)
    number, _ = store.place()
    order = store.orders[number]
    before = copy.deepcopy(order)
    for step in (life.invoiced, life.canceled, life.held, life.uncommitted):
        step(order, "2026-03-15 00:00:00") if step is not life.uncommitted else step(order)
    assert order == before


def test_a_released_order_is_what_it_was_before_it_was_held() -> None:
    store = Store(2)
    number, _ = store.place()
    order = store.orders[number]
    at = "2026-03-15 00:00:00"
    after = life.released(life.held(order, at), at)
    assert (after["state"], after["status"]) == (order["state"], order["status"])
    assert "hold_before_state" not in after


def test_no_webhook_is_far_from_the_size_of_real_ones(store) -> None:
    sizes = sorted(len(webhook.body) for webhook in store.webhooks if webhook.kind is Kind.ORDER)
    assert 2_000 < sizes[len(sizes) // 2] < 30_000


def test_a_numbered_order_says_which_it_is_and_which_version() -> None:
    webhook = numbered_webhook(42, 3)
    document = decode(webhook.body)
    assert document.key == order_number(42)
    assert version_of(document.entity["grand_total"]) == 3
    assert numbered_webhook(42, 4).updated_at > webhook.updated_at


def test_numbered_orders_spread_over_as_many_customers_as_asked() -> None:
    hooks = [numbered_webhook(n, 1, customers=3) for n in range(30)]
    emails = Counter(decode(hook.body).entity["customer_email"] for hook in hooks)
    assert len(emails) == 3
