"""Completed by the store: a correction, what an older rule of keys accepted, what was erased."""

from __future__ import annotations

import dataclasses

import pytest
from support.enrichment_shop import NOW, SAVED, TOPICS, Org, Shop, order

from agents.handling.debounce import Debounce
from agents.handling.decode import take_in
from agents.handling.intent import behind_lines
from schemas.erasure import marker_key
from schemas.event import Via
from schemas.headers import envelope_of
from schemas.identity import Identity, OrderKey
from schemas.sender_clock import utc_text
from schemas.state import State
from stream.sender_names import Sender


def consumed(record, *, offset):
    """What a worker reads of a record that was published."""
    return envelope_of(
        topic=record.topic,
        partition=0,
        offset=offset,
        timestamp_ms=NOW,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )


def edited(envelope):
    """The envelope of a letter that a person requeued with other bytes."""
    return dataclasses.replace(
        envelope, sender=Sender.HMAC, via=Via.REQUEUE, corrects="0a1b2c", edited_at_ms=NOW
    )


def test_what_a_person_corrected_is_not_taken_from_the_store():
    org = Org(Shop(order(1, total=10)))
    partial = {"increment_id": "000000001", "updated_at": SAVED, "grand_total": 77}
    assert org.outcomes(edited(org.event(partial))) == ["synced"]
    assert org.sent == {"000000001": 77}


def test_what_a_correction_leaves_out_is_completed():
    org = Org(Shop(order(1, total=10)))
    partial = {"increment_id": "000000001", "updated_at": SAVED, "state": "complete"}
    assert org.outcomes(edited(org.event(partial))) == ["synced"]
    assert org.sent == {"000000001": 10}
    assert org.states[b"order:000000001"].rank == 2


@pytest.mark.parametrize("sender", [Sender.HMAC, Sender.MODULE])
def test_a_notice_that_an_older_rule_of_keys_accepted_is_completed_under_its_own_key(sender):
    org = Org(Shop(order(1, total=10, store_id=1)))
    announced = {"increment_id": "000000001", "updated_at": SAVED, "store_id": 1}
    event = dataclasses.replace(org.event(announced), sender=sender)
    by_store = Identity(order_key=OrderKey.STORE)
    org.handler.identity = org.enricher.identity = by_store
    (decision,) = org.handle(event).values()
    assert decision.republish.key == b"1:000000001"
    moved = consumed(decision.republish, offset=100)
    assert moved.sender == sender
    assert org.outcomes(moved) == ["synced"]
    assert org.sent == {"1:000000001": 10}


def test_an_event_of_somebody_erased_asks_the_store_nothing_and_leaves_no_letter():
    org = Org(Shop())
    event = dataclasses.replace(
        org.event({"increment_id": "000000001", "updated_at": SAVED, "customer_email": "a@b.de"}),
        attempt=len(TOPICS.retry_tiers),
    )
    org.states[marker_key(b"order:000000001")] = State("2030-01-01 00:00:00", "", "", 0, 0)
    assert org.outcomes(event) == ["superseded"]
    assert not org.shop.searches


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (utc_text(NOW + 1_800_000), utc_text(NOW + 1_800_000)),  # its clock is half an hour ahead
        (f"{SAVED}.25", SAVED),  # PHP's DateTime has a fraction, the store's column has none
    ],
)
def test_the_same_save_in_the_store_is_not_behind_its_event(told, shown):
    """It waited for what was there, and died of it."""
    org = Org(Shop(order(1, updated_at=shown)))
    org.enricher.clock_ms = lambda: NOW
    org.handler.clock_tolerance_seconds = org.enricher.tolerance_seconds = 3_600
    assert org.outcomes(org.event({"increment_id": "000000001", "updated_at": told})) == ["synced"]


def test_what_the_store_has_yet_to_complete_lets_no_settling_order_go():
    """It is asked for once more when it comes back, and may be gone by then."""
    org = Org(Shop(order(1)))
    org.handler.debounce_ms, org.handler.settling = 2_000, Debounce(max_ms=10_000)
    whole = org.event(order(1, total=5, updated_at="2026-03-14 17:59:58"))
    notice = org.event({"increment_id": "000000001", "updated_at": SAVED})
    assert org.outcomes(whole, notice) == ["parked", "parked"]
    org.shop.documents.clear()
    back = [dataclasses.replace(event, not_before_ms=NOW) for event in (whole, notice)]
    assert [org.outcomes(event) for event in back] == [["synced"], ["retry"]]


DAY_MS = 86_400_000


def moved_to_its_number(org):
    """A notice by id alone, of thirty days ago and replayed, as it goes on under its number."""
    org.enricher.clock_ms = lambda: NOW
    notice = org.event({"entity_id": 1, "updated_at": utc_text(NOW - 50 * DAY_MS)})
    replayed = {"received_at_ms": NOW - 30 * DAY_MS, "via": Via.REPLAY}
    (decision,) = org.handle(dataclasses.replace(notice, **replayed)).values()
    return consumed(decision.republish, offset=100)


def test_what_was_read_and_moved_counts_from_when_it_was_read():
    """Bounded by the receipt of its notice, the store's newest word was older than any state."""
    org = Org(Shop(order(1, total=20, updated_at=utc_text(NOW - DAY_MS))))
    before = order(1, total=10, updated_at=utc_text(NOW - 7 * DAY_MS))
    assert org.outcomes(org.event(before)) == ["synced"]
    event = moved_to_its_number(org)
    (decision,) = org.handle(event).values()
    assert (decision.result.outcome.value, decision.result.notes) == ("synced", [])
    assert org.states[b"order:000000001"].version == utc_text(NOW - DAY_MS)


def test_what_was_read_and_moved_undoes_no_correction():
    saved = utc_text(NOW - 40 * DAY_MS)
    org = Org(Shop(order(1, total=10, updated_at=saved)))
    assert org.outcomes(edited(org.event(order(1, total=77, updated_at=saved)))) == ["synced"]
    assert org.outcomes(moved_to_its_number(org)) == ["superseded"]
    assert org.sent == {"000000001": 77}


def test_a_replayed_document_of_the_store_stands_behind_a_long_line():
    """It is whole as it came: to prepare it again asks the store nothing."""
    org = Org(Shop())
    event_id = "01900000-0000-7000-8000-000000000000"
    event = dataclasses.replace(
        org.event(order(1)), event_id=event_id, sender="rest", via=Via.REPLAY
    )
    item = take_in(event, identity=Identity())
    assert behind_lines([item], set(), lambda _: True) == ([], [("a@b.de", event)])
