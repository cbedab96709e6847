"""What somebody else wrote reaches a terminal as characters, and as nothing else."""

from __future__ import annotations

import io
import json

import pytest
from rich.table import Table
from rich.text import Text

from cli.console import terminal
from cli.console.terminal import CleanConsole, print_json
from stream.ops.logs import mask
from stream.ops.printable import printable

HOSTILE = [
    "\x1b]0;STORE-PWNED\x07",
    "\x1b[2J",
    "\x9b2J",
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\u202egnp.exe",
    "\r$ rm -rf /",
    "\x08\x08\x7f",
]
MARKUP = [
    "[/]",
    "[/x]",
    "[link=https://evil.example]click[/link]",
    "[bold]",
    "[@click=app.quit]x[/]",
]


def printed(*values: object) -> str:
    console = CleanConsole(file=io.StringIO(), force_terminal=True, width=200)
    for value in values:
        console.print(value, highlight=False)
    return console.file.getvalue()


def in_a_table(text: str) -> Table:
    table = Table("name", title=text)
    table.add_row(text)
    table.add_row(Text(text))
    return table


@pytest.mark.parametrize("text", HOSTILE)
def test_no_escape_sequence_leaves_by_a_console(text) -> None:
    shown = printed(text, Text(text), in_a_table(text))
    for bad in ("\x1b]", "\x1b[2J", "\x9b", "\u202e", "\r", "\x08", "\x7f", "\x07"):
        assert bad not in shown


@pytest.mark.parametrize("text", MARKUP)
def test_markup_is_text(text) -> None:
    assert printed(text, in_a_table(text)).count(text) == 4
    assert "\x1b]8" not in printed(text)


def test_the_commands_print_through_clean_consoles() -> None:
    assert isinstance(terminal.stdout, CleanConsole)
    assert isinstance(terminal.stderr, CleanConsole)


@pytest.mark.parametrize("text", HOSTILE)
def test_json_means_the_same_and_is_only_shown(text, capsys) -> None:
    print_json({"store": text})
    out = capsys.readouterr().out
    assert json.loads(out) == {"store": text}
    assert printable(out) == out


@pytest.mark.parametrize("text", HOSTILE)
def test_log_lines_are_characters_too(text) -> None:
    line = mask(None, "", {"event": "x", "store": text})
    assert printable(line["store"]) == line["store"]


def test_ordinary_text_of_any_language_stays() -> None:
    text = "Zoë, Кириллица, 日本語, 12 €\n"
    assert printable(text) == text
