"""The answer to an accepted event: what it says, and how it leaves in one write.

Nearly every answer is this one. aiohttp's Response builds its headers in two dictionaries and two
passes for the same two hundred bytes, which costs more than verifying the signature.
"""

from __future__ import annotations

from typing import cast

import orjson
from aiohttp import HttpVersion11, web
from aiohttp.helpers import rfc822_formatted_time

from stream.ingress.connection import Connection
from stream.ingress.responses import json_answer
from stream.kafka.publisher import Ack

HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: %s\r\nContent-Length: %d\r\n%s\r\n"
)


class Receipt:
    """What aiohttp needs of an HTTP/1.1 response."""

    __slots__ = ("_body", "_connection", "keep_alive", "status")

    def __init__(self, body: bytes, connection: Connection, *, keep_alive: bool) -> None:
        self._body = body
        self._connection = connection
        self.keep_alive = keep_alive
        self.status = 200

    def force_close(self) -> None:
        self.keep_alive = False

    async def prepare(self, _request: web.BaseRequest) -> None:
        """Nothing to prepare: head and body leave together."""

    async def write_eof(self) -> None:
        """Send everything. Raises ConnectionError when the sender is gone."""
        await self._connection.send(_whole(self._body, closes=not self.keep_alive))


def receipt_answer(
    request: web.BaseRequest, connection: Connection, event_id: str, ack: Ack
) -> web.StreamResponse:
    """Return the 200 that says where the event is: what a sender logs, and what `trace` takes."""
    body = _body(event_id, ack)
    if request.version != HttpVersion11:
        return json_answer(body)
    receipt = Receipt(body, connection, keep_alive=request.keep_alive)
    return cast("web.StreamResponse", receipt)


def receipt_bytes(event_id: str, ack: Ack, *, closes: bool) -> bytes:
    """Return the same 200 as the bytes of an HTTP/1.1 answer."""
    return _whole(_body(event_id, ack), closes=closes)


def _body(event_id: str, ack: Ack) -> bytes:
    return orjson.dumps(
        {
            "event_id": event_id,
            "topic": ack.topic,
            "partition": ack.partition,
            "offset": ack.offset,
        }
    )


def _whole(body: bytes, *, closes: bool) -> bytes:
    closing = "Connection: close\r\n" if closes else ""
    return (HEAD % (rfc822_formatted_time(), len(body), closing)).encode() + body
