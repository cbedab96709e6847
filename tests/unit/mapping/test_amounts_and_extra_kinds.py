"""Refunds and cancellations in the amount, and rules for events beside orders and customers."""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

import orjson
import pytest

from agents.mapping.mapping import Mapping, default_text
from agents.mapping.order_document import POLICIES
from sandbox.magento import life
from sandbox.magento.life import Order
from sandbox.magento.orders import draw_draft, place
from sandbox.magento.people import draw_shopper
from sandbox.magento.store import OPENS_AT
from schemas.codec import Document, decode
from schemas.event import Kind
from stream.errors import MappingError

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "events.md"
AT = "2026-03-15 10:00:00"


def an_order(seed: int) -> Order:
    rng = random.Random(seed)
    draft = draw_draft(rng, seed, draw_shopper(rng, seed, is_guest=False))
    return place(draft, OPENS_AT, state="new", status="pending")


@cache
def mapping_with(policy: str, currency: str) -> Mapping:
    text = default_text().replace("policy: grand_total", f"policy: {policy}")
    return Mapping.parse(text.replace("currency: order", f"currency: {currency}"))


def amount(order: Order, policy: str, currency: str = "order") -> float:
    document = decode(orjson.dumps({"event": "sales_order_save_after", "order": order}))
    rows = mapping_with(policy, currency).apply(document, received_at_ms=1).rows
    return next(row for row in rows if row.sobject == "Opportunity").whole["Amount"]


def amounts(order: Order) -> tuple[float, ...]:
    return tuple(amount(order, policy) for policy in POLICIES[:3])


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("prefix", ["", "base_"])
def test_an_orders_whole_life_under_every_policy(seed: int, prefix: str) -> None:
    currency = "base" if prefix else "order"

    def seen(order: Order) -> list[float]:
        return [amount(order, policy, currency) for policy in POLICIES[:3]]

    placed = an_order(seed)
    total = placed[f"{prefix}grand_total"]
    paid = life.invoiced(placed, AT)
    partly = life.partly_refunded(paid, AT)
    back = partly[f"{prefix}total_refunded"]
    assert 0 < back < total
    assert seen(placed) == [total, 0, total]
    assert seen(paid) == [total, total, total]
    left = pytest.approx(total - back, abs=0.005)
    assert seen(partly) == [total, left, left]
    assert seen(life.refunded(paid, AT)) == [total, 0, 0]
    assert seen(life.canceled(placed, AT)) == [total, 0, 0]


def test_a_part_that_was_paid_stays_when_the_rest_is_canceled() -> None:
    half = life.partly_invoiced(an_order(3), AT)
    rest = life.rest_canceled(half, AT)
    paid = half["total_paid"]
    assert rest["total_canceled"] == pytest.approx(rest["grand_total"] - paid)
    assert amounts(rest) == (rest["grand_total"], paid, pytest.approx(paid))
    back = life.refunded(rest, AT)
    assert amounts(back)[1:] == (0, pytest.approx(0))


def test_a_refund_with_a_fee_leaves_the_fee() -> None:
    refunded = life.refunded(life.invoiced(an_order(4), AT), AT)
    refunded["total_refunded"] = refunded["total_paid"] - 5
    assert amounts(refunded)[1:] == (pytest.approx(5), pytest.approx(5))


@pytest.mark.parametrize("policy", POLICIES[1:3])
def test_raw_text_numbers_count_like_numbers(policy: str) -> None:
    order = {"increment_id": "1", "grand_total": "100.0000", "total_paid": "100.0000"}
    order |= {"total_refunded": "30.5000", "total_canceled": None, "created_at": AT}
    assert amount(order, policy) == 69.5


def test_without_totals_in_the_wanted_currency_the_other_one_is_used_whole() -> None:
    order = {"increment_id": "1", "grand_total": 100, "total_refunded": 30, "created_at": AT}
    assert amount(order, POLICIES[2], "base") == 70


def test_an_announcement_is_refused_with_the_ways_out() -> None:
    told = {"id": "673", "increment_id": "7", "updated_at": AT}
    document = decode(orjson.dumps({"event": "sales_order_save_commit_after", "order": told}))
    with pytest.raises(MappingError, match="read the order from Magento"):
        Mapping.load().apply(document, received_at_ms=1)


def examples() -> dict[str, str]:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    return {block.partition(":")[0]: block for block in blocks}


def with_example(name: str) -> Mapping:
    return Mapping.parse(default_text() + "\n" + examples()[name])


def said(kind: Kind, entity: dict) -> Document:
    return Document("x", kind, "claire@example.com", entity, "")


@pytest.mark.parametrize(("status", "is_out"), [(1, False), ("1", False), (2, True), ("3", True)])
def test_the_newsletter_example_opts_out_and_in_again(status, is_out) -> None:
    mapping = with_example("subscriber")
    (row,) = mapping.apply(said(Kind.SUBSCRIBER, {"subscriber_status": status})).rows
    assert (row.sobject, row.external_id) == ("Contact", "claire@example.com")
    assert row.fields == {"HasOptedOutOfEmail": is_out}
    assert row.insert_fields["LastName"] == "claire"
    assert row.version == ""


def test_the_deletion_example_marks_the_contact() -> None:
    mapping = with_example("customer_deleted")
    (row,) = mapping.apply(said(Kind.CUSTOMER_DELETED, {"lastname": "Durand"})).rows
    assert row.fields == {"Deleted_In_Magento__c": True}
    assert row.insert_fields == {"LastName": "Durand"}


def test_without_rules_such_events_write_nothing_and_say_so() -> None:
    mapped = Mapping.load().apply(said(Kind.SUBSCRIBER, {}))
    assert mapped.rows == ()
    assert "no rules" in mapped.notes[0]
