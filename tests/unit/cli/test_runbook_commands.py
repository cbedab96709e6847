"""Every command of the runbook, as it is written, is one that the command line takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from cli.main import app

RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook.md"
PLACEHOLDERS = {"CODE": "STRING_TOO_LONG", "ID": "3-17", "ORDER": "000000417"}


def commands() -> list[str]:
    text = re.sub(r"\s+", " ", RUNBOOK.read_text(encoding="utf-8"))
    return sorted(set(re.findall(r"`orderstream ([a-z][^`]*)`", text)))


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_runbook_can_be_typed(line):
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line)]
    command = get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    given = command.make_context("test", words).params
    wanted = {
        "requeue": ("ids", "code", "everything"),
        "drop": ("ids", "code"),
        "reconcile": ("since", "last"),
        "replay": ("since", "order", "missing"),
    }
    needed = wanted.get(command.name)
    assert not needed or any(given[name] for name in needed), f"`{line}` is refused: {needed}"
    assert command.name != "drop" or given["why"]
