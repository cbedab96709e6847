"""The dashboard as a process: listens, and on SIGTERM stops its jobs cleanly (they can resume)."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable

import structlog
from aiohttp import web

from dashboard.app import build_app
from stream.config import Settings
from stream.errors import SettingsError
from stream.settings.dashboard import DashboardSettings

log = structlog.get_logger()

SHUTDOWN_SECONDS = 5.0
# With 100,000 letters in memory a collection of everything takes as long as some pages: seldom.
GC_THRESHOLDS = (20_000, 20, 100)


async def run_dashboard(settings: Settings, *, on_listening: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `on_listening(url)` once the port is open."""
    gc.set_threshold(*GC_THRESHOLDS)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    runner = web.AppRunner(
        build_app(settings),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await _listen(runner, settings)
        host, port = runner.addresses[0][:2]
        on_listening(f"http://{host}:{port}")
        await stopping.wait()
    finally:
        await runner.cleanup()
    log.info("dashboard_stopped")


async def _listen(runner: web.AppRunner, settings: DashboardSettings) -> None:
    host, port = settings.dashboard_host, settings.dashboard_port
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        problem = f"DASHBOARD_PORT: cannot listen on {host}:{port}: {error.strerror}"
        raise SettingsError([problem]) from None
