"""Records as they are: what cannot be read costs no record that can.

**A header whose name is no text.** Kafka takes any bytes for a header's name, and so do
librdkafka's users. aiokafka raises UnicodeDecodeError in the midst of a batch, what was read of it
before is lost to the caller, and reading again ends there again: one such record ended whoever had
its partition, worker after worker. Here the records of such a batch are read once more, with U+FFFD
for what is no UTF-8.

**A batch that does not fit its checksum.** aiokafka raises where it meets it, and what stands
before it in the same answer is given to nobody. Here that comes first; then the error says which
batch it is, and what comes behind it.

**A batch that is longer than what there is.** Its head is broken: a broker gives whole batches
(KIP-74). aiokafka passes over one offset after the other, with an error for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

LENGTH = slice(8, 12)  # in a batch's head, behind its first offset: how many bytes follow


class UnreadableError(CorruptRecordException):
    """A batch of a partition is broken; `offset`: where reading stands, `behind`: where it may.

    Without `behind` its head is broken: nobody knows how long it is, only trying tells.
    """

    def __init__(self, topic: str, partition: int, offset: int, behind: int | None = None) -> None:
        self.place = (topic, partition)
        self.offset = offset
        self.behind = behind or offset + 1
        what, next_is = (
            ("a batch's head", f"somewhere from {self.behind} on")
            if behind is None
            else ("the checksum is wrong", f"at {behind}")
        )
        super().__init__(
            f"{topic}/{partition} at offset {offset}: Kafka's log is broken here ({what}), what "
            f"can be read next is {next_is}; docs/runbook.md, stalled"
        )


def take_any_records() -> None:
    """Have all consumers of this process read so. May be called again."""
    readers: Any = fetcher
    readers.MemoryRecords = AnyRecords
    readers.PartitionRecords = NamedRecords


class NamedRecords(fetcher.PartitionRecords):
    """The records of a partition; its errors say where they are."""

    _tp: Any
    _records: Any
    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Any]:
        unpack: Any = super()._unpack_records
        try:
            yield from unpack()
        except CorruptRecordException:
            at, end = self.next_fetch_offset, self._records.end
            behind = end if end > at else None
            raise UnreadableError(self._tp.topic, self._tp.partition, at, behind) from None


class AnyRecords:
    """The batches of one answer; stands in for aiokafka's MemoryRecords.

    `end`: what the last batch that was given says of the offset behind it.
    """

    def __init__(self, data: bytes) -> None:
        self._records = MemoryRecords(data)
        self._data = data
        self._has_given = False
        self._next: _AnyBatch | CorruptRecordException | None = self._read()
        self.end = 0
        self.size_in_bytes = self._records.size_in_bytes

    def has_next(self) -> bool:
        """Whether there is another batch. A broken one comes first, in an answer of its own."""
        if self._next is None or not self._has_given:
            return self._next is not None
        return isinstance(self._next, _AnyBatch) and self._next.validate_crc()

    def next_batch(self) -> _AnyBatch | None:
        """Return the next batch, None behind the last one."""
        batch = self._next
        if isinstance(batch, CorruptRecordException):
            raise batch
        if batch is not None:
            self._has_given = True
            self._next = self._read()
            self.end = batch.next_offset
        return batch

    def _read(self) -> _AnyBatch | CorruptRecordException | None:
        try:
            batch: Any = self._records.next_batch()
        except CorruptRecordException as error:
            return error
        if batch is None and self._data and not self._has_given:
            return CorruptRecordException("a batch is longer than the answer")
        return None if batch is None else _AnyBatch(batch, self._data)


class _AnyBatch:
    """A batch of aiokafka's; only iteration differs."""

    def __init__(self, batch: Any, data: bytes) -> None:
        self._batch = batch
        self._data = data
        self._is_whole: bool | None = None

    def validate_crc(self) -> bool:
        """Whether the batch fits its checksum; asked twice, worked out once."""
        if self._is_whole is None:
            self._is_whole = bool(self._batch.validate_crc())
        return self._is_whole

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
