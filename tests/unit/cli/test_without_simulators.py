"""What is installed where orders are carried has no simulators: nothing but the demo misses them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import COMMANDS
from sandbox.processes import PROJECT_DIRECTORY

# As in an environment without the distribution: no path leads to it.
WITHOUT = """
import sys, importlib.abc
class Gone(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"sandbox", "chaos"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Gone())
from cli.main import app, run
"""
EVERY_HELP = """
from typer.testing import CliRunner
from typer.main import get_command
import typer
def helped(command, words):
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0, (words, done.output, done.exception)
    seen.append(words[0])
    for name in getattr(command, "commands", {}):
        helped(command.commands[name], [*words, name])
seen = []
for name, command in get_command(app).commands.items():
    helped(command, [name])
print(json.dumps(sorted(set(seen))))
"""


def python(code: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"import json\n{WITHOUT}\n{code}", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(PROJECT_DIRECTORY), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_command_says_its_help(tmp_path):
    done = python(EVERY_HELP, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == sorted(COMMANDS)


def test_settings_and_mapping_work(tmp_path):
    assert python("run()", "settings", "--markdown", cwd=tmp_path).stdout.startswith("# Settings")
    order = {"entity_id": 7, "increment_id": "000000007", "store_id": 1, "grand_total": "10.00"}
    (tmp_path / "order.json").write_text(json.dumps(order))
    done = python("run()", "map", "order.json", cwd=tmp_path)
    assert "Opportunity" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "what"),
    [(("demo",), "the demo"), (("validate",), "validate without --webhook-url")],
)
def test_what_needs_them_says_so_in_one_sentence(tmp_path, words, what):
    done = python("run()", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"orderstream: {what} needs the simulators, which are not installed")
    assert "pip install ./sandbox" in line


def test_setup_starts_no_kafka_and_names_the_other_answer(tmp_path):
    (tmp_path / "answers.yaml").write_text("kafka: start\n")
    done = python("run()", "setup", "--answers", "answers.yaml", "--only", "kafka", cwd=tmp_path)
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "a Kafka that is started here needs the simulators" in said
    assert "answer `own`" in said
    assert "kafka is next" in said
