"""`orderstream erase`: a person wants to be forgotten."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cli.console.erasure_proof import ask_salesforce, end_with_proof, going_on, records_of
from cli.console.terminal import (
    EXIT_NO,
    EXIT_UNKNOWN,
    fail,
    is_confirmed,
    note,
    operator_settings,
    print_json,
    progress_bar,
    run_async,
    stdout,
    time_option,
)
from schemas.email import seen, why_not
from schemas.erasure import Erasure, marker_key
from schemas.event import Kind
from schemas.identity import folded
from schemas.operator import Resolution
from schemas.person import PHONE_DIGITS, Person, digits_of
from schemas.state import state_key
from stream.config import Role, Settings, load_settings
from stream.dlq.resolutions import MarkWriter
from stream.erasure.publish import noted_before, publish_erasures, wait_for_markers
from stream.erasure.search import PersonTraces, find_person
from stream.jobs.operator_log import OperatorLog
from stream.kafka.log.leader_questions import name_silent
from stream.ops.alerts import Alerts
from stream.times import show_time

if TYPE_CHECKING:
    from agents.erasure.org_records import Anonymised, PersonRecords


@dataclass(slots=True)
class _Person:
    """What was found of a person, and what is to be done."""

    found: PersonTraces
    records: PersonRecords
    until: str

    @property
    def orders(self) -> list[str]:
        return sorted({*self.found.orders, *map(folded, self.records.order_keys)})

    def erasures(self) -> list[Erasure]:
        people = (kind for kind in Kind if kind is not Kind.ORDER)
        keys = sorted(self.found.customer_keys)
        return [
            *(Erasure(kind, key, self.until) for kind in people for key in keys),
            *(Erasure(Kind.ORDER, key, self.until) for key in self.orders),
        ]


def erase(  # noqa: PLR0917 - each is an option
    email: Annotated[
        list[str], typer.Option(help="The person's e-mail address; former ones, too.")
    ],
    customer_id: Annotated[
        list[str] | None, typer.Option(help="The customer's id in the store.")
    ] = None,
    phone: Annotated[
        list[str] | None, typer.Option(help="Look for this telephone number, too.")
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option(exists=True, help="Look into this file or folder (exports), too."),
    ] = None,
    why: Annotated[str, typer.Option(help="Goes on record, e.g. the request's number.")] = "",
    since: Annotated[
        str | None, typer.Option(help="Read the topics from here only, e.g. 30d.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds the workers have to take note.")
    ] = 120.0,
    prove_only: Annotated[
        bool, typer.Option("--prove", help="Change nothing: say what still names the person.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Forget a person: anonymise their Salesforce records, and let no older event undo it.

    Their fields are found by the mapping. Order: the workers take note first (older events of the
    person end as superseded from then on, replays and redeliveries too), then Salesforce is written
    over. Then every record of every topic is decoded: what still names the person is said by topic,
    with the date by which Kafka removes it. The store is not touched: erase the person there first,
    or it will send them again.
    Exit 0: done and proved, or a dry run. 1: not confirmed, not finished, or not proved: run it
    again. 2: settings, Kafka. 3: a partition, or Salesforce for --prove, does not answer: what is
    known is shown, nobody is erased before all was read, because what ties a person together goes
    with the erasure.

    Example: orderstream erase --email jane@example.com --why "request 2026-17"
    """
    wanted = Person(
        tuple(dict.fromkeys(address_of(text) for text in email)),
        tuple(customer_id or ()),
        tuple(map(phone_of, phone or ())),
    )
    since_ms = time_option("--since", since)
    settings = operator_settings(*(() if dry_run or prove_only else (Role.JOBS,)))
    if prove_only:
        asked = run_async(ask_salesforce(settings, wanted))
        end_with_proof(settings, wanted, asked, files=files or (), as_json=as_json)
        return
    load_settings(Role.SALESFORCE)  # says what is missing
    person = run_async(_find(settings, wanted, since_ms))
    if not as_json:
        _print_plan(person)
    unread = name_silent(person.found.unread)
    if dry_run or unread:
        if as_json:
            print_json(_report(person))
        if unread:
            note(f"nothing is erased before these were read, ask again: {unread}")
            raise typer.Exit(EXIT_UNKNOWN)
        return
    if not yes and not is_confirmed("Erase this person? This cannot be undone."):
        raise typer.Exit(EXIT_NO)
    with going_on(person.found.person, why):
        done = run_async(_erase(settings, person, why, timeout))
        if not as_json:
            _print_done(done)
        if not done["is_done"]:
            if as_json:
                print_json({**_report(person), **done})
            raise typer.Exit(EXIT_NO)
    report = {**_report(person), **done}
    end_with_proof(settings, person.found.person, report, files=files or (), as_json=as_json)


