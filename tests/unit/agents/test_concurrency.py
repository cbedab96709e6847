from __future__ import annotations

from agents.pacing.adaptive_concurrency import AdaptiveSlots


def calm(slots: AdaptiveSlots, count: int, *, start: float = 0.0, seconds: float = 0.3) -> float:
    for n in range(count):
        slots.answered(start + n, seconds=seconds, rows=200)
    return start + count


def test_it_starts_with_all_slots():
    slots = AdaptiveSlots(least=1, most=8)
    assert slots.limit == 8
    slots.in_flight = 8
    assert not slots.is_free


def test_a_groan_halves_and_calls_that_fail_together_count_once():
    slots = AdaptiveSlots(least=1, most=8)
    for _ in range(8):
        slots.overloaded(100.0)
    assert slots.limit == 4


def test_it_never_leaves_its_bounds():
    slots = AdaptiveSlots(least=2, most=8)
    for n in range(20):
        slots.overloaded(n * 10.0)
    assert slots.limit == 2
    calm(slots, 500, start=1000)
    assert slots.limit == 8


def test_it_climbs_by_about_one_slot_per_round_of_answers():
    slots = AdaptiveSlots(least=1, most=8)
    slots.overloaded(0)
    slots.overloaded(10)
    assert slots.limit == 2
    now = calm(slots, 2, start=20)
    assert slots.limit == 2
    calm(slots, 1, start=now)
    assert slots.limit == 3


def test_rising_latency_takes_slots_away_and_a_steady_one_does_not():
    steady, rising = AdaptiveSlots(least=1, most=8), AdaptiveSlots(least=1, most=8)
    calm(steady, 100, seconds=3)
    now = calm(rising, 50, seconds=1)
    calm(rising, 12, start=now, seconds=6)
    assert steady.limit == 8
    assert rising.limit < 8


def test_an_org_that_stays_slow_with_the_fewest_calls_gets_all_slots_again():
    """Seen at 1.2 s a call after 20 ms: one call at a time for minutes, and 60 orders/s waited."""
    slots = AdaptiveSlots(least=1, most=5)
    now = calm(slots, 50, seconds=0.02)
    now = calm(slots, 10, start=now, seconds=1.2)
    assert slots.limit == 1
    calm(slots, 20, start=now, seconds=1.2)
    assert slots.limit == 5


def test_few_rows_after_many_are_not_compared_with_them():
    slots = AdaptiveSlots(least=1, most=8)
    for n in range(50):
        slots.answered(n, seconds=0.1, rows=1)
    for n in range(50, 80):
        slots.answered(n, seconds=4, rows=600)
    assert slots.limit == 8


def test_calls_that_count_as_long_running_take_slots_away():
    slots = AdaptiveSlots(least=1, most=8)
    slots.answered(0, seconds=21, rows=200)
    assert slots.limit == 6
