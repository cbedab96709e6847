"""The dashboard as a process: listens, and on SIGTERM stops its jobs cleanly (they can resume)."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog
from aiohttp import web

from dashboard.app import build_app
from stream.config import Settings
from stream.errors import SettingsError
from stream.http.app_server import app_server
from stream.ops.stop_signals import stop_on_signals
from stream.settings.dashboard import DashboardSettings

log = structlog.get_logger()

MAX_CONNECTIONS = 200
STOP_DEADLINE_SECONDS = 30.0
# With 100,000 letters in memory a collection of everything takes as long as some pages: seldom.
GC_THRESHOLDS = (20_000, 20, 100)


async def run_dashboard(settings: Settings, *, on_listening: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `on_listening(url)` once the port is open."""
    gc.set_threshold(*GC_THRESHOLDS)
    await serve_until_stopped(build_app(settings), settings, on_listening)


async def serve_until_stopped(
    app: web.Application, settings: DashboardSettings, on_listening: Callable[[str], None]
) -> None:
    """Serve an application where the settings say, until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    stop_on_signals(stopping.set, deadline_seconds=STOP_DEADLINE_SECONDS)
    host, port = settings.dashboard_host, settings.dashboard_port
    try:
        async with serve_dashboard(app, host, port) as url:
            on_listening(url)
            await stopping.wait()
    except OSError as error:
        problem = f"DASHBOARD_PORT: cannot listen on {host}:{port}: {error.strerror}"
        raise SettingsError([problem]) from None
    log.info("dashboard_stopped")


def serve_dashboard(app: web.Application, host: str, port: int) -> AbstractAsyncContextManager[str]:
    """Serve the application of `build_app`; yields the URL. Raises OSError."""
    return app_server(app, host, port, name="dashboard", max_connections=MAX_CONNECTIONS)
