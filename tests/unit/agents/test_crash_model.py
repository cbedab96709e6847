"""Workers killed at every await, by the die: nothing old is written over what is newer.

`ORDERSTREAM_CRASH_HISTORIES` makes it long, `ORDERSTREAM_MODEL_FROM` is where it begins.
"""

from __future__ import annotations

import os
import random

import pytest
from support.crash_model import live_on

HISTORIES = int(os.environ.get("ORDERSTREAM_CRASH_HISTORIES", "150"))
FROM = int(os.environ.get("ORDERSTREAM_MODEL_FROM", "0"))
STEPS = 40
# Found by this model; each was an old state over a newer one, or a part that was lost.
ONCE = (1526, 2232, 2058, 2743, 3411)
LOST = (45, 113, 168, 249, 508, 733, 1043, 1202, 1618, 1642, 1804, 1820, 1822, 1885)


def live(number: int, **options) -> None:
    cluster = live_on(random.Random(number), STEPS, **options)
    cluster.settle_all()
    told = "\n".join((f"history {number}", *cluster.story))
    assert not cluster.org.went_back, told
    assert cluster.org.fields == cluster.told or cluster.letters, told


@pytest.mark.parametrize("debounce_ms", [0, 2_000])
def test_many_histories(debounce_ms) -> None:
    for number in range(FROM, FROM + HISTORIES):
        live(number, debounce_ms=debounce_ms)


@pytest.mark.parametrize("number", ONCE)
def test_a_history_that_once_ended_otherwise(number) -> None:
    live(number)


@pytest.mark.parametrize("number", LOST)
def test_a_part_that_was_lost_once(number) -> None:
    live(number, has_parts=True)


# However long it is asked to be.
pytestmark = pytest.mark.timeout(0) if HISTORIES > 150 else []
