"""A leak is seen, a cache that fills is none, and who lived too short is judged by nobody."""

import pytest

from chaos.vitals import LEAST_SAMPLES, Sample, Vitals, growth

FLAT = [Sample(100.0, 40)] * 40


def test_a_flat_process_is_flat():
    assert growth(FLAT) == ""


def test_a_cache_that_fills_in_the_first_quarter_is_no_leak():
    assert growth([*(Sample(50.0 + 10 * n, 10 + n) for n in range(10)), *FLAT[:30]]) == ""


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([Sample(100.0 + 4 * n, 40) for n in range(40)], "memory grew from 158 to 238 MB"),
        ([Sample(100.0, 40 + 2 * n) for n in range(40)], "open files grew from 69 to 109"),
    ],
)
def test_what_grows_all_the_time_is_named_with_its_figures(samples, said):
    assert growth(samples) == said


def test_one_peak_is_no_leak():
    assert growth([*FLAT[:38], Sample(900.0, 900), Sample(100.0, 40)]) == ""


def test_who_lived_too_short_is_judged_by_nobody_and_not_counted():
    leak = [Sample(100.0 * n, 40) for n in range(LEAST_SAMPLES - 1)]
    vitals = Vitals({("worker-1", 7): leak, ("worker-1", 8): list(FLAT)})
    assert vitals.grown() == []
    assert vitals.judged == 1
