"""The live tail of outcomes: a page with the latest, and a stream of what comes after."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import orjson
from aiohttp import web

from dashboard.site.render import render
from dashboard.site.state import SESSION, STATE
from stream.audit.live_totals import Result
from stream.audit.trace_rows import outcome_text
from stream.ops.masking import mask_text
from stream.times import show_seconds, show_time

MAX_STREAMS, MAX_STREAMS_OF_SESSION = 50, 4
HEARTBEAT_SECONDS = 5.0
# For nginx: it gathers an answer until its buffer is full, and the tail would stand still.
HEADERS = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
SHOWN = 50


async def tail_page(request: web.Request) -> web.StreamResponse:
    recent = list(request.app[STATE].watch.balance.recent)[: -SHOWN - 1 : -1]
    return render(request, "tail.html", rows=[tail_row(result) for result in recent])


async def tail_stream(request: web.Request) -> web.StreamResponse:
    """Server-sent events, one per outcome, until the browser leaves or the session ends."""
    state, session = request.app[STATE], request[SESSION]
    if state.streams[session.nonce] >= MAX_STREAMS_OF_SESSION:
        raise web.HTTPTooManyRequests(text="This login has too many live tails open.")
    if state.streams.total() >= MAX_STREAMS:
        raise web.HTTPServiceUnavailable(text="Too many live tails are open.")
    state.streams[session.nonce] += 1
    response = web.StreamResponse(headers=HEADERS)
    try:
        await response.prepare(request)
        with state.watch.tail.watch() as queue:
            while state.sessions.is_alive(session, now=time.time()):
                try:
                    result = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
                    if result is None or not state.sessions.is_alive(session, now=time.time()):
                        break
                    await response.write(b"data: " + orjson.dumps(tail_row(result)) + b"\n\n")
                except TimeoutError:
                    await response.write(b": still here\n\n")
    except ConnectionError:
        pass  # the browser left
    finally:
        state.streams[session.nonce] -= 1
        state.streams += Counter()  # forgets who has none
    return response


def tail_row(result: Result) -> dict[str, str]:
    """Return an outcome as the texts of a row; personal data masked."""
    return {
        "time": show_time(result["at_ms"])[11:],
        "outcome": result["outcome"],
        "kind": result.get("kind", ""),
        "key": mask_text(result.get("key", "")),
        "event_id": result.get("event_id", ""),
        "text": mask_text(outcome_text(result)),
        "via": result.get("via", "live"),
        "latency": show_seconds(result.get("latency_ms", 0) / 1000),
    }


ROUTES = (
    web.get("/tail", tail_page),
    web.get("/tail/stream", tail_stream),
)
