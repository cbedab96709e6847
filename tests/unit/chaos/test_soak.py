"""The same seed is the same story, and the rate comes from what was measured."""

import random

import pytest

from chaos import soak as module
from chaos.soak import BROKER_FAULTS, SHARE, Soak, a_third, soak


def story(seed, length=20):
    chance = random.Random(seed)
    return [chance.choice(sorted(Soak(seed, 50).faults)) for _ in range(length)]


def test_a_seed_decides_which_fault_comes_when():
    assert story(7) == story(7)
    assert story(7) != story(8)
    assert set(story(7, 500)) == set(Soak(7, 50).faults)


def test_what_happens_to_brokers_depends_on_how_many_there_are():
    one, three = (set(BROKER_FAULTS[count]) for count in (1, 3))
    assert not one & three
    assert one <= set(Soak(7, 50).faults)
    assert three <= set(Soak(7, 50, brokers=3).faults)


def test_a_soak_promises_what_every_scenario_promises_and_says_its_seed():
    scenario = soak(Soak(7, 50, minutes=15))
    assert "15 minutes" in scenario.story
    assert "seed 7" in scenario.story
    assert scenario.rate_per_second == 50
    assert scenario.run_seconds > 15 * 60
    assert scenario.evidence["faults"] >= 1


def test_the_rate_is_a_third_of_what_was_measured(monkeypatch, tmp_path):
    measured = tmp_path / "benchmarks.json"
    measured.write_text(
        '{"sections": [{"figures": [{"what": "sustained for 10 min", "median": 900}]}]}'
    )
    monkeypatch.setattr(module, "BENCHMARKS", measured)
    assert a_third() == pytest.approx(900 / SHARE)
