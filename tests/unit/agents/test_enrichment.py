"""Events without content are completed by the store, or wait; nobody else waits with them."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from support.enrichment_shop import NOW, SAVED, SHIPPED, TOPICS, Org, Shop, order

from agents.handling.enrichment import AWAY_SECONDS, handle_of, is_incomplete
from sandbox.magento.life import uncommitted
from sandbox.magento.store import Store
from schemas.event import ErrorInfo, Kind, Via
from schemas.headers import envelope_of
from stream.ops.alerts import Alert

READS = SHIPPED.reads(Kind.ORDER)


def notice(n, updated_at=SAVED):
    """What Adobe's starter kit sends of an order."""
    return {
        "id": n,
        "increment_id": f"{n:09d}",
        "created_at": updated_at,
        "updated_at": updated_at,
    }


def test_notifications_of_a_batch_are_completed_with_one_call():
    org = Org(Shop(*(order(n, total=n * 10) for n in range(1, 51))))
    events = [org.event(notice(n)) for n in range(1, 51)]
    assert org.outcomes(*events) == ["synced"] * 50
    assert org.sent == {f"{n:09d}": n * 10 for n in range(1, 51)}
    assert len(org.shop.searches) == 1


def test_an_event_with_content_asks_the_store_nothing():
    org = Org(Shop())
    assert org.outcomes(org.event(order(1))) == ["synced"]
    assert not org.shop.searches


def test_an_order_that_names_only_its_id_gets_its_number():
    org = Org(Shop(order(7)))
    announced = org.event({"entity_id": 7, "updated_at": SAVED, "quote_id": 1})
    (decision,) = org.handle(announced).values()
    assert decision.result.outcome.value == "superseded"
    assert (org.sent, org.states) == ({}, {}), "this may be another worker's order"

    moved = decision.republish
    assert (moved.topic, moved.key, moved.partition) == (TOPICS.orders, b"000000007", None)
    event = consumed(moved, offset=100)
    assert event.event_id in decision.result.reason
    assert org.outcomes(event) == ["synced"]
    assert org.sent == {"000000007": 10}
    assert list(org.states) == [b"order:000000007"]
    assert len(org.shop.searches) == 1, "it is complete: nobody asks again"


def test_an_event_that_moved_twice_because_its_worker_was_killed_is_unchanged_the_second_time():
    org = Org(Shop(order(7)))
    announced = org.event({"entity_id": 7, "updated_at": SAVED})
    events = []
    for offset in (100, 101):
        (decision,) = org.handle(announced).values()
        events.append(consumed(decision.republish, offset=offset))
    assert events[0].event_id[-19:] == events[1].event_id[-19:] != announced.event_id[-19:]
    assert [org.outcomes(event) for event in events] == [["synced"], ["unchanged"]]


