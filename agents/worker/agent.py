"""The one agent, over all source topics: Magento events, new and due again → Salesforce.

One agent and concurrency 1, so that one stream sees every event in order. It hands events to the
pipeline and acknowledges nothing itself: `take`, `noack` and a second stream on the channel would
all acknowledge behind the ledger's back (kafka reference §1.6, §1.20; docs/decisions/0024).
"""

from __future__ import annotations

from asyncio import QueueEmpty
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, cast

from faust.types import EventT, StreamT

from agents.handling.intent import BREATH_EVENTS, PRIORITIES, breathe
from agents.worker.context import WorkerContext
from agents.worker.faust_app import WorkerApp
from agents.worker.faust_events import AsItCame
from agents.worker.offset_ledger import HeldEvent
from agents.worker.pipeline import Pipeline
from agents.worker.set_aside import ConsumerFlow, SetAside
from schemas.erasure import ERASURE_EVENT, Erasure
from schemas.event import Envelope
from schemas.headers import envelope_of
from schemas.operator_signature import BY_OPERATORS
from schemas.state import state_key
from stream.ops.alerts import Alerts
from stream.topics import Topics


def add_sync_agent(
    app: WorkerApp, topics: Topics, context: WorkerContext, alerts: Alerts
) -> tuple[Pipeline, SetAside]:
    """Define the agent on the app; return the pipeline that it feeds, and who waits beside it."""
    sources = topics.sources
    channel = app.topic(*sources, schema=AsItCame())

    def drop(held: HeldEvent) -> None:
        app.consumer.unacked.discard(held.message.message)

    def ack(held: HeldEvent) -> None:
        if _generation(held.message) == app.consumer_generation_id:
            held.message.ack()
        else:  # the books are another generation's now
            drop(held)

    pipeline = Pipeline(context, ack=ack, drop=drop)

    def enter(held: HeldEvent) -> None:
        is_ours = _generation(held.message) == app.consumer_generation_id
        if is_ours and not pipeline.is_fenced:
            pipeline.add(held)
        else:
            drop(held)

    aside = SetAside(
        context.state,
        ConsumerFlow(app, sources),
        topics=(topics.state, topics.results),
        alerts=alerts,
        enter=enter,
        drop=drop,
        end_process=context.end_process,
        unanswered=context.unanswered,
    )

    intake = Intake(app, pipeline, aside, drop, context.end_process)

    async def sync(stream: StreamT[bytes]) -> None:
        stream.enable_acks = False
        app.queue = cast("Any", stream.channel).queue
        async for event in stream.events():
            await intake.take(event)
            for delivered in intake.delivered(stream):
                await intake.take(delivered)

    app.agent(channel, name="sync", concurrency=1)(sync)
    return pipeline, aside


class Intake:
    """Takes what Faust has delivered into the pipeline, in its order."""

    def __init__(
        self,
        app: WorkerApp,
        pipeline: Pipeline,
        aside: SetAside,
        drop: Callable[[HeldEvent], None],
        end_process: Callable[[BaseException], None],
    ) -> None:
        self._app = app
        self._pipeline = pipeline
        self._aside = aside
        self._drop = drop
        self._end_process = end_process
        self._taken = count(1)

    async def take(self, event: EventT[bytes]) -> None:
        """Put an event into the pipeline, once there is room."""
        try:
            held, generation = held_event(event), _generation(event)
            place = (event.message.tp, held.offset, generation)
            if not self._app.follows(*place) and not await self._app.takes(*place):
                self._drop(held)
                return
            if not self._pipeline.has_room:
                await self._pipeline.room()
            await self._aside.admit(held, generation)
            number = next(self._taken)
            if number % BREATH_EVENTS == 0:
                await breathe(number)
        except Exception as error:  # noqa: BLE001 - leaving the loop would lose the event
            self._end_process(error)

    def delivered(self, stream: StreamT[bytes]) -> Iterator[EventT[bytes]]:
        """Yield the events that wait in the stream, without a turn of the loop for each.

        A stream lets the loop turn before every event. Beside large batches a turn takes long: what
        is urgent would wait, unseen, behind a thousand events of a backfill. While the flow is
        suspended, events are Faust's to skip.
        """
        take = cast("Any", stream.channel).queue.get_nowait
        is_active, track = self._app.flow_control.is_active, self._app.consumer.track_message
        while is_active():
            try:
                event: EventT[bytes] = take()
            except QueueEmpty:
                return
            message = event.message
            if not message.tracked:  # what the stream does with an event before it yields it
                message.tracked = True
                track(message)
            yield event


def held_event(event: EventT[bytes]) -> HeldEvent:
    """Return a consumed Faust event as the pipeline holds it."""
    message = event.message
    envelope = envelope_of(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=int(message.timestamp * 1000),
        key=message.key,
        value=message.value,
        headers=_header_pairs(message.headers),
    )
    return HeldEvent(
        envelope,
        (message.topic, message.partition),
        message.offset,
        key_of(envelope),
        PRIORITIES[envelope.via],
        message=event,
        is_alone=envelope.event in BY_OPERATORS,
    )


def key_of(envelope: Envelope) -> bytes:
    """Return what must be worked one after the other: an order's events, and its erasure."""
    if envelope.event == ERASURE_EVENT:
        try:
            return Erasure.from_bytes(envelope.value).state_key
        except (KeyError, TypeError, ValueError):
            return b""
    return state_key(envelope.kind, envelope.key)


def _header_pairs(headers: Any) -> list[tuple[str, bytes]]:
    return list(headers.items() if isinstance(headers, dict) else headers or ())


def _generation(event: EventT[bytes]) -> int:
    return event.message.generation_id or 0
