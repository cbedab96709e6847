"""How commands find dead letters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cli.console.terminal import EXIT_NO, fail, run_async

if TYPE_CHECKING:
    from schemas.event import Envelope
    from stream.config import Settings
    from stream.dlq.index import DeadLetter, DeadLetterIndex


@asynccontextmanager
async def open_index(settings: Settings) -> AsyncIterator[DeadLetterIndex]:
    """Open a fresh index of the open letters."""
    from stream.dlq.index import DeadLetterIndex
    from stream.kafka.range_reader import RangeReader

    async with RangeReader(settings) as reader:
        index = DeadLetterIndex(settings, reader)
        await index.refresh()
        yield index


def find(settings: Settings, name: str) -> tuple[DeadLetter, Envelope]:
    """Return an open letter with its payload; exit 1 when there is none."""
    from stream.errors import JobError

    try:
        return run_async(_find(settings, name))
    except JobError as error:
        fail(str(error), code=EXIT_NO)


async def _find(settings: Settings, name: str) -> tuple[DeadLetter, Envelope]:
    from stream.dlq.index import find_letter, read_letter
    from stream.kafka.range_reader import RangeReader

    async with open_index(settings) as index, RangeReader(settings) as reader:
        letter = find_letter(index, name)
        return letter, await read_letter(settings, reader, letter)


async def record_unmask(settings: Settings, command: str) -> None:
    """Put on record that somebody looked at personal data."""
    from stream.jobs.operator_log import OperatorLog
    from stream.ops.masking import mask_text

    async with OperatorLog.connect(settings) as log:
        await log.record("unmask", detail={"command": mask_text(command)})
