"""Which error codes events die of now: for who names one, and may have mistyped it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from schemas.result import HELD_BACK, read_result
from stream.config import Settings
from stream.dlq.index import DeadLetterIndex
from stream.kafka.log.leader_questions import name_silent
from stream.kafka.log.passing_reader import PassingReader

# What is held back comes round within ten minutes, or waits in a tier of an hour at most.
LOOK_BACK_MS = 75 * 60 * 1000


@asynccontextmanager
async def open_index(settings: Settings) -> AsyncIterator[DeadLetterIndex]:
    """Open a fresh index of the open letters. Raises BrokerError."""
    async with PassingReader(settings) as reader:
        index = DeadLetterIndex(settings, reader)
        await index.refresh()
        yield index


async def open_codes(settings: Settings) -> Counter[str]:
    """Return the codes of the open dead letters, with how many there are. Raises BrokerError."""
    async with open_index(settings) as index:
        return Counter(letter.code for letter in index.letters())


async def held_codes(settings: Settings) -> tuple[set[str], str]:
    """Return the codes of events that are held back, and what was not read. Raises BrokerError."""
    since_ms = time.time_ns() // 1_000_000 - LOOK_BACK_MS
    codes = set()
    async with PassingReader(settings) as reader:
        spans, silent = await reader.known_spans([settings.topics.results], since_ms=since_ms)
        async for batch in reader.read(spans):
            for record in batch:
                try:
                    reason = str(read_result(record.value).get("reason", ""))
                except ValueError:
                    continue  # the audit counts those
                if reason.startswith(HELD_BACK):
                    codes.add(reason.removeprefix(HELD_BACK))
        return codes, name_silent({**reader.broken.told(), **silent})


def told(codes: Counter[str]) -> str:
    """Return the codes as a person reads them, the most frequent first."""
    return ", ".join(f"{code} ({count:,})" for code, count in codes.most_common()) or "none at all"
