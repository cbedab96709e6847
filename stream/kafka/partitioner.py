"""Which partition a key is in: the reason why one order's life can be read without a scan."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner


def partition_of(key: bytes, partitions: tuple[int, ...]) -> int:
    """Return the partition of a key: murmur2, as every Kafka client's default."""
    return int(DefaultPartitioner()(key, list(partitions), list(partitions)))
