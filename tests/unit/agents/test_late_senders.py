"""A store whose clock is behind: its saves lose to what was read from it, and somebody is told."""

from __future__ import annotations

import dataclasses

import orjson
import pytest
from support.enrichment_shop import Org, Shop, order
from support.handler_world import NOW, World

from agents.handling.late_senders import LateSenders
from schemas.event import Via
from schemas.sender_clock import utc_text
from stream.backfill.event import SENDER
from stream.ops.alerts import Alert, Alerts

MINUTE_MS = 60_000
NEW_YORK = 5 * 60  # minutes


class Store:
    """Sends one order after the other, each so many minutes after it says it was saved."""

    def __init__(self) -> None:
        self.alerts = Alerts()
        self.world = World(late=LateSenders(self.alerts))
        self.sent = 0

    def sends(self, minute: float, late: float, number: str = "", **more):
        """Return the result of an order that is received at a minute."""
        self.sent += 1
        at_ms = NOW + int(minute * MINUTE_MS)
        sent = self.world.event(number or f"{self.sent}", **more)
        order = orjson.loads(sent.value)["order"]
        order["updated_at"] = utc_text(at_ms - int(late * MINUTE_MS))
        body = orjson.dumps({"event": sent.event, "order": order})
        envelope = dataclasses.replace(sent, value=body, received_at_ms=at_ms)
        self.world.now = at_ms
        return self.world.handle(envelope)[0].result

    @property
    def told(self) -> str:
        return self.alerts.active.get(Alert.SENDER_BEHIND, "")


def test_a_store_in_new_york_loses_to_what_was_read_and_somebody_hears_of_it():
    """Every webhook ended as superseded for five hours after a backfill, without a word."""
    store = Store()
    read = store.sends(-1, 5, "100", via=Via.BACKFILL, sender=SENDER)
    assert read.outcome.value == "synced"
    for minute in (1, 9, 17, 25, 33):
        last = store.sends(minute, NEW_YORK, "100", state="complete")
        assert last.outcome.value == "superseded"
    assert "comes 5 h 0 min after its updated_at" in store.told
    assert any("5 h 0 min before its receipt" in note for note in last.notes)


@pytest.mark.parametrize("late", [6, 11, NEW_YORK, 12 * 60])
def test_it_is_over_when_an_event_comes_in_time(late):
    store = Store()
    for minute in range(0, 50, 10):
        store.sends(minute, late + minute % 3 / 2)
    assert store.told
    assert store.sends(50, 0.1).notes == ["a note"]
    assert not store.told


@pytest.mark.parametrize(
    "lates",
    [
        [1] * 9,  # in time
        [60, 60, 60, 0.2, 60, 60, 60, 60],  # addresses of one order are edited, another is placed
        [300 - 10 * n for n in range(9)],  # a queue that catches up
        [3, 700, 41, 90, 800, 15, 200, 33, 120, 610],  # addresses of old orders, nothing else
        [60 * 24 * 40] * 9,  # an old order again and again
    ],
)
def test_what_comes_late_for_another_reason_alarms_nobody(lates):
    store = Store()
    for number, late in enumerate(lates):
        assert store.sends(10 * number, late).notes == ["a note"]
    assert not store.told


def test_a_burst_is_one_late_delivery():
    store = Store()
    for number in range(20):
        store.sends(number, 45)
    assert not store.told


def test_what_comes_again_or_is_read_counts_for_nothing():
    store = Store()
    for number in range(9):
        store.sends(10 * number, 45, via=Via.REPLAY)
        store.sends(10 * number, 45, via=Via.BACKFILL, sender=SENDER)
        store.sends(10 * number, 45, attempt=1)
        store.sends(10 * number, 45, parked_for="x")
    assert not store.told


def test_old_documents_between_hide_no_clock_that_is_behind():
    store = Store()
    for number in range(6):
        store.sends(10 * number, NEW_YORK)
        store.sends(10 * number + 5, 500 + 20 * number)
    assert "5 h 0 min" in store.told


def test_senders_are_bounded():
    store = Store()
    for number in range(150):
        store.sends(number, 45, sender=f"s{number}")
    assert len(store.world.handler.late._evidence) <= 100


def test_where_the_store_may_be_asked_it_says_what_a_clock_that_is_behind_cannot():
    """Superseded for five hours after each read; what would be is read anew, and nothing else."""
    told_at = [utc_text(NOW + minute * MINUTE_MS) for minute in range(61)]
    shop = Shop(order(1, total=10, updated_at=told_at[0]))
    org = Org(shop)
    org.enricher.clock_ms = lambda: NOW + 60 * MINUTE_MS
    read = dataclasses.replace(org.event(shop.documents[0]), via=Via.BACKFILL, sender=SENDER)
    assert org.outcomes(read) == ["synced"]

    def sends(number: int, minute: int, total: float) -> str:
        late = utc_text(NOW + (minute - NEW_YORK) * MINUTE_MS)
        event = org.event(order(number, total=total, updated_at=late))
        received = NOW + minute * MINUTE_MS
        return org.outcomes(dataclasses.replace(event, received_at_ms=received))[0]

    assert [sends(2, minute, minute) for minute in range(0, 50, 10)] == ["synced"] * 5
    assert shop.searches == []
    shop.documents = [order(1, total=99, updated_at=told_at[55])]
    assert sends(1, 55, 99) == "synced"
    assert org.sent["000000001"] == 99
    assert len(shop.searches) == 1
    assert org.states[b"order:000000001"].version == told_at[55]
