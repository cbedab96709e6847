"""`orderstream dlq edit`: correct one payload by hand and requeue it; the original is kept."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.console.dead_letter_options import find
from cli.console.terminal import EXIT_NO, fail, note, operator_settings, print_json, run_async
from schemas.codec import DecodeError
from schemas.event import Envelope
from stream.config import Role, Settings
from stream.dlq.causes import open_index
from stream.dlq.edit import changed_fields, check_edit, requeue_edited
from stream.dlq.open_letters import DeadLetter
from stream.dlq.view import readable
from stream.errors import JobError
from stream.jobs.operator_log import OperatorLog
from stream.settings.magento import MagentoSettings


def edit(
    letter_id: Annotated[str, typer.Argument(help="Letter id (3-17), event id or order number.")],
    *,
    why: Annotated[str, typer.Option(help="The reason, for the audit topic.")],
    file: Annotated[
        Path | None, typer.Option("--from", help="Take the new payload from a file, no editor.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Open a dead letter's payload in $EDITOR, check it, and requeue it.

    The edit is on record (who, why, which fields), the signed original stays where it is.
    Exit 0: requeued. 1: nothing changed or given up. 2: settings, Kafka, or a payload that is none.
    3: not known: it may be in a partition that does not answer.

    Example: orderstream dlq edit 3-17 --why "postcode was in the city field"
    """
    if not why.strip():
        fail("--why: a reason is needed")
    settings = operator_settings(Role.JOBS)
    letter, envelope = find(settings, letter_id)
    value = _edited(settings, envelope, file)
    fields = changed_fields(envelope.value, value)
    if not fields:
        fail("nothing was changed", code=EXIT_NO)
    job_id = run_async(_requeue(settings, letter, envelope, value, why))
    if as_json:
        print_json({"letter": letter.id, "job_id": job_id, "fields": fields})
    else:
        note(f"requeued {letter.id} as {job_id}; changed: {', '.join(fields)}")


def _edited(settings: MagentoSettings, envelope: Envelope, file: Path | None) -> bytes:
    """Return the new bytes, asking again as long as they are no event of this order."""
    if file is not None:
        try:
            value = file.read_bytes()
        except OSError as error:
            fail(f"--from: {file}: cannot be read: {error.strerror}")
        if problem := _problem(settings, envelope, value):
            fail(problem)
        return value
    text = readable(envelope.value)
    while True:
        edited = in_editor(text)
        if edited == text:
            fail("nothing was changed", code=EXIT_NO)
        problem = _problem(settings, envelope, edited.encode())
        if not problem:
            return edited.encode()
        note(problem)
        if not typer.confirm("Edit again?", err=True, default=True):
            raise typer.Exit(EXIT_NO)
        text = edited


def in_editor(text: str) -> str:
    """Return the text as the person left it; $VISUAL, else $EDITOR, else vi. Exit 2 if it fails.

    The file is readable by its owner only and is deleted at once: it holds personal data.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="orderstream-") as folder:
        path = Path(folder) / "dead-letter.json"
        path.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(path)], check=True)  # noqa: S603 - the user's own
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            fail(f"$EDITOR: {error}; use --from FILE instead")


def _problem(settings: MagentoSettings, envelope: Envelope, value: bytes) -> str:
    try:
        check_edit(settings, envelope, value)
    except (DecodeError, JobError) as error:
        return str(error)
    return ""


async def _requeue(
    settings: Settings, letter: DeadLetter, envelope: Envelope, value: bytes, why: str
) -> str:
    async with open_index(settings) as index:
        index.refuse_silence({letter.partition})
        if not index.is_open(letter.partition, letter.offset):
            why_not = "was resolved by somebody else meanwhile: nothing was requeued"
            fail(f"dead letter {letter.id} {why_not}", code=EXIT_NO)
    async with OperatorLog.connect(settings) as log:
        return await requeue_edited(settings, log, letter, envelope, value=value, why=why)
