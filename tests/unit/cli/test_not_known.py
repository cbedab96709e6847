"""Commands say that something is not known with exit 3, and show the rest."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

import cli.commands.dlq as dlq_command
import cli.commands.dlq_requeue as requeue_command
import cli.commands.erase as erase_command
import cli.commands.jobs as jobs_command
import cli.commands.replay as replay_command
import cli.commands.replay_missing as missing_command
import cli.console.erasure_proof as proof_console
import cli.main
from agents.erasure.org_records import PersonRecords
from cli.console import dead_letter_options
from schemas.person import Person
from stream.audit.report import AuditReport
from stream.config import Settings
from stream.dlq.index import LetterFilter
from stream.dlq.requeue import RequeuePlan
from stream.erasure.proof import Proof, Remnant
from stream.erasure.search import PersonTraces
from stream.errors import BrokerError, JobError, NotKnownError
from stream.jobs.replay_choice import ReplayPlan
from stream.jobs.spec import OffsetSet
from stream.kafka.log.range_reader import OffsetRange

SILENT = {("salesforce.state", 1): "no leader"}
JANE = Person(("jane@example.com",))


@pytest.fixture(autouse=True)
def settings(monkeypatch, tmp_path):
    settings = Settings(_env_file=None, state_directory=tmp_path)
    for module in (erase_command, jobs_command, dlq_command, requeue_command, replay_command):
        monkeypatch.setattr(module, "operator_settings", lambda *_roles: settings)
    monkeypatch.setattr(erase_command, "load_settings", lambda *_roles: settings)
    return settings


@pytest.mark.parametrize(
    ("proof", "exit_code"),
    [
        (Proof(unread=SILENT), 3),
        (Proof([Remnant("magento.orders", 1, gone_ms=1)], unread=SILENT), 3),
        (Proof([Remnant("salesforce.state", 1, without_date=1)], unread=SILENT), 1),
    ],
)
@pytest.mark.parametrize("as_json", [True, False])
def test_a_proof_of_less_than_everything_is_none(
    monkeypatch, capsys, settings, proof: Proof, exit_code: int, *, as_json: bool
) -> None:
    async def prove(*_given, **_options):
        return proof

    monkeypatch.setattr(proof_console, "prove_erasure", prove)
    with pytest.raises(typer.Exit) as ended:
        proof_console.end_with_proof(settings, JANE, {}, as_json=as_json)
    assert ended.value.exit_code == exit_code
    told = capsys.readouterr()
    assert "salesforce.state-1" in told.out + told.err
    assert "proved: none" not in told.out
    assert "proved: Kafka" not in told.err


@pytest.mark.parametrize(
    ("asked", "exit_code"),
    [({}, 3), ({"salesforce": "asked", "still_named": ["Contact 1 Email"]}, 1)],
)
@pytest.mark.parametrize("as_json", [True, False])
def test_a_proof_without_salesforce_s_word_is_none(
    monkeypatch, capsys, settings, asked, exit_code: int, *, as_json: bool
) -> None:
    """`erase --prove` read the topics, said "proved", and asked nobody what the org has."""

    async def prove(*_given, **_options):
        return Proof(records_read=7)

    monkeypatch.setattr(proof_console, "prove_erasure", prove)
    asked = asked or asyncio.run(proof_console.ask_salesforce(settings, JANE))
    with pytest.raises(typer.Exit) as ended:
        proof_console.end_with_proof(settings, JANE, asked, as_json=as_json)
    assert ended.value.exit_code == exit_code
    told = capsys.readouterr()
    if as_json:
        assert not json.loads(told.out)["proof"]["holds"]
    assert ("SALESFORCE_CLIENT_ID" in told.out + told.err) == (exit_code == 3)
    proof_console.end_with_proof(settings, JANE, {"still_named": []}, as_json=as_json)


@pytest.mark.parametrize("dry_run", [True, False])
def test_nobody_is_erased_by_half_of_what_is_known_of_them(
    monkeypatch, capsys, *, dry_run: bool
) -> None:
    async def find(*_given):
        traces = replace(PersonTraces(JANE), orders={"7": 0}, unread=SILENT)
        return erase_command._Person(traces, PersonRecords({}), "2026-11-29 12:00:00")

    async def never(*_given):
        pytest.fail("somebody was erased")

    monkeypatch.setattr(erase_command, "_find", find)
    monkeypatch.setattr(erase_command, "_erase", never)
    with pytest.raises(typer.Exit) as ended:
        erase_command.erase([JANE.emails[0]], dry_run=dry_run, yes=True, as_json=True)
    assert ended.value.exit_code == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["orders"], told["unread"]) == (["7"], "no leader: salesforce.state-1")


def test_what_nobody_will_ever_read_keeps_nobody_from_being_erased(monkeypatch, capsys) -> None:
    async def find(*_given):
        traces = replace(PersonTraces(JANE), orders={"7": 0}, broken=SILENT)
        return erase_command._Person(traces, PersonRecords({}), "2026-11-29 12:00:00")

    async def erase(*_given):
        return {"is_done": False}

    monkeypatch.setattr(erase_command, "_find", find)
    monkeypatch.setattr(erase_command, "_erase", erase)
    with pytest.raises(typer.Exit) as ended:
        erase_command.erase([JANE.emails[0]], yes=True, as_json=True)
    assert ended.value.exit_code == 1  # it was tried
    erase_command.erase([JANE.emails[0]], dry_run=True)
    assert "salesforce.state-1" in capsys.readouterr().err


def test_jobs_that_are_known_are_listed(monkeypatch, capsys) -> None:
    async def read(_settings):
        return [{"job_id": "replay-1"}], "no leader: orderstream.audit-1"

    monkeypatch.setattr(jobs_command, "read_jobs", read)
    with pytest.raises(typer.Exit) as ended:
        jobs_command.jobs(as_json=True)
    assert ended.value.exit_code == 3
    told = capsys.readouterr()
    assert json.loads(told.out) == [{"job_id": "replay-1"}]
    assert "orderstream.audit-1" in told.err


NO_LEADER = "no leader: salesforce.dlq-1"


def ends(unread: str):
    """Expect exit 3 where something was not read, and nothing of it else."""
    return pytest.raises(typer.Exit) if unread else nullcontext()


@pytest.mark.parametrize("unread", [NO_LEADER, ""])
@pytest.mark.parametrize("how", [{"as_json": True}, {"letters": True}, {}])
def test_letters_that_are_known_are_listed(monkeypatch, capsys, unread: str, how) -> None:
    async def collect(*_given):
        return [], [], unread

    monkeypatch.setattr(dlq_command, "_collect", collect)
    with ends(unread) as ended:
        dlq_command.list_(**how)
    told = capsys.readouterr()
    assert (unread in told.err, bool(told.err)) == (True, bool(unread))
    if how.get("as_json"):
        assert json.loads(told.out)["unread"] == unread
    else:
        assert ("in what was read" in told.out) == bool(unread)
    assert not unread or ended.value.exit_code == 3


def planned(monkeypatch, *, events: int, unread: str) -> list[str]:
    """Let a requeue find so many events; return what is run."""
    plan = RequeuePlan(LetterFilter(), None, events, events, events, 1, (), (), unread)
    ran: list[str] = []

    async def find(*_given):
        return plan, []

    async def run(*_given):
        ran.append("requeue")

    monkeypatch.setattr(requeue_command, "_plan", find)
    monkeypatch.setattr(requeue_command, "_run", run)
    monkeypatch.setattr(requeue_command, "finish_job", lambda *_given, **_how: None)
    return ran


@pytest.mark.parametrize("unread", [NO_LEADER, ""])
@pytest.mark.parametrize("dry_run", [True, False])
def test_what_was_read_is_requeued_and_the_rest_is_named(
    monkeypatch, capsys, unread: str, *, dry_run: bool
) -> None:
    ran = planned(monkeypatch, events=1, unread=unread)
    with ends(unread) as ended:
        requeue_command.requeue([], everything=True, yes=True, dry_run=dry_run, as_json=True)
    assert ran == ([] if dry_run else ["requeue"])
    told = capsys.readouterr()
    assert unread in told.err
    assert not dry_run or json.loads(told.out)["unread"] == unread
    assert not unread or ended.value.exit_code == 3


@pytest.mark.parametrize(("unread", "exit_code"), [(NO_LEADER, 3), ("", 1)])
def test_that_nothing_fits_is_an_answer_only_of_all(monkeypatch, capsys, unread, exit_code) -> None:
    async def collect(*_given):
        return [], [], unread

    async def no_codes(_settings):
        return Counter()

    monkeypatch.setattr(dead_letter_options, "open_codes", no_codes)
    ran = planned(monkeypatch, events=0, unread=unread)
    monkeypatch.setattr(dlq_command, "_collect", collect)
    for work in (
        lambda: requeue_command.requeue([], everything=True, yes=True),
        lambda: dlq_command.drop(["1-0"], why="test", yes=True),
    ):
        with pytest.raises(typer.Exit) as ended:
            work()
        assert ended.value.exit_code == exit_code
        assert ("no open dead letter fits" in capsys.readouterr().err) != bool(unread)
    assert ran == []


@pytest.mark.parametrize(("error", "exit_code"), [(NotKnownError, 3), (JobError, 2)])
def test_what_may_be_where_nobody_answers_is_not_known(monkeypatch, error, exit_code) -> None:
    def app():
        raise error("letter 1-0")

    monkeypatch.setattr(cli.main, "app", app)
    monkeypatch.setattr(cli.main.atexit, "register", lambda _work: None)
    with pytest.raises(SystemExit) as ended:
        cli.main.run()
    assert ended.value.code == exit_code


@pytest.mark.parametrize("problem", ["Salesforce refused: LOCKED", "broker", "Ctrl-C"])
def test_an_erasure_that_is_cut_off_names_everything_that_was_found(monkeypatch, capsys, problem):
    """The state that ties a former address to the person is a marker by then."""
    known = Person((*JANE.emails, "jane@old.example"), ("17",), ("+44 20 7946 0958",))

    async def find(*_given):
        return erase_command._Person(PersonTraces(known), PersonRecords({}), "2026-11-29 12:00:00")

    async def fail(*_given):
        if problem == "broker":
            raise BrokerError("away")
        if problem == "Ctrl-C":
            raise typer.Exit(130)
        return {"is_done": False, "problem": problem}

    monkeypatch.setattr(erase_command, "_find", find)
    monkeypatch.setattr(erase_command, "_erase", fail)
    with pytest.raises((typer.Exit, BrokerError)):
        erase_command.erase([JANE.emails[0]], why="request 7", yes=True, as_json=True)
    assert (
        "orderstream erase --email=jane@example.com --email=jane@old.example --customer-id=17 "
        "'--phone=+44 20 7946 0958' '--why=request 7'"
    ) in capsys.readouterr().err


@pytest.mark.parametrize("unread", [{}, {"magento.orders-1": "no leader"}])
@pytest.mark.parametrize("run", [True, False])
def test_of_partitions_that_do_not_answer_it_is_not_known_what_is_missing(
    monkeypatch, capsys, unread, *, run: bool
) -> None:
    """The others' events were sent again, and exit 0 said that these are all."""

    async def audit(*_given, **_options):
        found = {"magento.orders": {"0": [(0, 1)]}}
        return AuditReport(at_ms=1, grace_seconds=1, missing=found, unread=unread)

    async def work(_settings, chosen, **_options):
        assert chosen.wanted.only == {"0": [(0, 1)]}
        plan = ReplayPlan(
            chosen.topic, chosen.wanted, (), OffsetSet([OffsetRange("t", 0, 0, 1, 0)])
        )
        plan.chosen.add(("t", 0, 0))
        return None if run else (plan, [])

    monkeypatch.setattr(missing_command, "run_audit", audit)
    monkeypatch.setattr(replay_command, "_run" if run else "_preview", work)
    monkeypatch.setattr(replay_command, "finish_job", lambda *_given, **_options: None)
    command = ["replay", "--missing", *(["--run"] if run else [])]
    ended = CliRunner().invoke(cli.main.app, command)
    assert ended.exit_code == (3 if unread else 0), ended.output
    assert ("magento.orders-1" in ended.output) == bool(unread)
