"""What people mistype is named before anything is asked or written: never 'none', never a crash."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from cli.commands.dlq_edit import in_editor
from cli.console.dead_letter_options import letter_filter
from cli.main import app
from stream.config import Settings

KAFKA = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "OPERATOR_SIGNING_KEY": "operators-of-these-tests-9f3c1be27a60",
}


@pytest.fixture
def said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env of a developer's

    def said(*arguments: str) -> tuple[int, str]:
        found = CliRunner().invoke(app, arguments, env=KAFKA)
        return found.exit_code, f"{found.output}{found.exception!r}"

    return said


@pytest.mark.parametrize(
    "arguments",
    [
        ("audit", "--since", "1h", "--until", "2h"),
        ("audit", "--since", "2500-01-01"),  # nothing is accepted then: "all accounted for"
        ("replay", "--from", "1h", "--to", "2h"),
        ("dlq", "list", "--since", "1h", "--until", "2h"),
        ("dlq", "requeue", "--since", "2500-01-01", "--yes"),
    ],
)
def test_a_window_in_which_nothing_can_be_is_no_answer_of_none(said, arguments):
    code, told = said(*arguments)
    assert (code, "nothing can be in it" in told) == (2, True), told


@pytest.mark.parametrize("rate", ["nan", "inf", "0", "-1"])
@pytest.mark.parametrize(
    "command", [("replay", "--from", "1h"), ("dlq", "requeue", "--all"), ("backfill",)]
)
def test_a_rate_is_a_number_that_a_clock_can_keep(said, command, rate):
    code, told = said(*command, "--rate", rate)
    assert (code, "--rate" in told) == (2, True), told


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("A-1", "a-1"),
        (" 0001 ", "0001"),
        ("Straße@EXAMPLE.com", "stra%c3%9fe@example.com"),
        ("", ""),
    ],
)
def test_letters_are_looked_for_by_the_rule_that_made_their_keys(typed, key):
    wanted = letter_filter(
        Settings(_env_file=None), code="", field="", since=None, until=None, order=typed, store=""
    )
    assert wanted.key == key


@pytest.mark.parametrize("typed", ["1", "EU:1", "eu:1"])
def test_an_order_of_one_of_several_stores_is_meant_with_or_without_its_store(typed):
    assert Settings(_env_file=None, magento_instance="EU").identity.key_of_target(typed) == "eu:1"


def test_a_folder_that_cannot_be_written_is_named_without_a_traceback(tmp_path):
    (tmp_path / "state").write_text("a file where the folder should be")
    code = (
        "import cli.main, pathlib; from stream.job_service import job_lock\n"
        "def app():\n"
        f"    with job_lock(pathlib.Path({str(tmp_path / 'state' / 'jobs')!r}), 'replay-1'): pass\n"
        "cli.main.app = app; cli.main.run()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert "state/jobs" in done.stderr


def test_an_export_of_personal_data_that_is_not_there_is_not_proved_clean(said):
    code, told = said("erase", "--email", "jane@example.com", "--prove", "--files", "exprots/")
    assert (code, "exprots" in told) == (2, True), told


@pytest.mark.parametrize("editor", ['vi "', "{python} {script}"])
def test_an_editor_that_cannot_be_used_is_named(editor, tmp_path, monkeypatch, capsys):
    script = tmp_path / "latin.py"
    script.write_text("import sys, pathlib\npathlib.Path(sys.argv[1]).write_bytes(b'M\\xfcller')\n")
    monkeypatch.setenv("VISUAL", editor.format(python=sys.executable, script=script))
    with pytest.raises(typer.Exit) as ended:
        in_editor("{}")
    assert (ended.value.exit_code, "$EDITOR" in capsys.readouterr().err) == (2, True)
