"""Draws the report card as Markdown and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import orjson

from chaos.card import Card
from chaos.verdict import Figures

HEAD = """# The chaos report card

Made by `make chaos`; do not edit. Every scenario runs ingress, two or more workers, relay, broker
and a simulated Salesforce as separate processes, under a steady load of sequence-numbered orders
over HTTP. The judge is independent of the code under test: what the sender got a 2xx for, against
what the org holds and every write it remembers. `orderstream audit` is asked as well, and must
agree. The org's own rule against stale writes is off, except for frozen workers and calls on the
wire, where nothing else can help.
"""
MEANING = """\
**lost**: orders whose newest accepted state is not in Salesforce · **twins**: duplicate records ·
**twice**: redundant writes, bounded by what was in hand when something was cut off · **stale**: an
older state written after a newer one, at any moment · **dead**: dead letters; the scenarios that
mean to make some say so · **open**: events without an outcome (audit) · **back**: seconds from the
fault's end until everything accepted before is in Salesforce · **ack p99**: seconds from the moment
a webhook was due until its 2xx, the sender's repeats included, during the fault.
"""
# Runs further apart are of different code.
ONE_REPORT = timedelta(days=1)
COLUMNS = (
    *("scenario", "2xx", "records", "lost", "twins", "twice", "stale", "dead", "open", "back"),
    *("ack p99", ""),
)


def markdown(cards: Sequence[Card], head: str = HEAD) -> str:
    """Return the whole report under its head."""
    good = sum(card.is_good and not card.skipped for card in cards)
    skipped = sum(bool(card.skipped) for card in cards)
    lines = [
        head,
        MEANING,
        f"**{good} of {len(cards)} scenarios kept every promise**"
        + (f", {skipped} were not run" if skipped else "")
        + f". {_totals(cards)}",
        *_outdated(cards),
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---" + "|--:" * (len(COLUMNS) - 2) + "|---|",
        *(_row(card) for card in cards),
        "",
        "## What was done, and what was seen",
        "",
        *(line for card in cards for line in _detail(card)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def write_reports(cards: Sequence[Card], paths: tuple[Path, Path], head: str = HEAD) -> None:
    """Write the report as Markdown and as JSON."""
    paths[0].write_text(markdown(cards, head), encoding="utf-8")
    paths[1].write_bytes(as_json(cards))


def as_json(cards: Sequence[Card]) -> bytes:
    return orjson.dumps([card.to_json() for card in cards], option=orjson.OPT_INDENT_2) + b"\n"


def summary_line(card: Card) -> str:
    """Return one line for a terminal."""
    if card.skipped:
        return f"  - {card.name}: {card.skipped}"
    mark = "✓" if card.is_good else "✗"
    figures = card.figures
    if figures is None:
        return f"  {mark} {card.name}: {card.broken[0]}"
    line = (
        f"  {mark} {card.name}: {figures.accepted} accepted, {figures.records} records, "
        f"{figures.lost} lost, {figures.duplicates} duplicate, {figures.redundant} redundant, "
        f"{figures.stale} stale, {figures.dead} dead, {figures.unaccounted} unaccounted, "
        f"back after {_seconds(figures.recovery_seconds)} s, "
        f"ack p99 {_seconds(figures.ack_p99_seconds)} s ({card.seconds:.0f} s)"
    )
    return "\n".join([line, *(f"      {text}" for text in card.broken)])


def _row(card: Card) -> str:
    figures = card.figures
    if figures is None:
        cells = [card.name, *["-"] * (len(COLUMNS) - 2), "not run" if card.skipped else "**✗**"]
        return "| " + " | ".join(cells) + " |"
    return (
        "| " + " | ".join([card.name, *_numbers(figures), "✓" if card.is_good else "**✗**"]) + " |"
    )


def _numbers(figures: Figures) -> list[str]:
    counts = (
        *(figures.accepted, figures.records, figures.lost, figures.duplicates, figures.redundant),
        *(figures.stale, figures.dead, figures.unaccounted),
    )
    return [
        *(f"{count:,}" for count in counts),
        _seconds(figures.recovery_seconds),
        _seconds(figures.ack_p99_seconds, 2),
    ]


def _detail(card: Card) -> list[str]:
    seen = ", ".join(f"{what}: {count:,}" for what, count in sorted(card.seen.items()) if count)
    lines = [f"**{card.name}**: {card.story}."]
    if card.skipped:
        lines.append(f"Not run: {card.skipped}.")
    if card.figures and card.figures.deleted_unread:
        lines.append(f"Deleted unread, and counted by the audit: {card.figures.deleted_unread:,}.")
    if seen:
        lines.append(f"Seen: {seen}.")
    if not card.skipped:
        length = "" if card.scale == 1 else f", at {card.scale:g} of the full length"
        lines.append(f"Run {card.at:%Y-%m-%d %H:%M} UTC, {card.seconds:.0f} s{length}.")
        if len(card.together) > 1:
            lines.append(f"One pipe and one judgement with {len(card.together) - 1} other(s).")
    return [" ".join(lines), *(f"- **broken**: {_one_line(text)}" for text in card.broken), ""]


def _outdated(cards: Sequence[Card]) -> list[str]:
    """Say which runs are of another time than the newest: the code has gone on since."""
    ran = [card for card in cards if not card.skipped]
    newest = max((card.at for card in ran), default=None)
    old = [card.name for card in ran if newest and newest - card.at > ONE_REPORT]
    return ["", f"Of an earlier run than the others: {', '.join(old)}."] if old else []


def _totals(cards: Sequence[Card]) -> str:
    # Who shared a pipe shares its figures: they count once.
    shared = {card.together or (card.name,): card.figures for card in cards if card.figures}
    figures = list(shared.values())
    accepted = sum(item.accepted for item in figures)
    lost = sum(item.lost for item in figures if not item.deleted_unread)
    deleted = sum(item.lost for item in figures if item.deleted_unread)
    return (
        f"In all: {accepted:,} webhooks accepted, {lost:,} orders lost"
        + (f" (and {deleted:,} where retention was made to delete them unread)" if deleted else "")
        + ", "
        f"{sum(f.duplicates for f in figures):,} duplicate records, "
        f"{sum(f.stale for f in figures):,} stale writes, "
        f"{sum(f.unaccounted for f in figures):,} unaccounted."
    )


def _one_line(text: str) -> str:
    return text.splitlines()[0]


def _seconds(seconds: float | None, digits: int = 1) -> str:
    return "never" if seconds is None else f"{seconds:.{digits}f}"
