"""`python -m chaos [--list] [--only NAME …] [--together] [--fresh] [--json] [--scale small]`.

Every finished scenario's card is saved at once: a run that was broken off goes on where it was.
When all are done, the next run starts from the beginning. Exit 0: every promise kept; 1: one is
broken; 2: used wrongly.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
import uvloop

from chaos.card import Card
from chaos.perform import perform
from chaos.report import as_json, summary_line, write_reports
from chaos.scenario import Scenario
from chaos.scenarios import SCENARIOS
from chaos.together import apart, groups, together

WORK_DIRECTORY = Path(".orderstream") / "chaos"
SCALES = {"small": 0.3, "full": 1.0, "long": 5.0}
REPORTS = (Path("docs/chaos.md"), Path("docs/chaos.json"))


def main() -> int:
    arguments = parse(sys.argv[1:])
    if arguments.list:
        for scenario in SCENARIOS:
            print(f"{scenario.name:<34} {scenario.story}")
        return 0
    chosen = [item for item in SCENARIOS if not arguments.only or item.name in arguments.only]
    saved = Saved(WORK_DIRECTORY / "results")
    if arguments.fresh or (not arguments.only and saved.is_complete):
        saved.forget()
    todo = [item for item in chosen if arguments.only or not saved.has(item)]
    runs = groups(todo) if arguments.together else [[scenario] for scenario in todo]
    for number, members in enumerate(runs, 1):
        for scenario in members:
            print(f"[{number}/{len(runs)}] {scenario.name}: {scenario.story}", file=sys.stderr)
        for card in run(members, arguments.scale):
            saved.put(card)
            print(summary_line(card), file=sys.stderr, flush=True)
        write_reports(every_card(saved.cards, REPORTS[1]), REPORTS)
    cards = [card for card in saved.cards if not arguments.only or card.name in arguments.only]
    if arguments.json:
        print(as_json(cards).decode(), end="")
    return 0 if all(card.is_good for card in cards) else 1


def run(members: Sequence[Scenario], scale: float) -> list[Card]:
    """Run one scenario, or several in one pipe; return a card for each."""
    if len(members) == 1:
        [scenario] = members
        return [uvloop.run(perform(scenario, WORK_DIRECTORY / scenario.name, scale=scale))]
    directory = WORK_DIRECTORY / f"{members[0].name}-and-{len(members) - 1}-more"
    return apart(uvloop.run(perform(together(members), directory, scale=scale)), members)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Return the options; ends the process with a message that names the scenarios there are."""
    parser = argparse.ArgumentParser(prog="chaos", description="The chaos report card.")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="run this one")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run finished")
    parser.add_argument(
        "--together", action="store_true", help="one pipe for those that want the same: shorter"
    )
    parser.add_argument("--json", action="store_true", help="print the cards as JSON")
    parser.add_argument(
        "--scale",
        type=scale_of,
        default=1.0,
        metavar="X",
        help=f"how long: a number, or {', '.join(SCALES)}; 1 is the report card's length",
    )
    arguments = parser.parse_args(words)
    names = [scenario.name for scenario in SCENARIOS]
    if unknown := [name for name in arguments.only if name not in names]:
        parser.error(f"no scenario {', '.join(unknown)}; there are: {', '.join(names)}")
    if arguments.scale <= 0:
        parser.error("--scale must be above 0")
    return arguments


def scale_of(word: str) -> float:
    """Return the number that a word for a length stands for; raises ValueError."""
    return SCALES.get(word) or float(word)


class Saved:
    """The cards of finished scenarios, one file each."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def cards(self) -> list[Card]:
        """Every saved card, in the order of the scenarios."""
        return [
            Card.from_json(orjson.loads(self._path(scenario.name).read_bytes()))
            for scenario in SCENARIOS
            if self.has(scenario)
        ]

    @property
    def is_complete(self) -> bool:
        return all(self.has(scenario) for scenario in SCENARIOS)

    def has(self, scenario: Scenario) -> bool:
        return self._path(scenario.name).exists()

    def put(self, card: Card) -> None:
        self._path(card.name).write_bytes(orjson.dumps(card.to_json()))

    def forget(self) -> None:
        for path in self._directory.glob("*.json"):
            path.unlink()

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"


def every_card(ran: Sequence[Card], report: Path) -> list[Card]:
    """Return a card for every scenario: the new one, else the report's, else that it did not run.

    A part that is run again replaces its part of the report and nothing else.
    """
    known = orjson.loads(report.read_bytes()) if report.exists() else []
    cards = {card.name: card for card in (*map(Card.from_json, known), *ran)}
    return [
        cards.get(item.name)
        or Card(item.name, item.story, datetime.now(UTC), skipped="not run yet")
        for item in SCENARIOS
    ]


if __name__ == "__main__":
    try:
        code = main()
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = 130
    sys.exit(code)
