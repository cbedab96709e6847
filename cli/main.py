"""The console script: a table of commands. Each command lives in the file that bears its name."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import Any, Final

import typer
from typer.core import TyperGroup

from stream.errors import StreamError
from stream.ops.logs import configure_logs
from stream.ops.printable import printable
from stream.version import own_version

# Command → what its file calls it. `app` is a group of commands of its own.
COMMANDS: Final = {
    "adopt": "adopt",
    "audit": "audit",
    "backfill": "backfill",
    "dashboard": "dashboard",
    "demo": "demo",
    "dlq": "app",
    "doctor": "doctor",
    "erase": "erase",
    "ingress": "ingress",
    "jobs": "jobs",
    "lag": "lag",
    "login": "login",
    "magento": "app",
    "map": "map_",
    "org": "app",
    "reconcile": "reconcile",
    "relay": "relay",
    "replay": "replay",
    "reset": "reset",
    "settings": "settings",
    "setup": "setup",
    "size": "size",
    "topics": "app",
    "trace": "trace",
    "validate": "validate",
    "worker": "worker",
}


class _ByName(dict[str, Any]):
    """Command by name. Its file is imported when it is looked at: all of them take a second."""

    def __getitem__(self, name: str) -> Any:
        if super().__getitem__(name) is None:
            self[name] = _command(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 - this is that `get`

    def items(self) -> Any:
        return [(name, self[name]) for name in self]


def _command(name: str) -> Any:
    found = getattr(import_module(f"cli.commands.{name}"), COMMANDS[name])
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False)
        found.command(name)(function)
    command = typer.main.get_command(found)
    command.name = name
    return command


class _OrderstreamGroup(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = _ByName(dict.fromkeys(COMMANDS))


app = typer.Typer(
    cls=_OrderstreamGroup,
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


def run() -> None:
    """Run the command line. Exit 0: done; 1: the answer is no; 2: usage, settings; 3: not known."""
    atexit.register(_let_go_of_readers)  # the first to be registered is the last to run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # what a terminal cannot show ends nothing
    try:
        app()
    except StreamError as error:
        print(printable(f"orderstream: {error}"), file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is None:
            raise
        # A folder of another user, a file where a folder should be: the machine's, no bug of ours.
        print(printable(f"orderstream: {error.filename}: {error.strerror}"), file=sys.stderr)
        sys.exit(StreamError.exit_code)


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
