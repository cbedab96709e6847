"""Which partition a key is in: the reason why one order's life can be read without a scan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: Sequence[int]) -> int:
    """Return the partition of a key: murmur2, as every Kafka client's default."""
    place: int = (murmur2(key) & 0x7FFFFFFF) % len(partitions)
    return partitions[place]


def used_partitions(counted: Iterable[Sized]) -> tuple[int, ...]:
    """Return the partitions that keys go to: those that all of some topics have.

    So an order stays where it is when somebody gives one of them more.
    """
    return tuple(range(min(map(len, counted), default=0)))
