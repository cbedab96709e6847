"""The table of commands: each is there, in its own file, and costs only what it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import COMMANDS, app

FOLDER = Path(__file__).parents[3] / "cli" / "commands"
IMPORTED = "import sys, cli.main; from typer.main import get_command; {act}; print(*sys.modules)"


def modules_after(act: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(act=act)], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_file_and_an_example_in_its_help(name):
    assert (FOLDER / f"{name}.py").is_file()
    said = CliRunner().invoke(app, [name, "--help"])
    assert (said.exit_code, f"orderstream {name}" in said.stdout) == (0, True), said.stdout


def test_a_command_imports_nothing_of_the_others():
    found = modules_after("get_command(cli.main.app).get_command(None, 'ingress')")
    assert "cli.commands.ingress" in found
    assert not {name for name in found if name.startswith(("agents.", "dashboard.", "faust"))}


def test_a_misspelled_command_is_answered_with_the_nearest():
    said = CliRunner().invoke(app, ["wrker"])
    assert (said.exit_code, "'worker'" in said.output) == (2, True)
