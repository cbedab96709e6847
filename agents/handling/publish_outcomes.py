"""Route: everything a batch's decisions must publish, awaited to the broker's ack.

Returns only when every record is on disk: results, order state, retry copies, dead letters. Only
then may the loop body end, and the offsets be committed (docs/architecture.md, invariant 4). While
Kafka is away it blocks; if the process dies meanwhile, the batch is redelivered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from agents.handling.decode import DecodedEvent
from agents.handling.outcome import Decision, result_record, state_record
from agents.handling.state_store import Overwritten, StateStore
from schemas.state import State
from stream.kafka.publisher import Ack, Record
from stream.ops import metrics
from stream.topics import Topics

PublishAll = Callable[[Sequence[Record]], Awaitable[Sequence[Ack]]]


@dataclass(frozen=True, slots=True)
class OutcomePublisher:
    """Publishes what a worker decided; `state` remembers what was acknowledged."""

    publish_all: PublishAll
    state: StateStore
    topics: Topics

    async def route(self, decisions: Sequence[Decision]) -> None:
        """Publish the consequences of decisions, then remember the acknowledged states."""
        records: list[Record] = []
        states: list[int] = []
        for decision in decisions:
            if not decision.is_repeated:
                records.append(result_record(decision, self.topics))
            if decision.republish is not None:
                records.append(decision.republish)
            if (state_write := state_record(decision, self.topics)) is not None:
                states.append(len(records))
                records.append(state_write)
            states += range(len(records), len(records) + len(decision.writes))
            records += decision.writes
        acks = await self.publish_all(records)
        self._remember([(records[position], acks[position]) for position in states])
        _count(decisions)

    async def announce(self, foreseen: Sequence[tuple[DecodedEvent, State]]) -> None:
        """Publish the states of orders that are about to change, and remember them (foresight)."""
        await self.restore(
            [(item.origin.partition, item.key, doubt.to_bytes()) for item, doubt in foreseen]
        )

    async def restore(self, newest: Sequence[Overwritten]) -> None:
        """Write states again behind which an older one stands: compaction keeps the last."""
        records = [
            Record(topic=self.topics.state, key=key, value=value, partition=partition)
            for partition, key, value in newest
        ]
        self._remember(list(zip(records, await self.publish_all(records), strict=True)))

    def _remember(self, written: Sequence[tuple[Record, Ack]]) -> None:
        writes: dict[int, list[tuple[int, bytes, bytes | None]]] = {}
        for record, ack in written:
            write = (ack.offset, record.key or b"", record.value)
            writes.setdefault(ack.partition, []).append(write)
        for partition, of_partition in writes.items():
            self.state.put(partition, of_partition)


def stamped(records: Sequence[Record], generation: int, topics: Topics) -> list[Record]:
    """Return records with the group generation that decided them, where a person may ask for it."""
    header = ("generation", b"%d" % generation)
    said = {topics.state, topics.results}
    return [_stamped(one, header) if one.topic in said else one for one in records]


def _stamped(record: Record, header: tuple[str, bytes]) -> Record:
    # Not `replace`: two records of every order are stamped, and it would cost thrice as much.
    headers = (*record.headers, header)
    return Record(
        record.topic, record.key, record.value, headers, record.partition, record.goes_with
    )


def _count(decisions: Sequence[Decision]) -> None:
    results = [decision.result for decision in decisions]
    counts = Counter((result.kind, result.outcome) for result in results)
    for (kind, outcome), number in counts.items():
        metrics.OUTCOMES.labels(kind, outcome.value).inc(number)
    for result in results:
        if result.outcome.is_final:
            metrics.EVENT_LATENCY.observe(result.latency_ms / 1000)
