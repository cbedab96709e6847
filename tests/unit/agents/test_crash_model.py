"""Workers killed at every await, by the die: nothing old is written over what is newer.

`ORDERSTREAM_CRASH_HISTORIES` makes it long, `ORDERSTREAM_MODEL_FROM` is where it begins.
"""

from __future__ import annotations

import os
import random

import pytest
from support.crash_model import live_on
from support.crash_worker import amount_of

HISTORIES = int(os.environ.get("ORDERSTREAM_CRASH_HISTORIES", "150"))
FROM = int(os.environ.get("ORDERSTREAM_MODEL_FROM", "0"))
STEPS = 40
# Found by this model; each was an old state over a newer one.
ONCE = (1526, 2232, 2058, 2743, 3411)


def live(number: int, debounce_ms: int) -> None:
    cluster = live_on(random.Random(number), STEPS, debounce_ms=debounce_ms)
    cluster.settle_all()
    told = "\n".join((f"history {number}", *cluster.story))
    assert not cluster.org.went_back, told
    died = {amount_of(letter) for letter in cluster.letters}
    assert cluster.org.amount == cluster.made or died, told


@pytest.mark.parametrize("debounce_ms", [0, 2_000])
def test_many_histories(debounce_ms) -> None:
    for number in range(FROM, FROM + HISTORIES):
        live(number, debounce_ms)


@pytest.mark.parametrize("number", ONCE)
def test_a_history_that_once_ended_otherwise(number) -> None:
    live(number, 0)


# However long it is asked to be.
pytestmark = pytest.mark.timeout(0) if HISTORIES > 150 else []
