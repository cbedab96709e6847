"""How long a child that keeps dying is left alone."""

from __future__ import annotations

from itertools import pairwise

from stream.ops.supervisor import FIRST_RESTART_SECONDS, MAX_RESTART_SECONDS, restart_delay_seconds


def test_the_pause_doubles_up_to_a_limit_and_stays_there() -> None:
    delays = [restart_delay_seconds(deaths) for deaths in range(1, 2000)]
    assert delays[0] == FIRST_RESTART_SECONDS
    assert all(later in (2 * earlier, MAX_RESTART_SECONDS) for earlier, later in pairwise(delays))
    assert delays[-1] == MAX_RESTART_SECONDS
