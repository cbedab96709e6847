"""A pipe is no terminal: who stops reading changes no exit code, and who reads on gets lines.

Nor is every terminal a modern one: what its character set lacks ends no command.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys

import orjson
import pytest

import cli.commands.lag as lag_command
from cli.console.terminal import CleanConsole
from stream.config import Settings
from stream.errors import BrokerError

PRINTS = """
import sys, cli.main, typer
from cli.console.terminal import {stream} as console
def app():
    for number in range(3):
        console.print("x" * 100)
    raise SystemExit(3)
cli.main.app = app
cli.main.run()
"""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_exit_code_is_the_answer_whoever_has_stopped_reading(stream):
    """`audit | head -1` said 1, "something is missing"; a job that is watched so, ended."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", PRINTS.format(stream=stream)], check=False, **{stream: writer}
    )
    os.close(writer)
    assert done.returncode == 3


SAYS = """
import sys, cli.main
from cli.console.terminal import print_json, stderr, stdout
def app():
    stdout.print("… Jørgen 東京 😀")
    stderr.print("… Jørgen 東京 😀")
    print_json({"name": "… Jørgen 東京 😀"})
    raise SystemExit(3)
cli.main.app = app
cli.main.run()
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_a_terminal_cannot_show_ends_no_command(encoding):
    """`LANG=de_DE@euro` in a crontab: the first `…` was a traceback and exit 1, "the answer is no".

    JSON is JSON in any character set.
    """
    done = subprocess.run(
        [sys.executable, "-c", SAYS],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (3, False)
    line, _, document = done.stdout.decode(encoding).partition("\n")
    assert "rgen" in line
    assert orjson.loads(document) == {"name": "… Jørgen 東京 😀"}


async def test_lag_that_is_watched_through_a_pipe_says_each_look(monkeypatch):
    """It said nothing before its end, which never comes."""
    looks = iter(("first look", "second look"))

    class Sampler:
        def __init__(self, _settings) -> None:
            pass

        async def __aenter__(self):
            return self

        async def __aexit__(self, *_error):
            pass

        async def sample(self):
            try:
                return next(looks)
            except StopIteration:
                raise BrokerError("away") from None

    page = io.StringIO()
    monkeypatch.setattr(lag_command, "stdout", CleanConsole(file=page))
    monkeypatch.setattr(lag_command, "LagSampler", Sampler)
    monkeypatch.setattr(lag_command, "view", lambda snapshot, **_how: snapshot)
    monkeypatch.setattr(lag_command, "SECOND_TRY_SECONDS", 0.0)
    with pytest.raises(BrokerError):
        await lag_command._watch(Settings(_env_file=None), 0.0, everything=False)
    assert page.getvalue().splitlines() == ["first look", "second look"]
