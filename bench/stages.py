"""What a worker's own stages cost an event, in one process without Kafka or Salesforce.

    python -m bench.stages [--runs 5] [--json]

| stage | what |
|---|---|
| baseline | the body parsed and written again by orjson: no worker can do less |
| envelope | headers to envelope |
| take in | decode, version, content digest |
| map | the shipped mapping |
| handle | all of these, the version guard, and the decision |
| records | result and state, as bytes |
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Awaitable, Callable, Sequence

import orjson

from agents.delivery.types import WriteOutcome, WriteSet, Written
from agents.handling.decode import take_in
from agents.handling.handler import Handler
from agents.handling.outcome import Decision, result_record, state_record
from agents.mapping.mapping import Mapping
from agents.salesforce.api.send_right import asked_before_requests, check_of_context
from bench.command import options_of, run
from bench.figures import Section
from bench.orders import Template
from schemas.codec import decode
from schemas.event import Envelope, Kind, new_event_id
from schemas.headers import envelope_of, identity_headers
from schemas.identity import PLAIN
from stream.kafka.record import Record
from stream.ops.gc_tuning import settle_garbage_collector
from stream.topics import Topics

BATCH = 500
TOPICS = Topics()
NOW_MS = 1_800_000_000_000
IDS = {"Account": "001000000000001AAA", "Opportunity": "006000000000001AAA"}


class Echo:
    """A dispatcher whose org takes everything at once."""

    async def send(self, bundles: Sequence[WriteSet]) -> list[WriteOutcome]:
        check_of_context()()
        return [Written(IDS, ("Opportunity",)) for _ in bundles]


def bodies() -> list[bytes]:
    template = Template.make()
    return [template.order(number, 1) for number in range(BATCH)]


def keys_of(raw: Sequence[bytes]) -> list[bytes]:
    """Return the keys that the ingress gave the records."""
    return [decode(body).key.encode() for body in raw]


def envelopes(raw: Sequence[bytes], keys: Sequence[bytes]) -> list[Envelope]:
    headers = identity_headers(
        event_id=new_event_id(NOW_MS),
        event="sales_order_save_after",
        kind=Kind.ORDER,
        received_at_ms=NOW_MS,
        sender="magento",
        signature_key="current",
    )
    return [
        envelope_of(
            topic=TOPICS.orders,
            partition=0,
            offset=number,
            timestamp_ms=NOW_MS,
            key=keys[number],
            value=body,
            headers=headers,
        )
        for number, body in enumerate(raw)
    ]


def make_handler(mapping: Mapping) -> Handler:
    async def known_org() -> Mapping:
        return mapping

    return Handler(
        org_mapping=known_org,
        dispatcher=Echo(),
        get_state=lambda _partition, _key: None,
        check_alive=lambda: None,
        topics=TOPICS,
    )


async def decided(handler: Handler, held: Sequence[Envelope]) -> list[Decision]:
    """Return the decisions of a batch, as the pipeline makes them."""
    prepared = await handler.prepare(held)
    with asked_before_requests(handler.check_alive):
        return await handler.write(prepared.intents) + prepared.decisions


def records_of(decisions: Sequence[Decision]) -> int:
    """Make the records of decisions and return their bytes."""
    size = 0
    for decision in decisions:
        state = state_record(decision, TOPICS)
        size += len(result_record(decision, TOPICS).value or b"")
        size += len(state.value or b"") if state else 0
    return size


async def costs() -> dict[str, float]:
    """Return CPU microseconds per event and stage, measured once."""
    raw = bodies()
    documents = [decode(body) for body in raw]
    keys = keys_of(raw)
    held = envelopes(raw, keys)
    mapping = Mapping.load(None)
    handler = make_handler(mapping)
    decisions = await decided(handler, held)

    async def baseline() -> None:
        for body in raw:
            orjson.dumps(orjson.loads(body))

    async def envelope() -> None:
        envelopes(raw, keys)

    async def intake() -> None:
        for each in held:
            take_in(each, identity=PLAIN)

    async def map_all() -> None:
        for document in documents:
            mapping.apply(document, received_at_ms=NOW_MS)

    async def handle() -> None:
        await decided(handler, held)

    async def records() -> None:
        records_of(decisions)

    stages: dict[str, Callable[[], Awaitable[None]]] = {
        "baseline": baseline,
        "envelope": envelope,
        "take in": intake,
        "map": map_all,
        "handle": handle,
        "records": records,
    }
    return {name: await _cost(stage) for name, stage in stages.items()}


async def sizes() -> dict[str, float]:
    """Return the bytes that an event leaves in Kafka, batch overhead and compression aside."""
    raw = bodies()
    held = envelopes(raw, keys_of(raw))
    decisions = await decided(make_handler(Mapping.load(None)), held)
    outcomes = [_bytes_of(result_record(decision, TOPICS)) for decision in decisions]
    states = [
        _bytes_of(state)
        for decision in decisions
        if (state := state_record(decision, TOPICS)) is not None
    ]
    return {"an outcome": sum(outcomes) / BATCH, "a state": sum(states) / BATCH}


def _bytes_of(record: Record) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


async def _cost(stage: Callable[[], Awaitable[None]]) -> float:
    started = time.process_time()
    await stage()
    return 1e6 * (time.process_time() - started) / BATCH


async def measure(options: argparse.Namespace) -> Section:
    """Measure every stage as often as asked."""
    text = (
        "CPU time of the worker's own stages for an order of 1.2 KB, without Kafka and Salesforce; "
        "`handle` holds the others but `records`. The baseline parses the body and writes it again."
    )
    settle_garbage_collector()
    section = Section("stages", "A worker's stages", text)
    found = [await costs() for _ in range(options.runs)]
    for stage in found[0]:
        section.add(stage, "µs/event", [each[stage] for each in found])
    for what, size in (await sizes()).items():
        section.add(f"{what}, in Kafka", "bytes", [size])
    return section


def main() -> None:
    run(measure, options_of(__doc__, seconds=0, runs=9))


if __name__ == "__main__":
    main()
