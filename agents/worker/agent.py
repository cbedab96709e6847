"""The one agent, over all source topics: Magento events, new and due again → Salesforce.

One agent and concurrency 1, so that one order is never in two hands inside a worker; `take_events`
with a body that returns only after every publish was acknowledged, so that what is committed is
done (kafka reference §1.6, §1.20).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from faust.types import EventT, StreamT

from agents.handling.handler import Handler
from agents.handling.outcome import Decision
from agents.handling.poison_pills import PoisonPillJournal
from agents.handling.state_store import StateStore
from agents.pacing.stall_clock import Progress
from agents.worker.batch_log import log_batch
from agents.worker.batch_trace import batch_span, trace_events
from agents.worker.faust_app import WorkerApp, batches
from schemas.event import Envelope
from schemas.headers import envelope_of
from stream.ops import metrics


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What the agent works with. `finish` publishes decisions and returns after the acks.

    `pause` stretches the linger when the day's Salesforce calls run short.
    `end_process` never returns: it is called when this process was frozen, or when a bug is about
    to leave the agent, which Faust would take for an ack. The batch is redelivered.
    """

    handler: Handler
    state: StateStore
    finish: Callable[[Sequence[Decision]], Awaitable[None]]
    journal: PoisonPillJournal
    progress: Progress
    check_alive: Callable[[], None]
    start_batch: Callable[[], None]
    end_process: Callable[[Exception], None]
    pause: Callable[[], Awaitable[None]]
    linger_seconds: float
    max_events: int


def add_sync_agent(app: WorkerApp, sources: Sequence[str], ports: WorkerContext) -> None:
    """Define the agent on the app."""
    channel = app.topic(*sources, value_serializer="raw", key_serializer="raw")

    async def sync(stream: StreamT[bytes]) -> None:
        taken = batches(stream, max_events=ports.max_events, within_seconds=ports.linger_seconds)
        async for batch in taken:
            try:
                await work(batch, ports)
            except Exception as error:  # noqa: BLE001 - leaving the loop would ack the batch
                ports.end_process(error)

    app.agent(channel, name="sync", concurrency=1)(sync)


async def work(batch: Sequence[EventT[bytes]], ports: WorkerContext) -> None:
    """Handle one batch to its end; an exception means that it must not be committed."""
    started = time.monotonic()
    ports.start_batch()
    ports.progress.begin(len(batch))
    generations = {event.message.partition: _generation(event) for event in batch}
    await ports.state.ensure(generations)
    envelopes = [envelope_of_event(event) for event in batch]
    suspects = [e for e in envelopes if e.origin and ports.journal.is_suspect(e.origin)]
    for envelope in suspects:
        await _work_part([envelope], ports)
    rest = [e for e in envelopes if e not in suspects] if suspects else envelopes
    if rest:
        await _work_part(rest, ports)
    ports.progress.end()
    seconds = time.monotonic() - started
    metrics.BATCH_EVENTS.observe(len(batch))
    metrics.BATCH_SECONDS.observe(seconds)
    await ports.pause()


async def _work_part(envelopes: Sequence[Envelope], ports: WorkerContext) -> None:
    origins = [envelope.origin for envelope in envelopes if envelope.origin]
    ports.journal.begin(origins)
    started = time.monotonic()
    with batch_span(envelopes) as traced:
        decisions = await ports.handler.handle(envelopes)
        ports.check_alive()
        await ports.finish(decisions)
        if traced is not None:
            trace_events(decisions)
    ports.journal.end(origins)
    log_batch(envelopes, decisions, seconds=time.monotonic() - started)


def envelope_of_event(event: EventT[bytes]) -> Envelope:
    """Return the envelope of a consumed Faust event."""
    message = event.message
    return envelope_of(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=int(message.timestamp * 1000),
        key=message.key,
        value=message.value,
        headers=_header_pairs(message.headers),
    )


def _header_pairs(headers: Any) -> list[tuple[str, bytes]]:
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return [(name, value) for name, value in pairs]


def _generation(event: EventT[bytes]) -> int:
    return event.message.generation_id or 0
