"""What tells one document, person or clock from another, at each bound."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.email import as_key
from schemas.event import Kind
from schemas.identity import CustomerKey, Identity, told_id
from schemas.sender_clock import Clock, SenderTime, in_hours, sender_time

RECEIVED_MS = int(datetime(2026, 3, 14, 18, 2, 15, tzinfo=UTC).timestamp() * 1000)
HOUR = 3600


@pytest.mark.parametrize(
    ("text", "late_seconds"),
    [
        ("2026-03-14 17:57:15", 0),  # the tolerance
        ("2026-03-14 17:57:14", 301),
        ("2026-03-14 13:02:15", 5 * HOUR),
        ("2026-03-14 04:02:15", 14 * HOUR),
        ("2026-03-14 04:02:14", 0),  # an old document
        ("2026-03-14 18:02:15", 0),
        ("2026-03-14 18:07:15", 0),
        ("2026-03-14 19:02:15", 0),
    ],
)
def test_how_late_an_event_comes(text: str, late_seconds: int) -> None:
    assert sender_time(text, RECEIVED_MS).late_seconds == late_seconds


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 min"),
        (29, "0 min"),
        (89, "1 min"),
        (59 * 60, "59 min"),
        (HOUR, "1 h 0 min"),
        (5 * HOUR + 7 * 60, "5 h 7 min"),
        (61 * 60, "1 h 1 min"),
    ],
)
def test_a_duration_is_said_in_hours_and_minutes(seconds: float, told: str) -> None:
    assert in_hours(seconds) == told


def test_a_result_says_how_far_behind_the_sender_is() -> None:
    late = SenderTime("2026-03-14 13:02:15", Clock.BEHIND, "2026-03-14 13:02:15", 5 * HOUR)
    assert late.note == (
        "updated_at 2026-03-14 13:02:15 is 5 h 0 min before its receipt, as in all events of "
        "this sender lately: its clock is behind, or its queue"
    )


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("jo@example.com", "jo@example.com"),
        ("müller@müller.example", "müller@müller.example"),
        ("strauß@example.com", "strau%c3%9f@example.com"),
        ("strauss@example.com", "strauss@example.com"),
        ("jo@straße.example", "jo@xn--strae-oqa.example"),
        ("jo@a.straße.müller.example", "jo@a.xn--strae-oqa.müller.example"),
        ("a@b@strauß.example", "a@b@xn--strau-pqa.example"),
        ("νίκος@example.com", "νίκο%cf%82@example.com"),
    ],
)
def test_letters_that_salesforce_may_take_for_others_are_written_out(
    address: str, key: str
) -> None:
    assert as_key(address) == key
    assert key.casefold() == key


@pytest.mark.parametrize(
    ("document", "kind", "found"),
    [
        ({"entity_id": 17, "id": 5}, Kind.ORDER, "17"),
        ({"id": 5}, Kind.ORDER, ""),
        ({"entity_id": "000000417"}, Kind.ORDER, ""),
        ({"id": 5}, Kind.CUSTOMER, "5"),
        ({"entity_id": "007"}, Kind.CUSTOMER, "007"),
        ({}, Kind.CUSTOMER, ""),
        ({"id": 5}, None, "5"),
    ],
)
def test_which_id_is_the_stores(document: dict[str, object], kind: Kind | None, found: str) -> None:
    assert told_id(document, kind) == found


def test_a_store_view_that_nobody_named_has_no_website() -> None:
    identity = Identity(customer_key=CustomerKey.WEBSITE, websites={"1": "base"})
    order = {"customer_email": "jo@example.com"}
    assert identity.key_of_buyer(order | {"store_id": 1}) == "base:jo@example.com"
    assert identity.key_of_buyer(order | {"store_id": 2}) == ""
    assert "store_id 2 is not known" in identity.lack_of_buyer(order | {"store_id": 2})


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"entity_id": 5, "sub_order_id": 8}, "part 8"),
        ({"entity_id": 5, "suborder_id": "8"}, "part 8"),
        ({"sub_order_id": "", "suborder_id": 9}, "part 9"),  # the first that says something
        ({"entity_id": 5, "sub_order_id": 5}, "5"),  # an order that was not split
        ({"entity_id": 5, "increment_id": "000000007", "sub_order_id": "000000007"}, "5"),
        ({"entity_id": 5, "sub_order_id": None, "seller_id": 3}, "5"),
        ({"id": 6, "seller_id": 3}, "6"),
        ({"id": 6, "vendor_id": 3}, "6"),
        ({"id": 6, "seller_id": None}, ""),  # nobody's part: its sender's own id
        ({"id": 6, "seller_id": None, "vendor_id": 3}, "6"),
        ({"id": "A6", "seller_id": 3}, ""),
        ({"id": 6, "entity_id": 5, "seller_id": 3}, "5"),
        ({"seller_id": 3}, ""),
        ({"id": 6}, ""),
        ({"id": 6, "sub_order_id": None}, ""),
        ({"entity_id": 5}, "5"),
    ],
)
def test_a_sellers_part_of_an_order_is_another_document(
    document: dict[str, object], found: str
) -> None:
    assert told_id(document, Kind.ORDER) == found
