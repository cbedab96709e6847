"""The commands that pages show do what the page does: they are read back by the command line."""

from __future__ import annotations

import shlex

import pytest
from typer.main import get_command

from cli.console.dead_letter_options import letter_filter
from cli.main import app
from dashboard.site import command_lines
from dashboard.site.forms import fields_of, letter_filter_of
from stream.config import Settings
from stream.dlq.index import LetterFilter
from stream.jobs.replay import ReplayFilter, ReplayRange
from stream.jobs.spec import JobKind

FILTERS = [
    LetterFilter(code="STRING_TOO_LONG", field="Name"),
    LetterFilter(code="A", field="-"),
    LetterFilter(field="A,B", store="1"),
    LetterFilter(key="jane@example.com"),
    LetterFilter(key="; rm -rf / #", since_ms=1795000000123, until_ms=1795000001000),
    LetterFilter(ids=("3-17", "0-1")),
    LetterFilter(code="--yes"),
]


def parsed(line: str) -> dict:
    """What the command line makes of a command; fails for an option that does not exist."""
    words = shlex.split(line)
    assert words.pop(0) == "orderstream"
    command = get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    return command.make_context("test", words).params


def filter_of(params: dict) -> LetterFilter:
    names = ("code", "field", "since", "until", "order", "store")
    settings = Settings(_env_file=None)
    given = {name: params[name] for name in names}
    return letter_filter(settings, **given, ids=tuple(params["ids"] or ()))


@pytest.mark.parametrize("wanted", FILTERS)
def test_a_requeue_command_chooses_the_same_letters(wanted):
    params = parsed(command_lines.requeue(wanted, rate=50, limit=10, why="it's fixed", run=True))
    assert filter_of(params) == wanted
    assert (params["rate"], params["limit"], params["why"], params["yes"]) == (
        50,
        10,
        "it's fixed",
        True,
    )
    assert parsed(command_lines.requeue(wanted, rate=50, run=False))["dry_run"]


@pytest.mark.parametrize("wanted", FILTERS)
def test_a_drop_command_chooses_the_same_letters(wanted):
    params = parsed(command_lines.drop(wanted, why="test orders"))
    assert filter_of(params) == wanted
    assert params["why"] == "test orders"


def test_everything_is_asked_for_by_name():
    assert parsed(command_lines.requeue(LetterFilter(), rate=1, run=True))["everything"]


@pytest.mark.parametrize("wanted", FILTERS)
def test_a_filter_survives_the_address_of_its_page(wanted):
    assert letter_filter_of(fields_of(wanted)) == wanted


def test_a_replay_command_replays_the_same():
    wanted = ReplayFilter(
        order="5", store="3", status="new", is_latest_only=False, is_forced=True, limit=7
    )
    chosen = ReplayRange("magento.orders", 1795000000123, 1795000001000, wanted)
    params = parsed(command_lines.replay(chosen, rate=12.5, why="stages", run=True))
    names = ("order", "store", "status", "latest_only", "force", "limit", "rate", "why", "run")
    assert [params[name] for name in names] == [
        *("5", "3", "new", False, True, 7),
        *(12.5, "stages", True),
    ]
    assert params["since"] == "2026-11-18T11:06:40.123+00:00"
    dry = parsed(
        command_lines.replay(
            ReplayRange("magento.orders", 1, None, ReplayFilter()), rate=50, run=False
        )
    )
    assert (dry["run"], dry["latest_only"]) == (False, True)


@pytest.mark.parametrize("kind", list(JobKind))
def test_a_resume_command_names_the_job(kind):
    assert parsed(command_lines.resume(f"{kind.value}-019"))["resume"] == f"{kind.value}-019"
