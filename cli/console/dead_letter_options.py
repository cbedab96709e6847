"""The options that choose dead letters, the same for every `dlq` command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.console.terminal import time_option

if TYPE_CHECKING:
    from stream.dlq.index import LetterFilter

CodeOption = Annotated[str, typer.Option(help="Error code, e.g. STRING_TOO_LONG.")]
FieldOption = Annotated[str, typer.Option(help="Field at fault; - for none.")]
SinceOption = Annotated[str | None, typer.Option(help="Dead since: 15m, 2026-11-25T10:00.")]
UntilOption = Annotated[str | None, typer.Option(help="Dead before.")]
OrderOption = Annotated[str, typer.Option(help="Order number, or a customer's e-mail address.")]
StoreOption = Annotated[str, typer.Option(help="Magento store id.")]


def letter_filter(
    *,
    code: str,
    field: str,
    since: str | None,
    until: str | None,
    order: str,
    store: str,
    ids: tuple[str, ...] = (),
) -> LetterFilter:
    """Return the filter of the options; exit 2 for a time that is none."""
    from stream.dlq.index import LetterFilter

    return LetterFilter(
        code=code,
        field=field,
        since_ms=time_option("--since", since),
        until_ms=time_option("--until", until),
        key=order.lower() if "@" in order else order,
        store=store,
        ids=ids,
    )
