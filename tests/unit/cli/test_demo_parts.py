"""The demo's story has everything it promises, and its judge cannot be satisfied cheaply."""

from __future__ import annotations

import copy
from pathlib import Path

import orjson
import pytest

from cli.demo.orders import write_story
from cli.demo.report import dead_letter_lines, differences, disagreements, kind_of, varied
from cli.demo.run import KEPT_RUNS, new_run_directory
from schemas.event import Kind
from schemas.result import Outcome, Result

STORY = write_story(60, seed=1)


def record(order, **changes):
    stages = {"complete": "Closed Won", "closed": "Closed Lost", "canceled": "Closed Lost"}
    return {
        "Id": "006Os0000000001AAA",
        "Magento_Order_ID__c": order["increment_id"],
        "Amount": order["grand_total"],
        "Billing_City__c": order["billing_address"]["city"],
        "StageName": stages.get(order["state"], "Prospecting"),
        **changes,
    }


ORDERS = STORY.store.orders
RECORDS = [record(order) for order in ORDERS.values()]


def test_a_story_has_duplicates_late_deliveries_and_cancellations() -> None:
    assert STORY.repeated > 0
    assert STORY.late > 0
    assert "canceled" in {order["state"] for order in ORDERS.values()}
    kinds = {kind_of(order) for order in ORDERS.values()}
    assert {"guest", "customer"} == {kind.partition(",")[0] for kind in kinds}
    assert {"bundle", "configurable"} <= {kind.partition(", ")[2] for kind in kinds}


def test_every_placement_of_a_story_is_at_least_three_webhooks() -> None:
    for number in ORDERS:
        hooks = [hook for hook in STORY.deliveries if hook.key == number]
        assert len(hooks) >= 3


def test_the_refund_is_the_newest_state_and_is_not_among_the_deliveries() -> None:
    refund = orjson.loads(STORY.refund.body)["order"]
    assert refund["state"] == "closed"
    assert STORY.refund.key == STORY.refused
    assert STORY.refund not in STORY.deliveries
    newest = max(h.updated_at for h in STORY.deliveries if h.key == STORY.refused)
    assert refund["updated_at"] > newest


def test_the_locked_and_the_refused_order_are_two_orders() -> None:
    lock, rule = STORY.faults
    assert lock["external_id"] != rule["external_id"]
    assert {lock["external_id"], rule["external_id"]} <= set(ORDERS)


@pytest.mark.parametrize("seed", range(1, 12))
@pytest.mark.parametrize("orders", [10, 30])
def test_a_story_can_be_written_for_any_seed_and_the_smallest_number_of_orders(
    orders: int, seed: int
) -> None:
    story = write_story(orders, seed)
    assert len(story.store.orders) == orders
    assert story.refund.kind is Kind.ORDER


def test_a_copy_of_the_store_agrees_with_it() -> None:
    assert disagreements(ORDERS, RECORDS) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda records: records.pop(), "0 records instead of one"),
        (lambda records: records.append(records[0]), "2 records instead of one"),
        (lambda records: records[0].update(Amount=0.01), "Amount 0.01"),
        (lambda records: records[0].update(StageName="Closed Somehow"), "StageName"),
        (lambda records: records[0].update(Magento_Order_ID__c="999"), "a record of no order"),
    ],
)
def test_whatever_is_wrong_in_salesforce_is_a_disagreement(change, what: str) -> None:
    records = copy.deepcopy(RECORDS)
    change(records)
    assert what in " ".join(item.what for item in disagreements(ORDERS, records))


def test_an_old_stage_of_a_finished_order_is_a_difference() -> None:
    order = next(order for order in ORDERS.values() if order["state"] == "complete")
    assert differences(order, [record(order, StageName="Negotiation/Review")])
    assert not differences(order, [record(order)])


def test_the_table_shows_every_kind_of_order_before_it_repeats_one() -> None:
    numbers = varied(ORDERS)
    assert sorted(numbers) == sorted(ORDERS)
    kinds = {(kind_of(order), order["state"]) for order in ORDERS.values()}
    first = [(kind_of(ORDERS[n]), ORDERS[n]["state"]) for n in numbers[: len(kinds)]]
    assert set(first) == kinds


def test_a_dead_letter_is_shown_with_its_reason_and_its_fix() -> None:
    dead = Result(
        event_id="e1",
        kind="order",
        key="000000042",
        outcome=Outcome.DEAD,
        origin_topic="t",
        origin_partition=0,
        origin_offset=1,
        at_ms=0,
        error_code="FIELD_CUSTOM_VALIDATION_EXCEPTION",
        error_message="Ask finance.",
        error_fields=["StageName"],
    )
    text = "\n".join(line.plain for line in dead_letter_lines([dead]))
    assert "000000042" in text
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION [StageName]: Ask finance." in text
    assert len(text.partition("fix: ")[2]) > 10


def test_only_the_newest_runs_are_kept(tmp_path: Path) -> None:
    made = [new_run_directory(tmp_path / "demo") for _ in range(KEPT_RUNS + 3)]
    assert len(list((tmp_path / "demo").iterdir())) == KEPT_RUNS
    assert made[-1].exists()
