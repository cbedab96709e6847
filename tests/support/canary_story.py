"""Where the canaries are looked for: a collector of traces, and a receiver of alerts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SECRET = "zqsecret-{}-0123456789abcdef0123456789"


class Collector:
    """An OpenTelemetry collector: `spans` by name, `text` is all that was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: dict[str, list[Any]] = {}
        self.text = ""

    async def receive(self, request: web.Request) -> web.Response:
        sent = ExportTraceServiceRequest.FromString(await request.read())
        self.text += str(sent)
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.setdefault(span.name, []).append(span)
        return web.Response()


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.receive)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield collector
    await runner.cleanup()


@pytest.fixture
async def alerts() -> AsyncIterator[tuple[str, list[str]]]:
    """A webhook whose address is a secret, and the texts it got."""
    texts: list[str] = []

    async def receive(request: web.Request) -> web.Response:
        texts.append((await request.json())["text"])
        return web.Response()

    app = web.Application()
    path = f"/{SECRET.format('alert')}"
    app.router.add_post(path, receive)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}{path}", texts
    await runner.cleanup()
