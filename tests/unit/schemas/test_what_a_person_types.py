"""Who names an order or a customer need not know what stands before the number or the address."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from schemas.identity import PLAIN, CustomerKey, Identity, OrderKey, is_meant
from stream.dlq.index import LetterFilter, find_letter
from stream.errors import JobError

BY_STORE = Identity(instance="FR", order_key=OrderKey.STORE)
BY_WEBSITE = Identity(
    order_key=OrderKey.WEBSITE, customer_key=CustomerKey.WEBSITE, websites={"1": "1", "2": "5"}
)
OTHER_CUSTOMERS = ["xp@example.com", "eu:p@example.com"]
OTHERS_OF_STORES = ["fr:id:417", "de:2:417", "fr:2:1417"]


@pytest.mark.parametrize(
    ("identity", "text", "meant", "others"),
    [
        (PLAIN, "417", ["417"], ["2:417", "id:417", "1417"]),
        (BY_STORE, "417", ["fr:417", "fr:2:417", "fr:12:417"], OTHERS_OF_STORES),
        (BY_STORE, "2:417", ["fr:2:417"], ["fr:3:417", "fr:417"]),
        (BY_STORE, "FR:2:417", ["fr:2:417"], ["fr:3:417"]),
        (BY_STORE, "id:417", ["fr:id:417"], ["fr:2:417"]),
        (BY_STORE, "p@example.com", ["p@example.com"], ["5:p@example.com"]),
        (BY_WEBSITE, "P@example.com", ["p@example.com", "7:p@example.com"], OTHER_CUSTOMERS),
        (
            BY_WEBSITE,
            "5:p@example.com",
            ["5:p@example.com"],
            ["7:p@example.com", "7:5:p@example.com"],
        ),
        (Identity(order_key=OrderKey.STORE), "417", ["417", "2:417"], ["id:417", "2:1417"]),
        (BY_STORE, "", [""], ["fr:2:417"]),
    ],
)
def test_a_number_stands_for_its_keys(identity, text, meant, others):
    key, pattern = identity.key_of_target(text), identity.pattern_of_target(text)
    assert [one for one in (*meant, *others) if is_meant(one, key, pattern)] == meant


@pytest.mark.parametrize(
    ("identity", "text"),
    [(PLAIN, "417"), (PLAIN, "p@example.com"), (BY_WEBSITE, "5:p@example.com"), (BY_STORE, "")],
)
def test_one_key_needs_no_pattern(identity, text):
    assert identity.pattern_of_target(text) == ""


def letters(*keys):
    return [
        SimpleNamespace(id=f"0-{n}", event_id=f"e{n}", key=key, at_ms=n)
        for n, key in enumerate(keys)
    ]


def test_a_dead_letter_is_found_by_the_number_and_of_several_orders_none_is_taken():
    key, pattern = BY_STORE.key_of_target("417"), BY_STORE.pattern_of_target("417")
    one = SimpleNamespace(unread={}, letters=lambda: letters("fr:2:418", "fr:2:417", "fr:2:417"))
    assert find_letter(one, "417", key, pattern).id == "0-2"
    two = SimpleNamespace(unread={}, letters=lambda: letters("fr:2:417", "fr:3:417"))
    with pytest.raises(JobError, match="several: fr:2:417, fr:3:417; say which"):
        find_letter(two, "417", key, pattern)
    wanted = LetterFilter(key=key, pattern=pattern)
    assert [wanted.fits(letter) for letter in letters("fr:3:417", "fr:3:418")] == [True, False]
