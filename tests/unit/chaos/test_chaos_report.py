"""The card that is drawn says what was found, the bad news above all."""

import dataclasses
from datetime import UTC, datetime

import orjson

from chaos.card import Card
from chaos.report import ONE_REPORT, markdown, summary_line
from chaos.verdict import Figures

FIGURES = Figures(
    accepted=1433,
    records=500,
    lost=0,
    duplicates=0,
    redundant=15,
    stale=0,
    dead=0,
    unaccounted=0,
    deleted_unread=0,
    recovery_seconds=1.14,
    ack_p99_seconds=0.023,
)
AT = datetime(2026, 11, 25, 21, 40, tzinfo=UTC)
GOOD = Card("worker-killed", "kill -9", AT, 64.0, FIGURES, (), {"kill -9": 6, "restarts": 0})
BAD = dataclasses.replace(
    GOOD,
    name="broker-killed",
    figures=dataclasses.replace(FIGURES, lost=2, recovery_seconds=None),
    broken=("2 orders lost", "recovered never, promised 90 s"),
)
SKIPPED = Card("disk-full", "no room", AT, skipped="not here: mount was refused")


def test_a_good_row_has_every_figure():
    row = next(line for line in markdown([GOOD]).splitlines() if line.startswith("| worker-killed"))
    assert row == "| worker-killed | 1,433 | 500 | 0 | 0 | 15 | 0 | 0 | 0 | 1.1 | 0.02 | ✓ |"


def test_broken_promises_are_spelled_out_and_counted():
    text = markdown([GOOD, BAD, SKIPPED])
    assert "**1 of 3 scenarios kept every promise**, 1 were not run" in text
    assert "- **broken**: 2 orders lost" in text
    assert "2 orders lost, 0 duplicate records" in text
    assert "| disk-full | - |" in text
    assert "Not run: not here: mount was refused." in text


def test_a_run_of_another_day_is_named_as_such():
    old = dataclasses.replace(GOOD, name="clocks-stepped", at=AT - ONE_REPORT * 2)
    assert "Of an earlier run than the others: clocks-stepped." in markdown([GOOD, old, SKIPPED])
    assert "earlier run" not in markdown([GOOD, SKIPPED])


def test_what_was_seen_is_named_without_zeros():
    assert "Seen: kill -9: 6. Run 2026-11-25 21:40 UTC, 64 s." in markdown([GOOD])


def test_a_card_survives_its_journey_as_json():
    for card in (GOOD, BAD, SKIPPED):
        assert Card.from_json(orjson.loads(orjson.dumps(card.to_json()))) == card


def test_the_terminal_line_ends_with_what_is_broken():
    assert summary_line(GOOD).startswith("  ✓ worker-killed: 1433 accepted")
    assert summary_line(BAD).splitlines()[1:] == [
        "      2 orders lost",
        "      recovered never, promised 90 s",
    ]
