"""What Faust makes and counts of each event, as far as anybody asks for it here.

The agent takes an event's message as it came: key, value and headers are decoded by us. And what
Faust's monitor counts per event nobody reads: its numbers freeze when a worker is stuck (kafka
reference §1.13), and ours are in `stream/ops/metrics.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import faust
from faust.sensors import Monitor


class AsItCame(faust.Schema[Any, Any]):
    """Bytes, not looked at: Faust's way to "raw" asks its settings and codecs 40 times."""

    def compile(self, app: Any, **_options: Any) -> Callable[..., Awaitable[Any]]:
        """Return what makes an event of a message."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001 - the signature is Faust's
            return faust.Event(app, message.key, message.value, None, message)

        return decode


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
