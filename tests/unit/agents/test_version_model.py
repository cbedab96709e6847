"""Guard, state and handler against a model of ten lines: what must Salesforce hold?

Deliveries shuffled, repeated, undated, with wrong clocks; edits, replays, repairs, resets; calls
that fail, workers that die between write and record. `ORDERSTREAM_MODEL_EXAMPLES` and
`ORDERSTREAM_MODEL_STEPS` make it long; `ORDERSTREAM_MODEL_FROM` is the history to begin with.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, settings
from support.version_pipe import Pipe

STEPS = 40  # of one history
RANDOM_STEPS = int(os.environ.get("ORDERSTREAM_MODEL_STEPS", "2000"))
FROM = int(os.environ.get("ORDERSTREAM_MODEL_FROM", "0"))
EXAMPLES = int(os.environ.get("ORDERSTREAM_MODEL_EXAMPLES", "30"))


def walk(die: random.Random) -> None:
    """Live one history by the die."""
    pipe = Pipe()
    pipe.opens()
    flags, clocks = (True, False), ["good"] * 5 + ["zone", "future", "garbage", "undated"]
    moves = (
        lambda: pipe.saves_it(die.randint(0, 3), die.choice([0, 0, 0, 1])),
        lambda: pipe.delivers(die, die.choice(clocks)),
        lambda: pipe.delivers_several(die, die.randint(2, 4)),
        lambda: pipe.events and pipe.replays(die, die.choice(flags)),
        lambda: pipe.events and pipe.edits(die),
        lambda: pipe.completes(die),
        pipe.repairs,
        pipe.resets,
        pipe.restarts,
        lambda: pipe.fails_once(die),
        lambda: pipe.dies_after_the_write(die),
        lambda: pipe.nothing_is_frozen(die.randint(1, 3)),
    )
    for _ in range(STEPS):
        die.choice(moves)()


def test_many_random_histories() -> None:
    for number in range(FROM, FROM + RANDOM_STEPS // STEPS):
        try:
            walk(random.Random(number))
        except AssertionError as error:
            raise AssertionError(f"history {number}") from error


@pytest.mark.parametrize("number", [4834, 6091, 20582])
def test_a_history_that_once_ended_otherwise(number) -> None:
    walk(random.Random(number))


TestPipe = Pipe.TestCase
TestPipe.settings = settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES <= 30,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

# However long it is asked to be.
pytestmark = pytest.mark.timeout(0) if EXAMPLES > 30 or RANDOM_STEPS > 2000 else []
