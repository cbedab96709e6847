"""Copies the order state to topics with another partition count.

A key's state must be in the partition where its events come in, and another count puts keys
elsewhere. So the count of living topics is never changed: new topics are made under another
KAFKA_TOPIC_PREFIX, the old ones are drained, and the newest state of every key is written where the
new topics will look for it (docs/operations.md has the whole procedure).

| old record | goes to |
|---|---|
| `order:<key>`, `customer:<key>` | the partition of `<key>` in the new count |
| `erased:<digest>` | every partition: a digest does not say whose it is |

The newest is told by its version, as workers tell it: an expelled one may have written last, and
where somebody raised the count of the old topic, a key's states are in two of its partitions.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from schemas.erasure import MARKER_PREFIX
from schemas.sender_clock import TOLERANCE_SECONDS, utc_text
from schemas.state_order import goes_back
from stream.config import Settings
from stream.errors import StreamError
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.partitioner import partition_of
from stream.kafka.publisher import Ack, Record

CHUNK_RECORDS = 2_000


class StateMigrationError(StreamError):
    """The state cannot be copied; the message says why."""


@dataclass(slots=True)
class StateMigration:
    """What was copied: keys, and records written (a marker is written once per partition)."""

    keys: int = 0
    written: int = 0


async def copy_state(
    old: Settings,
    new: Settings,
    publish_all: Callable[[Sequence[Record]], Awaitable[Sequence[Ack]]],
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> StateMigration:
    """Write the newest state of every key to the new topics; may be repeated until workers start.

    Raises StateCopyError when the new topics are the old ones, or when workers have begun on them:
    what is older would overwrite what they wrote. Raises BrokerError.
    """
    if old.topics.state == new.topics.state:
        raise StateMigrationError("old and new topics are the same: set a new KAFKA_TOPIC_PREFIX")
    newest = await _newest(old, new, progress)
    copied = StateMigration(keys=len(newest))
    count = new.kafka_partitions
    chunk: list[Record] = []
    for key, value in newest.items():
        chunk += _records(new, key, value, count)
        if len(chunk) >= CHUNK_RECORDS:
            copied.written += len(await publish_all(chunk))
            chunk = []
    if chunk:
        copied.written += len(await publish_all(chunk))
    return copied


async def _newest(
    old: Settings, new: Settings, progress: Callable[[int, int], None]
) -> dict[bytes, bytes]:
    newest: dict[bytes, bytes] = {}
    latest = utc_text(int((time.time() + TOLERANCE_SECONDS) * 1000))
    async with RangeReader(new) as reader:
        if any(await _committed(reader, new)):
            raise StateMigrationError(
                f"workers have begun on {new.topics.orders}: their state is newer. Copy before "
                "they start, into topics of another KAFKA_TOPIC_PREFIX"
            )
        spans = await reader.spans([old.topics.state])
        total, done = sum(span.size for span in spans), 0
        async for batch in reader.read(spans):
            for record in batch:
                if record.key is None:
                    continue
                if record.value is None:
                    newest.pop(record.key, None)
                elif (had := newest.get(record.key)) is None or not goes_back(
                    had, record.value, latest
                ):
                    newest[record.key] = record.value
            done += len(batch)
            progress(done, total)
    return newest


async def _committed(reader: RangeReader, new: Settings) -> Iterator[int]:
    committed = await reader.committed(new.worker_group)
    return (offset for offset in committed.values() if offset > 0)


def _records(new: Settings, key: bytes, value: bytes, count: int) -> Iterator[Record]:
    if key.startswith(MARKER_PREFIX):
        places: Sequence[int] = range(count)
    else:
        _, _, name = key.partition(b":")
        places = (partition_of(name, tuple(range(count))),)
    for place in places:
        yield Record(topic=new.topics.state, key=key, value=value, partition=place)
