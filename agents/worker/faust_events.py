"""What Faust makes and counts of each event, as far as anybody asks for it here.

The agent takes an event's message as it came: key, value and headers are decoded by us. And what
Faust's monitor counts per event nobody reads: its numbers freeze when a worker is stuck (kafka
reference §1.13), and ours are in `stream/ops/metrics.py`.

On its way to the agent a message takes a lock that is free, asks whether a producer that sends
nothing is full, and is offered to each stream there is. Here it goes straight into the queue of the
one stream, where that has room and the flow is not suspended; else it goes Faust's way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

import faust
from faust.sensors import Monitor


class AsItCame(faust.Schema[Any, Any]):
    """Bytes, not looked at: Faust's way to "raw" asks its settings and codecs 40 times."""

    def compile(self, app: Any, **_options: Any) -> Callable[..., Awaitable[Any]]:
        """Return what makes an event of a message."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001 - the signature is Faust's
            return event_of(app, message)

        return decode


def straight(
    app: Any, faust_way: Callable[[Any], Awaitable[None]]
) -> Callable[[Any], Awaitable[None]]:
    """Return what delivers a message to the app's stream; `faust_way` does where it has to wait."""
    topics, is_active = app.topics, app.flow_control.is_active
    handler_of = topics._tp_to_callback.get  # noqa: SLF001 - test_private_names.py holds the name
    lock = topics._tp_to_callback_lock  # noqa: SLF001 - it, too

    async def deliver(message: Any) -> None:
        handler = handler_of(message.tp)
        channels: Collection[Any] = getattr(
            handler, "channels", ()
        )  # its Python twin has none to show
        if len(channels) == 1 and is_active() and not lock.locked():
            (channel,) = channels
            queue = channel.queue
            if not queue.full():
                message.incref()
                queue.put_nowait_enhanced(
                    event_of(app, message),
                    on_pressure_high=handler.on_pressure_high,
                    on_pressure_drop=handler.on_pressure_drop,
                )
                return
        await faust_way(message)

    return deliver


def event_of(app: Any, message: Any) -> faust.Event:
    """Return the event of a message, as it came."""
    return faust.Event(app, message.key, message.value, None, message)


class QuietMonitor(Monitor):
    """Faust's monitor, but for what it counts of each event."""

    def on_message_in(self, *_event: Any) -> None:
        """Count nothing."""

    def on_stream_event_in(self, *_event: Any) -> None:
        """Count nothing."""

    def on_stream_event_out(self, *_event: Any) -> None:
        """Count nothing."""

    def on_message_out(self, *_event: Any) -> None:
        """Count nothing."""

    def track_tp_end_offset(self, *_place: Any) -> None:
        """Count nothing."""
