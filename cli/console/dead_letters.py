"""How dead letters are shown: as tables, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.json import JSON
from rich.table import Table
from rich.text import Text

from cli.console.terminal import stdout
from stream.dlq.index import LetterGroup
from stream.dlq.open_letters import DeadLetter
from stream.ops.masking import mask_record, mask_text
from stream.times import show_time


def group_json(group: LetterGroup) -> dict[str, Any]:
    """Return a group with the fix, as JSON-ready data."""
    from agents.salesforce.errors.fixes import letter_advice

    read = asdict(group)
    del read["sample"]
    advised = letter_advice(group.sample)
    return read | {
        "message": mask_text(group.message),
        "sample": group.sample.id,
        "meaning": advised.meaning,
        "fix": advised.fix,
    }


def letter_json(letter: DeadLetter, *, is_masked: bool) -> dict[str, Any]:
    """Return a letter as JSON-ready data, with the fix."""
    from agents.salesforce.errors.fixes import letter_advice

    advised = letter_advice(letter)
    read = asdict(letter) | {"id": letter.id, "meaning": advised.meaning, "fix": advised.fix}
    masked: dict[str, Any] = mask_record(read) if is_masked else read
    return masked


def print_groups(groups: list[LetterGroup], *, where: str) -> None:
    """Print the groups, each with what to do. `where`: in what they were looked for."""
    if not groups:
        stdout.print(f"no open dead letters{where}")
        return
    for group in groups:
        field = f" [{group.field}]" if group.field else ""
        stdout.print(
            Text.assemble((f"{group.count:,}", "bold red"), f"  {group.code}{field}"),
            soft_wrap=True,
        )
        stdout.print(
            f"   {group.orders:,} orders, {show_time(group.first_ms)} to "
            f"{show_time(group.last_ms)} (UTC), e.g. {group.sample.id}",
            style="dim",
            highlight=False,
        )
        stdout.print(Text(f"   → {group_json(group)['fix']}"))
    total = sum(group.count for group in groups)
    stdout.print(f"{total:,} open dead letters in {len(groups)} groups{where}", highlight=False)


def print_letters(letters: list[DeadLetter], total: int, *, is_masked: bool, where: str) -> None:
    table = Table(box=None, header_style="bold")
    for name in ("id", "dead since (UTC)", "key", "store", "code", "field", "message"):
        table.add_column(name, no_wrap=name == "id")
    for letter in letters:
        read = letter_json(letter, is_masked=is_masked)
        cells = ("id", "key", "store", "code", "field", "message")
        texts = [Text(str(read[name])) for name in cells]
        table.add_row(texts[0], show_time(letter.at_ms), *texts[1:])
    stdout.print(table)
    stdout.print(f"{len(letters):,} of {total:,} open dead letters{where}", highlight=False)


def print_letter(read: dict[str, Any]) -> None:
    """Print one letter with its payload, from its JSON-ready form."""
    field = f" [{read['field']}]" if read["field"] else ""
    stdout.print(Text(f"{read['id']}  {read['code']}{field}", style="bold red"))
    stdout.print(Text(read["message"]))
    stdout.print(Text(f"→ {read['fix']}", style="bold"))
    for name, value in read["headers"].items():
        stdout.print(Text(f"  {name}: {value}", style="dim"))
    stdout.print(JSON.from_data(read["payload"]))
