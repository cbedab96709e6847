"""How commands choose and find dead letters: the same options for all of them."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from cli.console.terminal import EXIT_NO, EXIT_UNKNOWN, fail, note, run_async, window_options
from schemas.event import Envelope
from stream.config import Settings
from stream.dlq.causes import open_codes, open_index, told
from stream.dlq.index import LetterFilter, find_letter, read_letter
from stream.dlq.open_letters import DeadLetter
from stream.errors import JobError
from stream.jobs.operator_log import OperatorLog
from stream.kafka.log.passing_reader import PassingReader
from stream.ops.masking import mask_text
from stream.settings.magento import MagentoSettings

CodeOption = Annotated[str, typer.Option(help="Error code, e.g. STRING_TOO_LONG.")]
FieldOption = Annotated[str, typer.Option(help="Field at fault; - for none.")]
SinceOption = Annotated[str | None, typer.Option(help="Dead since: 15m, 2026-11-25T10:00.")]
UntilOption = Annotated[str | None, typer.Option(help="Dead before.")]
OrderOption = Annotated[str, typer.Option(help="Order number, or a customer's e-mail address.")]
StoreOption = Annotated[str, typer.Option(help="Magento store id.")]


def letter_filter(
    settings: MagentoSettings,
    *,
    code: str,
    field: str,
    since: str | None,
    until: str | None,
    order: str,
    store: str,
    ids: list[str] | None = None,
) -> LetterFilter:
    """Return the filter of the options; exit 2 for a time that is none."""
    since_ms, until_ms = window_options(since, until)
    return LetterFilter(
        code=code,
        field=field,
        since_ms=since_ms,
        until_ms=until_ms,
        key=settings.identity.key_of_target(order),
        store=store,
        ids=tuple(ids or ()),
        pattern=settings.identity.pattern_of_target(order),
    )


def say_unread(unread: str) -> None:
    """Say which partitions may hold more letters and do not answer."""
    if unread:
        note(f"not known: there may be other dead letters, they stay open: {unread}")


def exit_unless_known(unread: str) -> None:
    """Exit 3 at the end of what was done with the letters that were read."""
    if unread:
        raise typer.Exit(EXIT_UNKNOWN)


def none_fits(settings: Settings) -> str:
    """Return the sentence that nothing fits, with the codes that there are."""
    codes = told(run_async(open_codes(settings)))
    return f"no open dead letter fits; open ones by code: {codes}"


def fail_for_none(settings: Settings) -> NoReturn:
    """Say that nothing fits and which codes there are; exit 1."""
    fail(none_fits(settings), code=EXIT_NO)


def find(settings: Settings, name: str) -> tuple[DeadLetter, Envelope]:
    """Return an open letter with its payload; exit 1 when there is none, 3 if that is not known."""
    try:
        return run_async(_find(settings, name))
    except JobError as error:
        fail(str(error), code=EXIT_NO)


async def _find(settings: Settings, name: str) -> tuple[DeadLetter, Envelope]:
    async with open_index(settings) as index, PassingReader(settings) as reader:
        key = settings.identity.key_of_target(name)
        letter = find_letter(index, name, key, settings.identity.pattern_of_target(name))
        return letter, await read_letter(settings, reader, letter)


async def record_unmask(settings: Settings, command: str) -> None:
    """Put on record that somebody looked at personal data."""
    async with OperatorLog.connect(settings) as log:
        await log.record("unmask", detail={"command": mask_text(command)})
