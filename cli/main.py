"""The console script: a table of commands. Each command lives in the file that bears its name."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress

import typer

from cli.commands.adopt import adopt
from cli.commands.audit import audit
from cli.commands.backfill import backfill
from cli.commands.dashboard import dashboard
from cli.commands.demo import demo
from cli.commands.dlq import app as dlq
from cli.commands.doctor import doctor
from cli.commands.erase import erase
from cli.commands.ingress import ingress
from cli.commands.jobs import jobs
from cli.commands.lag import lag
from cli.commands.login import login
from cli.commands.magento import app as magento
from cli.commands.map import map_
from cli.commands.org import app as org
from cli.commands.reconcile import reconcile
from cli.commands.relay import relay
from cli.commands.replay import replay
from cli.commands.reset import reset
from cli.commands.settings import settings
from cli.commands.setup import setup
from cli.commands.size import size
from cli.commands.topics import app as topics
from cli.commands.trace import trace
from cli.commands.validate import validate
from cli.commands.worker import worker
from stream.errors import StreamError
from stream.ops.logs import configure_logs
from stream.ops.printable import printable
from stream.version import own_version

app = typer.Typer(
    name="orderstream",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(own_version())
        raise typer.Exit


@app.callback()
def _orderstream(
    *,
    _version: bool = typer.Option(
        False, "--version", callback=_say_version, is_eager=True, help="Say the version and end."
    ),
) -> None:
    """Carry every Magento order and customer change into Salesforce: none lost, doubled or stale.

    Every command has --help with an example.
    """
    # Commands that run long configure their own; without any, log lines would go to stdout.
    configure_logs(level="error", style="console", process="cli")


app.command()(adopt)
app.command()(audit)
app.command()(dashboard)
app.command()(backfill)
app.command()(demo)
app.command()(doctor)
app.command()(erase)
app.command()(ingress)
app.command()(jobs)
app.command()(lag)
app.command()(login)
app.command("map")(map_)
app.command()(reconcile)
app.command()(relay)
app.command()(replay)
app.command()(reset)
app.command()(settings)
app.command()(setup)
app.command()(size)
app.command()(trace)
app.command()(validate)
app.command()(worker)
app.add_typer(dlq)
app.add_typer(magento)
app.add_typer(org)
app.add_typer(topics)


def run() -> None:
    """Run the command line. Exit 0: done; 1: the answer is no; 2: usage or settings are wrong."""
    atexit.register(_let_go_of_readers)  # the first to be registered is the last to run
    try:
        app()
    except StreamError as error:
        print(printable(f"orderstream: {error}"), file=sys.stderr)
        sys.exit(2)


def _let_go_of_readers() -> None:
    """Drop what nobody reads any more: Python ends with 120 for what it cannot flush at its end.

    The exit code says how the process ended, not whether somebody kept listening.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
