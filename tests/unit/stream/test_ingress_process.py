"""The ingress as a process: what fails beside its requests does not fail in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from stream.config import load_settings
from stream.ingress import process
from stream.ingress.readiness import Readiness
from stream.ingress.server import IngressServer
from stream.kafka.publisher import KafkaPublisher


@asynccontextmanager
async def no_server(
    _settings: object, _publisher: object, readiness: Readiness, **_more: object
) -> AsyncIterator[IngressServer]:
    yield IngressServer("http://127.0.0.1:0", readiness)


async def test_a_producer_that_cannot_be_started_is_logged_and_begun_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody waited for its task: the ingress answered 503 to everybody and its log was empty."""
    stop: list[Callable[[], None]] = []
    monkeypatch.setattr(process, "stop_on_signals", lambda end, **_more: stop.append(end))
    monkeypatch.setattr(process, "ingress_server", no_server)
    monkeypatch.setattr(process, "settle_garbage_collector", lambda: None)
    calls, is_begun_again = 0, asyncio.Event()

    async def start(_publisher: KafkaPublisher) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("of a library")
        is_begun_again.set()

    monkeypatch.setattr(KafkaPublisher, "start", start)
    settings = load_settings(
        env_file=None,
        kafka_bootstrap_servers="127.0.0.1:9",
        magento_webhook_secret="4f9c3b7d1e8a5f2067c4b1d9",
        ingress_port=0,
    )
    with capture_logs() as lines:
        serving = asyncio.create_task(process.run_ingress(settings, on_listening=lambda _url: None))
        await is_begun_again.wait()
        stop[0]()
        await serving
    assert "background_failed" in {line["event"] for line in lines}
