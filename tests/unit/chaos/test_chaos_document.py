"""The report card in docs/ is what the last run made, of every scenario there is."""

from pathlib import Path

import orjson

from chaos.card import Card
from chaos.report import markdown
from chaos.scenarios import SCENARIOS
from chaos.soak import HEAD as SOAKS

DOCS = Path(__file__).resolve().parents[3] / "docs"


def cards(name="chaos.json"):
    return [Card.from_json(data) for data in orjson.loads((DOCS / name).read_bytes())]


def test_the_report_card_and_the_soaks_are_drawn_from_their_data():
    assert (DOCS / "chaos.md").read_text(encoding="utf-8") == markdown(cards())
    soaks = markdown(cards("soak.json"), SOAKS)
    assert (DOCS / "soak.md").read_text(encoding="utf-8") == soaks


def test_the_report_card_has_every_scenario():
    assert [card.name for card in cards()] == [scenario.name for scenario in SCENARIOS]
