"""The pages beside the webhook: is it alive, is it ready, and its figures."""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson
from aiohttp import hdrs, web

from stream.ingress.readiness import Readiness
from stream.ingress.responses import Reason, Rejection, json_answer
from stream.ops import metrics

# The figures cost milliseconds: whoever asks more often than this gets the same page again, so that
# a flood of such questions does not slow down the webhooks.
METRICS_SECONDS = 0.5


class Pages:
    """GET /livez, /readyz and /metrics."""

    def __init__(self, readiness: Readiness, *, now: Callable[[], float] = time.monotonic) -> None:
        self._readiness = readiness
        self._now = now
        self._figures = (float("-inf"), b"", "")
        self._pages = {
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }

    async def answer(self, method: str, path: str) -> web.Response:
        """Return the page at a path; raises Refused NOT_FOUND or METHOD."""
        page = self._pages.get(path)
        if page is None:
            raise Rejection(Reason.NOT_FOUND, "there is nothing at this address")
        if method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            raise Rejection(Reason.METHOD, f"{path} takes GET")
        return await page()

    async def _livez(self) -> web.Response:
        return json_answer(b'{"status":"ok"}')

    async def _readyz(self) -> web.Response:
        problem = await self._readiness.problem()
        if problem is None:
            return json_answer(b'{"status":"ok"}')
        body = orjson.dumps({"status": "not ready", "reason": problem})
        return json_answer(body, status=503)

    async def _metrics(self) -> web.Response:
        now = self._now()
        if now - self._figures[0] >= METRICS_SECONDS:
            self._figures = (now, *metrics.exposition())
        _, body, content_type = self._figures
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})
