"""`orderstream topics acls`: what each process may do in Kafka, as a table and to be applied."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer
from rich.table import Table

from cli.console.terminal import print_json, stdout
from stream.config import load_settings
from stream.kafka.access import Grant, Process, grants, kafka_acls, strimzi_user, user_of


class Form(StrEnum):
    """How the rights are printed."""

    TABLE = "table"
    KAFKA_ACLS = "kafka-acls"
    STRIMZI = "strimzi"


def acls(
    *,
    form: Annotated[
        Form, typer.Option("--format", help="For reading, for kafka-acls.sh, or for Strimzi.")
    ] = Form.TABLE,
    process: Annotated[
        list[Process] | None, typer.Option(help="Only this process; may be repeated.")
    ] = None,
    user: Annotated[str, typer.Option(help="User names; {process} stands for each process.")] = "",
    cluster: Annotated[str, typer.Option(help="Strimzi: the name of your Kafka.")] = "kafka",
    authentication: Annotated[
        str, typer.Option(help="Strimzi: scram-sha-512, tls or tls-external.")
    ] = "scram-sha-512",
    copy_from: Annotated[
        str | None,
        typer.Option("--copy-from-prefix", help="The old topics' prefix, for `copy-state`."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the rights of one Kafka user per process; needs no Kafka and changes nothing.

    Names follow KAFKA_TOPIC_PREFIX and RETRY_DELAYS: print them again when you change those.

    Example: orderstream topics acls --format kafka-acls | sh -e
    """
    settings = load_settings()
    granted = partial(grants, settings, copy_from=copy_from)
    users = {
        one: user.replace("{process}", one.value) or user_of(one, settings)
        for one in process or Process
    }
    if as_json:
        print_json([_line(grant, users[p]) for p in users for grant in granted(p)])
        return
    match form:
        case Form.KAFKA_ACLS:
            lines = [line for p in users for line in kafka_acls(granted(p), users[p])]
        case Form.STRIMZI:
            lines = [
                line
                for p in users
                for line in (
                    "---",
                    *strimzi_user(
                        granted(p),
                        users[p],
                        cluster=cluster,
                        authentication=authentication,
                    ),
                )
            ]
        case Form.TABLE:
            _print_table({users[p]: granted(p) for p in users})
            return
    for line in lines:
        typer.echo(line)


def _line(grant: Grant, user: str) -> dict[str, object]:
    return {"user": user, **asdict(grant)}


def _print_table(granted: dict[str, list[Grant]]) -> None:
    table = Table(box=None)
    for column in ("user", "resource", "operations"):
        table.add_column(column, overflow="fold")
    for user, grants_of in granted.items():
        for number, grant in enumerate(grants_of):
            what = f"{grant.resource} {grant.name}".strip()
            table.add_row("" if number else user, what, ", ".join(grant.operations))
    stdout.print(table)
