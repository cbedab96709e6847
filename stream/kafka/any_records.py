"""Records of other producers: a header whose name is no text costs no record.

Kafka takes any bytes for a header's name, and so do librdkafka's users. aiokafka raises
UnicodeDecodeError in the midst of a batch, what was read of it before is lost to the caller, and
reading again ends there again: one such record ended whoever had its partition, worker after
worker. Here the records of such a batch are read once more, with U+FFFD for what is no UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

LENGTH = slice(8, 12)  # in a batch's head, behind its first offset: how many bytes follow


def take_any_records() -> None:
    """Have all consumers of this process read so. May be called again."""
    readers: Any = fetcher
    readers.MemoryRecords = AnyRecords


class AnyRecords:
    """The batches of one answer; stands in for aiokafka's MemoryRecords."""

    def __init__(self, data: bytes) -> None:
        self._records = MemoryRecords(data)
        self._data = data
        self.size_in_bytes = self._records.size_in_bytes
        self.has_next = self._records.has_next

    def next_batch(self) -> _AnyBatch | None:
        """Return the next batch, None behind the last one."""
        batch: Any = self._records.next_batch()
        return None if batch is None else _AnyBatch(batch, self._data)


class _AnyBatch:
    """A batch of aiokafka's; only iteration differs."""

    def __init__(self, batch: Any, data: bytes) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        count = 0
        try:
            for count, record in enumerate(self._batch, 1):  # noqa: B007 - counts what was given
                yield record
        except UnicodeDecodeError:
            yield from islice(_lenient(self._data, self._batch.base_offset), count, None)


def _lenient(data: bytes, base_offset: int) -> Iterator[Any]:
    """Read the batch that begins at an offset in Python; a tenth as fast."""
    at = 0
    while int.from_bytes(data[at : at + 8], signed=True) != base_offset:
        at = _end(data, at)
    batch = _DefaultRecordBatchPy(data[at : _end(data, at)])
    batch._maybe_uncompress()  # noqa: SLF001 - test_private_names.py holds the name
    batch._buffer = _Text(batch._buffer)  # noqa: SLF001 - it, too
    return iter(batch)


def _end(data: bytes, at: int) -> int:
    length = data[at + LENGTH.start : at + LENGTH.stop]
    return at + LENGTH.stop + int.from_bytes(length)


class _Text(bytearray):
    """Bytes of which any part is a text."""

    def __getitem__(self, where: Any) -> Any:
        found = super().__getitem__(where)
        return _Text(found) if isinstance(where, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        """Decode; what is no text is replaced."""
        return super().decode(encoding, errors)
