"""A mistyped code is no answer: nothing is released or requeued, and it is said which there are."""

from __future__ import annotations

import pytest
import typer
from support.silent_cluster import SETTINGS, TOPICS, Reader

from cli.commands import dlq, dlq_requeue
from cli.console import dead_letter_options
from schemas.result import HELD_BACK, Outcome, Result
from stream.dlq import causes


class ReleasedError(Exception):
    """Somebody's events would die now."""


class NoLog:
    @staticmethod
    def connect(_settings):
        raise ReleasedError


@pytest.fixture
def reader(monkeypatch) -> Reader:
    reader = Reader()
    for module in (causes, dead_letter_options, dlq_requeue):
        monkeypatch.setattr(module, "PassingReader", lambda _settings: reader)
    for module in (dlq, dlq_requeue):
        monkeypatch.setattr(module, "operator_settings", lambda *_roles: SETTINGS)
    monkeypatch.setattr(dlq, "OperatorLog", NoLog)
    for number in range(3):
        headers = [("error-kind", b"permanent"), ("error-code", b"STRING_TOO_LONG")]
        reader.put(TOPICS.dead_letters, 0, b"{}", key=b"%d" % number, headers=headers)
    reader.logs[TOPICS.results, 0] = []
    return reader


def hold(reader: Reader, code: str) -> None:
    result = Result(
        event_id="1",
        kind="order",
        key="1",
        outcome=Outcome.PARKED,
        reason=HELD_BACK + code,
        origin_topic=TOPICS.orders,
        origin_partition=0,
        origin_offset=0,
        at_ms=1,
    )
    reader.put(TOPICS.results, 0, result.to_bytes())


def test_a_code_of_which_nothing_dies_is_not_released(reader, capsys):
    hold(reader, "REQUIRED_FIELD_MISSING")
    with pytest.raises(typer.Exit) as ended:
        dlq.release("STRING_TO_LONG", why="test orders")
    assert ended.value.exit_code == 1
    assert "STRING_TOO_LONG (3)" in capsys.readouterr().err


@pytest.mark.parametrize("code", ["STRING_TOO_LONG", "REQUIRED_FIELD_MISSING"])
def test_one_of_which_letters_are_open_or_events_are_held_is(reader, code):
    """Its letters may be requeued or dropped already, while further events wait."""
    hold(reader, "REQUIRED_FIELD_MISSING")
    with pytest.raises(ReleasedError):
        dlq.release(code, why="test orders")


def test_it_is_not_known_where_a_partition_does_not_answer(reader, capsys):
    reader.silent = {(TOPICS.results, 0)}
    with pytest.raises(typer.Exit) as ended:
        dlq.release("STRING_TO_LONG", why="test orders")
    assert ended.value.exit_code == 3
    assert "salesforce.results-0" in capsys.readouterr().err


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_requeue_or_drop_that_nothing_fits_names_the_codes(reader, capsys, *, dry_run: bool):
    for command in (
        lambda: dlq_requeue.requeue(code="STRING_TO_LONG", dry_run=dry_run, yes=True),
        lambda: dlq.drop(code="STRING_TO_LONG", why="test orders", yes=True),
    ):
        with pytest.raises(typer.Exit) as ended:
            command()
        assert ended.value.exit_code == 1
        assert "by code: STRING_TOO_LONG (3)" in capsys.readouterr().err


def test_a_list_that_nothing_fits_does_not_say_that_none_is_open(reader, capsys):
    dlq.list_(code="STRING_TO_LONG")
    told = capsys.readouterr().out
    assert "no open dead letters" not in told
    assert "STRING_TOO_LONG (3)" in told
