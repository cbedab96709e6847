"""The pause doubles, has a cap, and no number of failures overflows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.backoff import Backoff

RULE = Backoff(first_seconds=0.5, cap_seconds=30.0)


def test_the_pause_doubles_up_to_the_cap():
    assert [RULE.seconds(n) for n in (1, 2, 3, 6, 7, 8)] == [0.5, 1.0, 2.0, 16.0, 30.0, 30.0]


@pytest.mark.parametrize("failures", [-1, 0])
def test_before_any_failure_it_is_the_first_pause(failures):
    assert RULE.seconds(failures) == 0.5


def test_half_a_chance_is_half_the_pause():
    assert [RULE.drawn_seconds(3, chance) for chance in (0.0, 0.5, 1.0)] == [0.0, 1.0, 2.0]


@given(st.integers(0, 10**9), st.floats(0, 1))
def test_what_is_drawn_is_a_part_of_the_pause(failures, chance):
    assert 0 <= RULE.drawn_seconds(failures, chance) <= RULE.seconds(failures) <= 30.0
