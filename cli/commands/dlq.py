"""`orderstream dlq`: what is dead, why, and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.dlq_edit import edit
from cli.commands.dlq_requeue import requeue
from cli.console.dead_letter_options import (
    CodeOption,
    FieldOption,
    OrderOption,
    SinceOption,
    StoreOption,
    UntilOption,
    exit_unless_known,
    fail_for_none,
    find,
    letter_filter,
    none_fits,
    record_unmask,
    say_unread,
)
from cli.console.dead_letters import (
    group_json,
    letter_json,
    print_groups,
    print_letter,
    print_letters,
)
from cli.console.job_options import WhyOption
from cli.console.terminal import (
    EXIT_NO,
    fail,
    note,
    operator_settings,
    print_json,
    run_async,
    stdout,
)
from stream.config import Settings
from stream.dlq.causes import held_codes, open_codes, open_index, told
from stream.dlq.index import LetterFilter, LetterGroup
from stream.dlq.open_letters import DeadLetter
from stream.dlq.resolutions import drop_letters
from stream.dlq.view import payload_of, story_of
from stream.jobs.operator_log import RELEASED, OperatorLog
from stream.times import show_time

app = typer.Typer(
    name="dlq",
    help="List, show, requeue, drop and edit dead letters.",
    no_args_is_help=True,
    add_completion=False,
)
app.command()(requeue)
app.command()(edit)


@app.command("list")
def list_(
    *,
    code: CodeOption = "",
    field: FieldOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    order: OrderOption = "",
    store: StoreOption = "",
    letters: Annotated[bool, typer.Option("--letters", help="List letters, not groups.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Most letters to list.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    unmask: Annotated[bool, typer.Option(help="Show e-mail addresses; on record.")] = False,
) -> None:
    """List open dead letters, grouped by error code and field, with the fix for each.

    Exit 0, whether there are any or not. 2: settings or Kafka. 3: what is known is shown, and a
    partition does not answer.

    Example: orderstream dlq list --code STRING_TOO_LONG --since 24h
    """
    settings = operator_settings()
    wanted = letter_filter(
        settings, code=code, field=field, since=since, until=until, order=order, store=store
    )
    if unmask:
        run_async(record_unmask(settings, "dlq list"))
    groups, found, unread = run_async(_collect(settings, wanted))
    say_unread(unread)
    where = " in what was read" if unread else ""
    if as_json:
        print_json(
            {
                "open": len(found),
                "groups": [group_json(group) for group in groups],
                "letters": [letter_json(item, is_masked=not unmask) for item in found[:limit]],
                "unread": unread,
            }
        )
    elif not found and not unread and not wanted.is_everything:
        stdout.print(none_fits(settings), soft_wrap=True, highlight=False)
    elif letters or order:
        print_letters(found[:limit], len(found), is_masked=not unmask, where=where)
    else:
        print_groups(groups, where=where)
    exit_unless_known(unread)


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(help="Letter id (3-17), event id or order number.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    unmask: Annotated[bool, typer.Option(help="Show personal data; on record.")] = False,
) -> None:
    """Show one dead letter: its story, what is wrong, the fix, the payload.

    Exit 0: found. 1: no such open letter. 2: settings or Kafka. 3: not known: it may be in a
    partition that does not answer.

    Example: orderstream dlq show 3-17
    """
    settings = operator_settings()
    if unmask:
        run_async(record_unmask(settings, f"dlq show {letter_id}"))
    letter, envelope = find(settings, letter_id)
    read = letter_json(letter, is_masked=not unmask) | {
        "headers": story_of(envelope, is_masked=not unmask),
        "payload": payload_of(envelope, is_masked=not unmask),
    }
    if as_json:
        print_json(read)
    else:
        print_letter(read)


@app.command()
def release(
    code: Annotated[str, typer.Argument(help="The error code that the alert named.")],
    *,
    why: WhyOption,
) -> None:
    """Let the events die that a worker holds back because too many die of one cause.

    Workers that hold such events learn of it within half a minute.
    Exit 0: on record. 1: no events of that code die: nothing is done. 2: settings or Kafka.
    3: the same, and a partition does not answer.

    Example: orderstream dlq release STRING_TOO_LONG --why "test orders"
    """
    if not why.strip():
        fail("--why: a reason is needed")
    settings = operator_settings()
    codes = run_async(open_codes(settings))
    held, unread = ({code}, "") if code in codes else run_async(held_codes(settings))
    if code not in held:
        say_unread(unread)
        exit_unless_known(unread)
        fail(
            f"no events die of {code}, nothing is released; open ones by code: {told(codes)}",
            code=EXIT_NO,
        )

    async def record() -> None:
        async with OperatorLog.connect(settings) as log:
            await log.record(RELEASED, why=why, detail={"code": code})

    run_async(record())
    note(f"{code} is released: its events become dead letters again")


@app.command()
def drop(
    ids: Annotated[list[str] | None, typer.Argument(help="Letter or event ids.")] = None,
    *,
    why: WhyOption,
    code: CodeOption = "",
    field: FieldOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    order: OrderOption = "",
    store: StoreOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Give dead letters up: they are marked as dropped, with who and why. Nothing is deleted.

    Exit 0: done. 1: nothing fits, or not confirmed. 2: settings or Kafka. 3: done with what was
    read, and a partition does not answer.

    Example: orderstream dlq drop 3-17 --why "test order"
    """
    settings = operator_settings()
    wanted = letter_filter(
        settings,
        code=code,
        field=field,
        since=since,
        until=until,
        order=order,
        store=store,
        ids=ids,
    )
    if wanted.is_everything:
        fail("say which: give ids or a filter")
    if not why.strip():
        fail("--why: a reason is needed")
    _, found, unread = run_async(_collect(settings, wanted))
    say_unread(unread)
    if not found:
        exit_unless_known(unread)
        fail_for_none(settings)
    note(f"{len(found):,} dead letters would be dropped, the oldest of {_age(found)}")
    if not yes and not typer.confirm("Drop them?", err=True):
        raise typer.Exit(EXIT_NO)
    count = run_async(_drop(settings, found, why))
    if as_json:
        print_json({"dropped": count})
    else:
        stdout.print(f"dropped {count:,}", highlight=False)
    exit_unless_known(unread)


async def _collect(
    settings: Settings, wanted: LetterFilter
) -> tuple[list[LetterGroup], list[DeadLetter], str]:
    async with open_index(settings) as index:
        return index.groups(wanted), list(index.letters(wanted)), index.unread_for(wanted)


async def _drop(settings: Settings, letters: list[DeadLetter], why: str) -> int:
    async with OperatorLog.connect(settings) as log:
        return await drop_letters(settings, log, letters, why=why)


def _age(letters: list[DeadLetter]) -> str:
    return show_time(min(letter.at_ms for letter in letters))
