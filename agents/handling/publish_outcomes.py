"""Route: everything a batch's decisions must publish, awaited to the broker's ack.

Returns only when every record is on disk: results, order state, retry copies, dead letters. Only
then may the loop body end, and the offsets be committed (docs/architecture.md, invariant 4). While
Kafka is away it blocks; if the process dies meanwhile, the batch is redelivered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence

from agents.handling.decode import DecodedEvent
from agents.handling.outcome import Decision, result_record, state_record
from agents.handling.state_store import StateStore
from schemas.state import State
from stream.kafka.publisher import Ack, Record
from stream.ops import metrics
from stream.topics import Topics

PublishAll = Callable[[Sequence[Record]], Awaitable[Sequence[Ack]]]


async def route(
    decisions: Sequence[Decision],
    *,
    publish_all: PublishAll,
    state: StateStore,
    topics: Topics,
) -> None:
    """Publish the consequences of decisions, then remember the acknowledged states."""
    records: list[Record] = []
    states: list[int] = []
    for decision in decisions:
        if not decision.is_repeated:
            records.append(result_record(decision, topics))
        if decision.republish is not None:
            records.append(decision.republish)
        if (state_write := state_record(decision, topics)) is not None:
            states.append(len(records))
            records.append(state_write)
        states += range(len(records), len(records) + len(decision.writes))
        records += decision.writes
    acks = await publish_all(records)
    _remember(state, [(records[position], acks[position]) for position in states])
    for decision in decisions:
        _count(decision)


async def announce(
    foreseen: Sequence[tuple[DecodedEvent, State]],
    *,
    publish_all: PublishAll,
    state: StateStore,
    topics: Topics,
) -> None:
    """Publish the states of orders that are about to change, and remember them (see foresight)."""
    newest = [(item.origin.partition, item.key, doubt.to_bytes()) for item, doubt in foreseen]
    await restore(newest, publish_all=publish_all, state=state, topics=topics)


async def restore(
    newest: Sequence[tuple[int, bytes, bytes]],
    *,
    publish_all: PublishAll,
    state: StateStore,
    topics: Topics,
) -> None:
    """Write states again behind which an older one stands: compaction keeps the last."""
    records = [
        Record(topic=topics.state, key=key, value=value, partition=partition)
        for partition, key, value in newest
    ]
    _remember(state, list(zip(records, await publish_all(records), strict=True)))


def stamped(records: Sequence[Record], generation: int, topics: Topics) -> list[Record]:
    """Return records with the group generation that decided them, where a person may ask for it."""
    header = ("generation", b"%d" % generation)
    said = {topics.state, topics.results}
    return [
        dataclasses.replace(record, headers=(*record.headers, header))
        if record.topic in said
        else record
        for record in records
    ]


def _remember(state: StateStore, written: Sequence[tuple[Record, Ack]]) -> None:
    """Keep acknowledged state writes in memory."""
    writes: dict[int, list[tuple[int, bytes, bytes | None]]] = {}
    for record, ack in written:
        writes.setdefault(ack.partition, []).append((ack.offset, record.key or b"", record.value))
    for partition, of_partition in writes.items():
        state.put(partition, of_partition)


def _count(decision: Decision) -> None:
    result = decision.result
    metrics.OUTCOMES.labels(result.kind, result.outcome.value).inc()
    if result.outcome.is_final:
        metrics.EVENT_LATENCY.observe(result.latency_ms / 1000)
