"""Commands say that something is not known with exit 3, and show the rest."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import typer

import cli.commands.erase as erase_command
import cli.commands.jobs as jobs_command
import cli.console.erasure_proof as proof_console
from agents.erasure.org_records import PersonRecords
from schemas.person import Person
from stream.config import Settings
from stream.erasure.proof import Proof, Remnant
from stream.erasure.search import PersonTraces

SILENT = {("salesforce.state", 1): "no leader"}
JANE = Person(("jane@example.com",))


@pytest.fixture(autouse=True)
def settings(monkeypatch, tmp_path):
    settings = Settings(_env_file=None, state_directory=tmp_path)
    for module in (erase_command, jobs_command):
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