def test_what_moves_leaves_its_failures_behind_and_keeps_who_wanted_it():
    org = Org(Shop(order(7)))
    tried = dataclasses.replace(
        org.event({"entity_id": 7, "updated_at": SAVED}),
        attempt=1,
        first_failed_at_ms=NOW,
        not_before_ms=NOW,
        error=ErrorInfo("transient", "NOT_IN_MAGENTO", "not yet"),
        via=Via.REPLAY,
        job_id="replay-1",
        is_forced=True,
        sender="hmac",
        signature_key="1",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    (decision,) = org.handle(tried).values()
    event = consumed(decision.republish, offset=100)
    assert (event.attempt, event.error, event.not_before_ms) == (0, None, None)
    assert (event.via, event.job_id, event.is_forced) == (Via.REPLAY, "replay-1", True)
    assert (event.event, event.received_at_ms) == (tried.event, tried.received_at_ms)
    assert event.traceparent == tried.traceparent
    assert (event.sender, event.signature_key) == ("rest", ""), "nobody signed these bytes"


def test_a_customer_whose_mail_has_changed_since_goes_on_under_the_new_one():
    ann = {"id": 5, "email": "New@Example.com", "firstname": "Ann", "updated_at": SAVED}
    org = Org(Shop(ann))
    bare = {"id": 5, "email": "old@example.com", "updated_at": SAVED}
    (decision,) = org.handle(org.event(bare, kind=Kind.CUSTOMER)).values()
    assert (decision.republish.topic, decision.republish.key) == (
        TOPICS.customers,
        b"new@example.com",
    )
    assert org.outcomes(consumed(decision.republish, offset=100)) == ["synced"]


def consumed(record, *, offset):
    """What a worker reads of a record that was published."""
    return envelope_of(
        topic=record.topic,
        partition=1,
        offset=offset,
        timestamp_ms=NOW,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )


def test_an_order_sent_before_its_commit_is_read_again():
    store = Store(seed=3)
    number, _ = store.place()
    committed = store.orders[number]
    assert is_incomplete(Kind.ORDER, uncommitted(committed), READS)
    assert not is_incomplete(Kind.ORDER, committed, READS)
    org = Org(Shop(committed))
    assert org.outcomes(org.event(uncommitted(committed))) == ["synced"]
    assert len(org.shop.searches) == 1


def test_the_store_away_costs_no_attempt_and_nobody_else_waits():
    org = Org(Shop(order(1), order(2)))
    org.shop.is_away = True
    event, whole = org.event(notice(1)), org.event(order(2))
    found = org.handle(event, whole)
    waiting = found[event.event_id]
    assert waiting.result.outcome.value == "parked"
    assert "Magento answers 503" in waiting.result.reason
    assert waiting.republish.topic == TOPICS.retry_tiers[0]
    assert found[whole.event_id].result.outcome.value == "synced"

    again = envelope_of(
        topic=TOPICS.due,
        partition=0,
        offset=1,
        timestamp_ms=NOW,
        key=waiting.republish.key,
        value=waiting.republish.value,
        headers=waiting.republish.headers,
    )
    assert again.attempt == 0
    for _ in range(50):  # however long it is away: never dead
        org.now += AWAY_SECONDS + 1
        assert org.outcomes(again) == ["parked"]
    org.shop.is_away = False
    org.now += AWAY_SECONDS + 1
    assert org.outcomes(again) == ["synced"]


@pytest.mark.parametrize("status", [401, 503])
def test_a_store_that_refuses_or_stays_away_is_told_until_it_answers(status):
    """A token that was taken back: every event without content waited, and no alert said why."""
    org = Org(Shop(order(1)))
    org.shop.is_away, org.shop.status = True, status
    told = []
    for _ in range(4):
        org.outcomes(org.event(notice(1)))
        told.append(org.alerts.active.get(Alert.STORE_AWAY, ""))
        org.now += 120
    assert [bool(one) for one in told] == ([True] * 4 if status == 401 else [False] * 3 + [True])
    assert told[-1].startswith(f"Magento answers {status}")
    org.shop.is_away = False
    org.outcomes(org.event(notice(1)))
    assert org.alerts.active == {}


def test_a_store_that_is_away_is_not_asked_by_every_batch():
    org = Org(Shop())
    org.shop.is_away = True
    for n in range(1, 10):
        assert org.outcomes(org.event(notice(n))) == ["parked"]
    assert len(org.shop.searches) == 1


def test_a_store_that_never_answers_holds_a_batch_only_so_long():
    class Hanging(Shop):
        async def search(self, resource, search):
            await asyncio.Event().wait()

    org = Org(Hanging())
    org.enricher.deadline_seconds = 0.01
    assert org.outcomes(org.event(notice(1))) == ["parked"]


def test_an_order_that_was_rolled_back_ends_as_a_dead_letter_that_says_so():
    org = Org(Shop())
    event = org.event(notice(1))
    outcomes = []
    for _ in range(3):
        (decision,) = org.handle(event).values()
        outcomes.append(decision.result.outcome.value)
        event = dataclasses.replace(event, attempt=decision.envelope.attempt)
    assert outcomes == ["retry", "retry", "dead"]
    assert decision.result.error_code == "NOT_IN_MAGENTO"
    assert "rolled back" in decision.result.error_message


def test_a_store_that_does_not_show_the_save_yet_is_asked_later():
    org = Org(Shop(order(1, updated_at="2026-03-14 17:00:00")))
    assert org.outcomes(org.event(notice(1))) == ["retry"]
    org.shop.documents = [order(1, total=20)]
    assert org.outcomes(org.event(notice(1))) == ["synced"]
    assert org.sent == {"000000001": 20}


def test_version_and_digest_are_those_of_the_completed_order():
    org = Org(Shop(order(1, total=20, updated_at="2026-03-14 18:05:00")))
    assert org.outcomes(org.event(notice(1))) == ["synced"]
    assert org.states[b"order:000000001"].version == "2026-03-14 18:05:00"
    # The same content, told of twice, and an older save with content:
    later = org.event(notice(1, "2026-03-14 18:05:00"))
    assert org.outcomes(later) == ["unchanged"]
    assert org.outcomes(org.event(order(1, total=10))) == ["superseded"]


def test_a_customer_that_is_only_an_address_is_completed():
    ann = {"id": 5, "email": "Ann@Example.com", "firstname": "Ann", "updated_at": SAVED}
    org = Org(Shop(ann))
    bare = {"email": "ann@example.com", "updated_at": SAVED}
    assert org.outcomes(org.event(bare, kind=Kind.CUSTOMER)) == ["synced"]
    assert org.shop.searches == [("CUSTOMERS", "email", "ann@example.com")]


@pytest.mark.parametrize(
    ("entity", "handle"),
    [
        ({"entity_id": 3, "increment_id": "x"}, ("entity_id", "3")),
        ({"id": "3"}, ("entity_id", "3")),
        ({"id": "3", "increment_id": "00A"}, ("increment_id", "00a")),
        ({"id": "3", "real_order_id": "00A"}, ("increment_id", "00a")),
        ({"increment_id": "00A"}, ("increment_id", "00a")),
        ({"entity_id": "1,2"}, None),
        ({}, None),
    ],
)
def test_the_most_exact_name_is_asked_for(entity, handle):
    assert handle_of(Kind.ORDER, entity) == handle


def test_a_flows_own_id_beside_the_number_is_no_orders():
    """Order 55 was read, and written once more; what the event told of order 7 was superseded."""
    org = Org(Shop(order(7, total=70), order(55, total=550)))
    told = {"id": 55, "increment_id": "000000007", "status": "complete", "updated_at": SAVED}
    assert org.outcomes(org.event(told)) == ["synced"]
    assert org.sent == {"000000007": 70}


def test_a_flows_own_id_beside_a_customers_is_no_customers():
    """Customer 5, a stranger, was read, and what was told of customer 7 was superseded."""
    for told in ({"id": 5, "customer_id": 7}, {"entity_id": "5", "customer_id": "7"}):
        entity = {**told, "email": "Jane@example.com"}
        assert handle_of(Kind.CUSTOMER, entity) == ("email", "jane@example.com")
    same = {"id": 7, "customer_id": "7", "email": "jane@example.com"}
    assert handle_of(Kind.CUSTOMER, same) == ("entity_id", "7")


@pytest.mark.parametrize("kind", [Kind.SUBSCRIBER, Kind.CUSTOMER_DELETED])
def test_other_kinds_of_events_are_what_they_are(kind) -> None:
    assert handle_of(kind, {"entity_id": 1, "email": "jane@example.com"}) is None


def test_of_two_orders_with_one_number_the_one_of_the_same_store_view_completes_the_event():
    first, second = order(7, 10, store_id=1), order(8, 99, store_id=2)
    second["increment_id"] = first["increment_id"]
    org = Org(Shop(second, first))
    told = {"increment_id": first["increment_id"], "store_id": 1, "updated_at": SAVED}
    assert org.outcomes(org.event(told)) == ["synced"]
    assert org.sent == {first["increment_id"]: 10}


def test_two_orders_with_one_number_that_nothing_tells_apart_are_a_dead_letter():
    first, second = order(7, 10), order(8, 99)
    second["increment_id"] = first["increment_id"]
    org = Org(Shop(second, first))
    event = org.event({"increment_id": first["increment_id"], "updated_at": SAVED})
    (decision,) = org.handle(event).values()
    assert decision.result.outcome.value == "dead"
    assert "two orders have this number or e-mail" in decision.result.reason
    assert org.sent == {}
