"""Replicas share one name: Compose's `worker`, a Service without an address of its own."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from dashboard.data import worker_metrics
from dashboard.data.worker_metrics import ProcessMetrics, scrape_all

V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("url", "found", "asked"),
    [
        (
            "http://worker:9100/metrics",
            [(V4, "10.0.0.3"), (V4, "10.0.0.2"), (V4, "10.0.0.2")],
            ["http://10.0.0.2:9100/metrics", "http://10.0.0.3:9100/metrics"],
        ),
        (
            "http://worker:9100/metrics",
            [(V6, "fd00::2"), (V6, "fd00::3")],
            ["http://[fd00::2]:9100/metrics", "http://[fd00::3]:9100/metrics"],
        ),
        # Two ways to each are no four processes; nor is one by two ways a pair.
        (
            "http://worker:9100/metrics",
            [(V4, "10.0.0.2"), (V4, "10.0.0.3"), (V6, "fd00::2"), (V6, "fd00::3")],
            ["http://10.0.0.2:9100/metrics", "http://10.0.0.3:9100/metrics"],
        ),
        (
            "http://localhost:9100/metrics",
            [(V6, "::1"), (V4, "127.0.0.1")],
            ["http://localhost:9100/metrics"],
        ),
        # A certificate is for the name.
        (
            "https://worker:9100/metrics",
            [(V4, "10.0.0.2"), (V4, "10.0.0.3")],
            ["https://worker:9100/metrics"],
        ),
        ("http://nowhere/metrics", OSError("unknown"), ["http://nowhere/metrics"]),
        ("worker:9100", [], ["worker:9100"]),
        ("http://[", [], ["http://["]),
    ],
)
async def test_every_process_behind_a_name_is_asked(
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    found: list[tuple[int, str]] | OSError,
    asked: list[str],
) -> None:
    """One was, by chance: an open breaker or a broken login of the others was seen now and then."""

    async def getaddrinfo(_host: str, port: int, **_more: Any) -> list[Any]:
        if isinstance(found, OSError):
            raise found
        return [(family, socket.SOCK_STREAM, 6, "", (host, port)) for family, host in found]

    async def scrape(_session: Any, at: str) -> ProcessMetrics:
        return ProcessMetrics(at)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(worker_metrics, "_scrape", scrape)
    session: Any = None
    assert [scraped.url for scraped in await scrape_all(session, [url])] == asked
