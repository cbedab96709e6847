"""The console script: a table of commands. Each command lives in the file that bears its name."""

from __future__ import annotations

import sys

import typer

from stream.errors import MappingFileError, SettingsError

app = typer.Typer(
    name="orderstream",
    help="Carry every Magento order and customer change into Salesforce: none lost, none doubled, "
    "none stale.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def run() -> None:
    """Run the command line. Exit 0: done; 1: the answer is no; 2: usage or settings are wrong."""
    try:
        app()
    except (SettingsError, MappingFileError) as error:
        print(f"orderstream: {error}", file=sys.stderr)
        sys.exit(2)