async def _find(settings: Settings, wanted: Person, since_ms: int | None) -> _Person:
    from agents.salesforce.api.wiring import build_client

    with progress_bar("reading the topics") as update:
        found = await find_person(settings, wanted, since_ms=since_ms, progress=update)
    keys = sorted(found.customer_keys)
    with closing(build_client(settings, alerts=Alerts())) as client:
        records = await records_of(settings, client, found.person.emails, found.orders, keys)
    return _Person(found, records, datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"))


async def _erase(
    settings: Settings, person: _Person, why: str, timeout_seconds: float
) -> dict[str, Any]:
    from agents.erasure.org_records import anonymise, still_naming
    from agents.salesforce.api.wiring import build_client
    from agents.salesforce.errors.errors import SalesforceError

    tail = await noted_before(settings)
    async with OperatorLog.connect(settings) as log:
        keys = [state_key(Kind.CUSTOMER, email) for email in person.found.person.emails]
        who = [marker_key(key).decode() for key in keys]
        detail = {
            "person": who,  # a digest: the log must not keep what is to be forgotten
            "orders": len(person.orders),
            "letters": len(person.found.letters),
            "records": {name: ids for name, (_, ids) in person.records.found.items()},
        }
        await log.record("erase", why=why, detail=detail)
        marks = MarkWriter(settings, log, Resolution.DROPPED, why="erased")
        await marks.write(person.found.letters)
        markers = await publish_erasures(
            settings, log.publisher, person.erasures(), person.found.orders
        )
        missing = await wait_for_markers(
            settings, markers, tail=tail, timeout_seconds=timeout_seconds
        )
        if missing:
            return {
                "is_done": False,
                "problem": f"{len(missing)} of {len(markers)} erasures were not noted in "
                f"{timeout_seconds:.0f} s: do workers run? Salesforce is as it was",
            }
        try:
            with closing(build_client(settings, alerts=Alerts())) as client:
                made = await anonymise(client, person.records)
                found = person.found.person
                named = [] if made.refused else await still_naming(client, found, person.records)
        except SalesforceError as error:
            return {"is_done": False, "problem": f"Salesforce refused: {error.code}: {error}"}
        if made.refused:
            return {"is_done": False, "problem": _refused(made), "anonymised": made.written}
        await log.record("erase-done", why=why, detail={"person": who, "records": made.written})
        told = [" ".join(one) for one in named]
        return {"is_done": True, "problem": "", "anonymised": made.written, "still_named": told}


def _refused(made: Anonymised) -> str:
    named = ", ".join(f"{sobject} {key}: {code}" for sobject, key, code in made.refused[:10])
    return (
        f"Salesforce refused {len(made.refused)} records ({named}); {made.written} were "
        "anonymised, those they belong to were left so that they are found again: unlock or "
        "correct them, or exempt the user from the rule, and run it again"
    )


def _report(person: _Person) -> dict[str, Any]:
    return {
        "emails": person.found.person.emails,
        "customer_ids": person.found.person.customer_ids,
        "orders": person.orders,
        "dead_letters": [f"{partition}-{offset}" for partition, offset in person.found.letters],
        "records": {
            name: {"ids": ids, "fields": dict(kind.values), "key": kind.key_field}
            for name, (kind, ids) in person.records.found.items()
        },
        "held_by_kafka": [
            {**asdict(held), "first_gone_ms": held.first_gone_ms, "all_gone_ms": held.all_gone_ms}
            for held in person.found.held
        ],
        "records_read": person.found.records_read,
        "unread": name_silent({**person.found.unread, **person.found.broken}),
    }


def _print_plan(person: _Person) -> None:
    found = person.found
    known = ", ".join((*found.person.emails, *(f"id {n}" for n in found.person.customer_ids)))
    stdout.print(f"known as {known}", highlight=False)
    stdout.print(
        f"{len(person.orders)} orders, {len(found.letters)} dead letters, "
        f"{person.records.count} Salesforce records ({found.records_read:,} records read)",
        highlight=False,
    )
    if found.broken:
        note(f"nobody can read what may tie more to the person: {name_silent(found.broken)}")
    table = Table("in Salesforce", "records", "becomes", title="to be anonymised")
    for name, (kind, ids) in person.records.found.items():
        emptied = [field for field, value in kind.values.items() if value is None]
        named = [field for field, value in kind.values.items() if value is not None]
        parts = [f"empty: {', '.join(emptied)}"] if emptied else []
        parts += [f"Erased: {', '.join(named)}"] if named else []
        parts += [f"random: {kind.key_field}"] if kind.key_field else []
        table.add_row(name, str(len(ids)), Text("\n".join(parts)))
    stdout.print(table)
    held_table = Table("topic", "records", "first gone", "all gone", title="held by Kafka until")
    for held in found.held:
        first, last = held.first_gone_ms, held.all_gone_ms
        held_table.add_row(
            held.topic,
            f"{held.records:,}",
            show_time(first) if first else "never",
            show_time(last) if last else "never",
        )
    stdout.print(held_table)
    note(
        "Kafka deletes whole segments, so a record can outlive its time by up to one segment. The "
        "state topic gets tombstones; backups and exports of yours are not looked into."
    )


def _print_done(done: dict[str, Any]) -> None:
    if done["is_done"]:
        stdout.print(
            f"done: {done['anonymised']} records anonymised, older events refused from now on",
            highlight=False,
        )
    else:
        note(f"not finished: {done['problem']}")


def address_of(text: str) -> str:
    """Return an e-mail address; exit 2 for what is none."""
    address = seen(text).lower()
    if reason := why_not(address):
        fail(f"--email: `{text}` is no e-mail address: {reason}")
    return address


def phone_of(text: str) -> str:
    """Return a number; exit 2 for one too short to be told from others."""
    if len(digits_of(text)) < PHONE_DIGITS:
        fail(f"--phone: `{text}` has fewer than {PHONE_DIGITS} digits: give it with its area code")
    return text
