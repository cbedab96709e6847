"""A disk that breaks one place of a log of a broker of ours: a byte changes, and the checksum tells."""

from __future__ import annotations

from sandbox.broker import Broker


def break_batch(broker: Broker, topic: str, partition: int, value: bytes) -> None:
    """Change a byte of a record's value where the broker keeps it; it may run on meanwhile."""
    (segment,) = broker.directory.glob(f"data/{topic}-{partition}/*.log")
    data = segment.read_bytes()
    at = data.rindex(value) + len(value) // 2
    with segment.open("r+b") as file:
        file.seek(at)
        file.write(bytes([data[at] ^ 1]))
