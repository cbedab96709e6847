"""`orderstream settings`: what is set, what each setting means, and the documents made of it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from cli.console.terminal import stdout
from stream import settings_reference
from stream.config import load_settings


def settings(
    markdown: Annotated[bool, typer.Option(help="Print docs/settings.md.")] = False,
    env: Annotated[bool, typer.Option(help="Print .env.example.")] = False,
) -> None:
    """Show every setting with the value in force; secrets are masked.

    Exit 2 when a value is bad. What is missing depends on the process: each says so at its start.

    Example: orderstream settings
    """
    if markdown:
        print(settings_reference.markdown(), end="")
        return
    if env:
        print(settings_reference.env_example(), end="")
        return
    in_force = settings_reference.effective(load_settings())
    table = Table("variable", "value", "meaning", show_lines=False)
    for line in settings_reference.setting_lines():
        table.add_row(line.name, in_force[line.name], line.meaning)
    stdout.print(table)
