"""Reads the payload of a dead letter when somebody looks at it, over one connection that stays."""

from __future__ import annotations

import asyncio

from schemas.event import Envelope
from stream.config import Settings
from stream.dlq.index import read_letter
from stream.dlq.open_letters import DeadLetter
from stream.errors import BrokerError
from stream.kafka.log.range_reader import RangeReader


class Payloads:
    """One reader for all pages, one letter at a time; connects when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader: RangeReader | None = None
        self._lock = asyncio.Lock()

    async def read(self, letter: DeadLetter) -> Envelope:
        """Return a letter with its payload. Raises JobError when it is gone, and BrokerError."""
        async with self._lock:
            if self._reader is None:
                self._reader = await RangeReader(self._settings).__aenter__()
            try:
                return await read_letter(self._settings, self._reader, letter)
            except BrokerError:
                await self._close()  # connect anew the next time
                raise

    async def close(self) -> None:
        async with self._lock:
            await self._close()

    async def _close(self) -> None:
        if self._reader is not None:
            await self._reader.close()
            self._reader = None
