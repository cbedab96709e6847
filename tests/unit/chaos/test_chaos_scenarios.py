"""The scenarios as a list: named once, with evidence, and with a load that repeats its orders."""

import dataclasses
from collections import Counter
from datetime import UTC, datetime

import pytest

from chaos.__main__ import Saved, as_json, every_card, parse
from chaos.card import Card
from chaos.load import BLOCK_ORDERS, VERSIONS, numbered
from chaos.scenarios import SCENARIOS


def test_every_scenario_has_a_name_of_its_own_and_says_what_must_have_happened():
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert [scenario.name for scenario in SCENARIOS if not scenario.evidence] == []
    assert [scenario.name for scenario in SCENARIOS if scenario.workers < 2] == []


def test_the_load_saves_every_order_some_times_and_never_backwards():
    saves = [numbered(index) for index in range(2 * BLOCK_ORDERS * VERSIONS)]
    assert len(set(saves)) == len(saves)
    assert set(Counter(order for order, _ in saves).values()) == {VERSIONS}
    seen = {}
    for order, version in saves:
        assert version == seen.get(order, 0) + 1
        seen[order] = version


def test_an_unknown_scenario_is_refused_with_the_names_there_are(capsys):
    with pytest.raises(SystemExit):
        parse(["--only", "nonsense"])
    assert SCENARIOS[0].name in capsys.readouterr().err


def test_a_run_that_was_broken_off_goes_on_where_it_was(tmp_path):

    saved = Saved(tmp_path)
    card = Card(SCENARIOS[1].name, "story", datetime(2026, 1, 1, tzinfo=UTC), skipped="why")
    saved.put(card)
    again = Saved(tmp_path)
    assert again.cards == [card]
    assert again.has(SCENARIOS[1])
    assert not again.has(SCENARIOS[0])
    assert not again.is_complete


def test_a_part_that_is_run_again_replaces_its_part_of_the_report(tmp_path):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    first, second, third = (Card(SCENARIOS[n].name, "old", at, skipped="why") for n in range(3))
    report = tmp_path / "chaos.json"
    report.write_bytes(as_json([first, second]))
    again = dataclasses.replace(second, story="new")
    cards = every_card([again, third], report)
    assert cards[:3] == [first, again, third]
    assert [card.name for card in cards] == [scenario.name for scenario in SCENARIOS]
    assert {card.skipped for card in cards[3:]} == {"not run yet"}
