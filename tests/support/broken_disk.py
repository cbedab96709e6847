"""A disk that breaks one place of a log of a broker of ours, where it keeps it; it may run on.

In the records of a batch the checksum tells. The head says how long the batch is, and no checksum
is of that: the broker itself does not find its way past it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sandbox.broker import Broker

LENGTH_AT, HEAD_BYTES = 8, 12  # a batch: its first offset, how many bytes follow, and these


def break_batch(broker: Broker, topic: str, partition: int, value: bytes) -> None:
    """Change a byte of a record's value."""
    segment = _segment(broker, topic, partition)
    data = segment.read_bytes()
    at = data.rindex(value) + len(value) // 2
    _write(segment, at, bytes([data[at] ^ 1]))


def break_head(broker: Broker, topic: str, partition: int, value: bytes) -> None:
    """Empty the head of the batch that holds a record's value, as a page of zeros does."""
    segment = _segment(broker, topic, partition)
    data = segment.read_bytes()
    last = data.rindex(value)
    begin = max(at for at in _batches(data) if at < last)
    _write(segment, begin + LENGTH_AT, bytes(HEAD_BYTES - LENGTH_AT))


def _batches(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        yield at
        at += HEAD_BYTES + int.from_bytes(data[at + LENGTH_AT : at + HEAD_BYTES])


def _segment(broker: Broker, topic: str, partition: int) -> Path:
    (segment,) = broker.directory.glob(f"data/{topic}-{partition}/*.log")
    return segment


def _write(segment: Path, at: int, data: bytes) -> None:
    with segment.open("r+b") as file:
        file.seek(at)
        file.write(data)
