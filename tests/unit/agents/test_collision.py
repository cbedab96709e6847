"""Two orders with one number: the second is a dead letter, and the first stays as it is."""

from __future__ import annotations

import dataclasses

import orjson
import pytest
from support.enrichment_shop import NOW, TOPICS, Org, Shop

from agents.handling.collision import CUSTOMERS, ORDERS, collisions
from agents.handling.decode import DecodedEvent, take_in
from schemas.event import Envelope, Kind, Origin
from schemas.identity import PLAIN, CustomerKey, Identity, OrderKey
from schemas.state import State
from tests.support.real_documents import a_customer, an_order, without

BY_STORE = Identity(order_key=OrderKey.STORE)
BY_WEBSITE = Identity(
    order_key=OrderKey.WEBSITE, customer_key=CustomerKey.WEBSITE, websites={"1": "1", "2": "5"}
)
FIRST = an_order(entity_id=501, store_id=1)
SECOND = an_order(entity_id=502, store_id=2, grand_total=55.5)


def event(
    entity: dict, offset: int, kind: Kind = Kind.ORDER, identity: Identity = PLAIN
) -> DecodedEvent:
    envelope = Envelope(
        event_id=f"e{offset}",
        event=f"{kind.value}_saved",
        kind=kind,
        key="",
        received_at_ms=NOW,
        value=orjson.dumps(entity),
        origin=Origin(TOPICS.orders, 0, offset, NOW),
    )
    return take_in(envelope, identity=identity)


def state_of(item: DecodedEvent) -> State:
    return State.from_bytes(item.new_state(None, {}).to_bytes())


def told(items: list[DecodedEvent], states: dict[bytes, State]) -> list[tuple[int, str]]:
    found = collisions(items, lambda _partition, key: states.get(key))
    return [(one.item.origin.offset, one.code) for one in found]


def test_the_second_order_of_a_number_is_refused_against_the_state() -> None:
    first, second = event(FIRST, 1), event(SECOND, 2)
    states = {first.key: state_of(first)}
    assert told([second], states) == [(2, ORDERS)]
    assert told([event(FIRST, 3)], states) == []
    (one,) = collisions([second], lambda _partition, key: states.get(key))
    assert "entity_id 501 (store 1)" in one.message
    assert "entity_id 502 (store 2); set MAGENTO_ORDER_KEY=store" in one.message


def test_within_a_store_view_the_key_is_not_to_blame_and_a_reset_lets_the_number_go() -> None:
    """A save before the commit was written and rolled back: the advice led to the same letter."""
    first, again = event(FIRST, 1), event({**FIRST, "entity_id": 502}, 2)
    state = state_of(first)
    (one,) = collisions([again], lambda _partition, _key: state)
    assert "MAGENTO_ORDER_KEY" not in one.message
    assert "`orderstream reset NUMBER`" in one.message
    assert collisions([again], lambda _partition, _key: state.as_reset()) == []


def test_in_one_batch_the_first_claim_counts_whatever_is_newer() -> None:
    assert told([event(SECOND, 2), event(FIRST, 1)], {}) == [(2, ORDERS)]


def test_an_event_that_does_not_say_its_id_claims_nothing_and_forgets_nothing() -> None:
    first = event(FIRST, 1)
    quiet = event(without(FIRST, "entity_id"), 2)
    assert told([first, quiet], {}) == []
    assert quiet.new_state(state_of(first), {}).entity_id == "501"


def test_numbers_qualified_by_store_are_two_orders() -> None:
    items = [event(FIRST, 1, identity=BY_STORE), event(SECOND, 2, identity=BY_STORE)]
    assert [item.document.key for item in items] == ["1:000000417", "2:000000417"]
    assert told(items, {}) == []


def test_by_website_the_store_view_is_looked_up_for_orders_and_their_buyers() -> None:
    order = event(SECOND, 1, identity=BY_WEBSITE).document
    buyer = event(a_customer(website_id=5), 2, Kind.CUSTOMER, BY_WEBSITE).document
    assert order.key == "5:000000417"
    assert order.customer_key == buyer.key == "5:petra.lund@example.com"


@pytest.mark.parametrize(
    ("website", "expected"), [(1, []), (2, [(2, CUSTOMERS)])], ids=["registered again", "another"]
)
def test_a_customer_of_another_website_is_refused_and_one_registered_again_is_not(
    website: int, expected: list
) -> None:
    first = event(a_customer(), 1, Kind.CUSTOMER)
    second = event(a_customer(id=24, website_id=website), 2, Kind.CUSTOMER)
    assert told([second], {first.key: state_of(first)}) == expected


def test_the_worker_ends_it_as_a_dead_letter_and_writes_nothing_of_it() -> None:
    org = Org(Shop())
    one = org.event({**FIRST, "items": [{"sku": "CUP", "qty_ordered": 1}]})
    assert org.outcomes(one) == ["synced"]
    (decision,) = org.handle(
        org.event({**SECOND, "items": [{"sku": "CUP", "qty_ordered": 1}]})
    ).values()
    assert (decision.result.outcome.value, decision.result.error_code) == ("dead", ORDERS)
    assert org.sent == {"000000417": "86.0000"}


def test_what_was_accepted_under_an_older_rule_goes_on_under_its_key_of_today() -> None:
    org = Org(Shop())
    old = org.event(an_order("SO-7"))
    (decision,) = org.handle(dataclasses.replace(old, key="SO-7")).values()
    assert decision.result.outcome.value == "superseded"
    assert (decision.republish.key, decision.republish.value) == (b"so-7", old.value)


@pytest.mark.parametrize("entity_id", ["000000417", "501.0", 501.0])
def test_an_id_in_another_spelling_is_no_other_order(entity_id) -> None:
    first, again = event(FIRST, 1), event({**FIRST, "entity_id": entity_id}, 2)
    assert told([again], {first.key: state_of(first)}) == []


PART = without(an_order(grand_total=40), "entity_id")


@pytest.mark.parametrize(
    "part",
    [
        {**PART, "id": 88, "seller_id": 7},
        {**PART, "id": "88", "vendor_id": "7"},
        {**PART, "entity_id": 501, "sub_order_id": 88},
        {**PART, "suborder_id": "SO-88"},
    ],
)
def test_a_sellers_part_under_its_orders_number_overwrites_nothing(part) -> None:
    """It carries no entity id of its own, so it was the order, with a seller's share of the total."""
    whole, split = event(FIRST, 1), event(part, 2)
    states = {whole.key: state_of(whole)}
    assert told([split], states) == [(2, ORDERS)]
    assert told([whole], {split.key: state_of(split)}) == [(1, ORDERS)]
    assert told([event(part, 3)], {split.key: state_of(split)}) == []


@pytest.mark.parametrize(
    "same",
    [
        {**PART, "id": 88},
        {**PART, "id": "evt_88", "seller_id": 7},
        {**PART, "id": 88, "seller_id": None, "vendor_id": "0", "sub_order_id": ""},
        {**PART, "seller_id": 7},
        {**PART, "id": 88, "entity_id": 501, "vendor_id": 7},
        {**PART, "entity_id": 501, "sub_order_id": "501"},
        {**PART, "sub_order_id": PART["increment_id"]},
    ],
    ids=[
        *("a sender's own id", "a message's", "no seller", "no id", "split into orders"),
        *("its own id", "its own number"),
    ],
)
def test_an_order_with_a_seller_is_the_order(same) -> None:
    whole = event(FIRST, 1)
    assert told([event(same, 2)], {whole.key: state_of(whole)}) == []
