"""The proof of an erasure on the terminal, and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from cli.console.terminal import (
    EXIT_NO,
    EXIT_UNKNOWN,
    note,
    print_json,
    progress_bar,
    run_async,
    stdout,
)
from schemas.person import Person
from stream.config import Role, Settings
from stream.erasure.local_files import files_naming
from stream.erasure.proof import Proof, prove_erasure
from stream.errors import StreamError
from stream.kafka.log.leader_questions import name_silent
from stream.ops.alerts import Alerts
from stream.settings.required import missing_settings
from stream.times import show_time

if TYPE_CHECKING:
    from agents.erasure.org_records import PersonRecords
    from agents.salesforce.api.client import OrgClient


@contextmanager
def going_on(person: Person, why: str) -> Iterator[None]:
    """Name the command that goes on with an erasure which ends before it is done.

    By every name: what ties them together is gone with what the workers have noted already.
    """
    names = {
        "--email": person.emails,
        "--customer-id": person.customer_ids,
        "--phone": person.phones,
    }
    try:
        yield
    except (StreamError, typer.Exit):
        given = [f"{name}={value}" for name, values in names.items() for value in values]
        reason = [f"--why={why}"] if why else []
        note(f"run it again: {shlex.join(['orderstream', 'erase', *given, *reason])}")
        raise


async def records_of(
    settings: Settings,
    client: OrgClient,
    emails: Sequence[str],
    orders: Iterable[str],
    keys: Sequence[str],
) -> PersonRecords:
    """Return a person's records in the org, found by the mapping. Raises SalesforceError."""
    from agents.erasure.org_records import find_records
    from agents.erasure.personal import personal_records
    from agents.mapping.mapping import Mapping, types_of

    mapping = Mapping.load(settings.mapping_file)
    types = types_of({name: await client.describe(name) for name in mapping.sobjects})
    return await find_records(
        client, personal_records(mapping.rulebook, types), emails, orders, keys
    )


async def ask_salesforce(settings: Settings, person: Person) -> dict[str, Any]:
    """Return which records of the org still name a person, or why that is not known."""
    from agents.erasure.org_records import still_naming
    from agents.salesforce.api.wiring import build_client
    from agents.salesforce.errors.errors import SalesforceError

    if missing := missing_settings(settings, Role.SALESFORCE):
        return {"salesforce": "not asked: " + "; ".join(missing)}
    keys = sorted(
        {key for email in person.emails for key in settings.identity.keys_of_email(email)}
    )
    try:
        with closing(build_client(settings, alerts=Alerts())) as client:
            records = await records_of(settings, client, person.emails, (), keys)
            named = await still_naming(client, person, records)
    except SalesforceError as error:
        return {"salesforce": f"not asked: {error.code or error.status}: {error}"}
    return {"salesforce": "asked", "still_named": [" ".join(one) for one in named]}


def end_with_proof(
    settings: Settings,
    person: Person,
    report: dict[str, Any],
    *,
    files: Sequence[Path] = (),
    as_json: bool,
) -> None:
    """Prove, print, and exit 1 unless it holds in Kafka, Salesforce and these files; 3: unread."""
    proof = run_async(prove(settings, person))
    named = files_naming(person, [settings.state_directory, *files])
    in_salesforce = report.get("still_named", [])
    is_asked = "still_named" in report
    if as_json:
        found = {**proof_json(proof), "files": [str(path) for path in named]}
        found["holds"] = proof.holds and not named and not in_salesforce and is_asked
        print_json({**report, "proof": found})
    else:
        print_proof(proof)
        for path in named:
            note(f"not proved: {path} names the person, or cannot be read: delete it")
        for record in in_salesforce:
            note(f"not proved: Salesforce still names the person, empty it there: {record}")
        if not is_asked:
            note(f"not proved: Salesforce was {report.get('salesforce', 'not asked')}")
    if named or in_salesforce or not (proof.holds and is_asked):
        is_no = named or in_salesforce or not proof.has_dates
        raise typer.Exit(EXIT_NO if is_no else EXIT_UNKNOWN)


async def prove(settings: Settings, person: Person) -> Proof:
    """Decode every record of every topic, with a progress bar."""
    with progress_bar("proving: decoding all records") as update:
        return await prove_erasure(settings, person, progress=update)


def proof_json(proof: Proof) -> dict[str, Any]:
    """Return a proof as JSON-ready data; `gone_ms` null: Kafka has no date for it."""
    return {
        "holds": proof.holds,
        "records_read": proof.records_read,
        "unread": name_silent(proof.unread),
        "left": [
            {
                "topic": remnant.topic,
                "records": remnant.records,
                "without_date": remnant.without_date,
                "gone_ms": remnant.gone_ms if remnant.has_date else None,
            }
            for remnant in proof.remnants
        ],
    }


def print_proof(proof: Proof) -> None:
    """Print what still names the person, and until when."""
    if proof.unread:
        note(f"not proved: these were not read in full: {name_silent(proof.unread)}")
    if not proof.remnants and proof.unread:
        stdout.print(f"none of the {proof.records_read:,} records that were read names the person")
        return
    if not proof.remnants:
        stdout.print(f"proved: none of Kafka's {proof.records_read:,} records names the person")
        return
    table = Table("topic", "records", "gone by (UTC)", title="still names the person")
    for remnant in proof.remnants:
        gone = show_time(remnant.gone_ms) if remnant.has_date else "never by itself"
        table.add_row(remnant.topic, f"{remnant.records:,}", gone)
    stdout.print(table)
    if proof.holds:
        note("proved: Kafka itself removes all of it by then, where partitions go on being written")
    elif not proof.has_dates:
        note("not proved: see `never by itself`; run it again, or docs/erasure.md")
