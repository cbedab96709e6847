"""Reading a webhook's body: raw, bounded in size, time and memory.

aiohttp has a size limit only. Here a body also has the request's deadline, and all bodies of the
process share one allowance of bytes, so that many large senders cannot exhaust the memory.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import StreamReader, web

from stream.ingress.responses import Reason, Rejection


@dataclass(slots=True)
class InFlightLimits:
    """What this process may hold at once. Taken and given back by whole requests."""

    max_bytes: int
    max_publishes: int
    held_bytes: int = 0
    publishes: int = 0

    def has_room(self, count: int) -> bool:
        """Whether a publish of so many bytes may be taken now."""
        return self.publishes < self.max_publishes and self.held_bytes + count <= self.max_bytes

    def take_bytes(self, count: int) -> None:
        """Hold some body bytes; raises Refused when the process is full."""
        if self.held_bytes + count > self.max_bytes:
            raise Rejection(Reason.FULL, "too many bytes are being received at once")
        self.held_bytes += count

    def take_publish(self) -> None:
        """Hold a place among the publishes in flight; raises Refused when all are taken."""
        if self.publishes >= self.max_publishes:
            raise Rejection(Reason.FULL, "too many events are waiting for Kafka's acknowledgement")
        self.publishes += 1


class Body:
    """The body of one request and the bytes it holds of the allowance."""

    __slots__ = ("_allowance", "_held", "_max_bytes")

    def __init__(self, allowance: InFlightLimits, *, max_bytes: int) -> None:
        self._allowance = allowance
        self._max_bytes = max_bytes
        self._held = 0

    def release(self) -> None:
        """Give the bytes back, once the request is answered."""
        self._allowance.held_bytes -= self._held
        self._held = 0

    async def read(self, request: web.BaseRequest, *, deadline: float) -> bytes:
        """Return the raw bytes; `deadline` is on the loop's clock.

        Raises Refused: TOO_LARGE, TOO_SLOW, FULL, BROKEN_BODY or SENDER_GONE.
        """
        content = request.content
        if content.is_eof():  # it came with its headers: no timer, no copy
            body = content.read_nowait()
            self._take(len(body))
            return body
        try:
            async with asyncio.timeout_at(deadline):
                return await self._read_on(content)
        except TimeoutError:
            raise Rejection(Reason.TOO_SLOW, "the body did not arrive in time") from None
        except web.RequestPayloadError:
            raise Rejection(Reason.BROKEN_BODY, "the body is not what its headers say") from None
        except (ConnectionError, RuntimeError):
            raise Rejection(Reason.SENDER_GONE, "the sender hung up in mid-body") from None

    async def _read_on(self, content: StreamReader) -> bytes:
        body = bytearray()
        while chunk := await content.readany():
            self._take(len(chunk))
            body += chunk
        return bytes(body)

    def _take(self, count: int) -> None:
        if self._held + count > self._max_bytes:
            raise Rejection(Reason.TOO_LARGE, f"the body is larger than {self._max_bytes} bytes")
        self._allowance.take_bytes(count)
        self._held += count
