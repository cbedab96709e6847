"""`orderstream dashboard`: the web page of whoever is on call."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console.terminal import note
from stream.config import Role, load_settings
from stream.ops.logs import configure_logs


def dashboard(
    host: Annotated[str, typer.Option(help="Address; DASHBOARD_HOST when empty.")] = "",
    port: Annotated[
        int, typer.Option(min=-1, max=65535, help="0: any free one; DASHBOARD_PORT when not given.")
    ] = -1,
) -> None:
    """Serve the dashboard: balance, lag, dead letters, replays, traces, jobs.

    Needs Kafka and DASHBOARD_OPERATOR_PASSWORD; with nothing configured it shows the steps of
    `orderstream setup`. Put a TLS proxy before it and set DASHBOARD_PUBLIC_URL when browsers are
    not on this machine.

    Example: DASHBOARD_OPERATOR_PASSWORD=… orderstream dashboard --port 8081
    """
    from dashboard.first_run import build_first_run, is_first_run
    from dashboard.server import run_dashboard, serve_until_stopped

    def on_listening(url: str) -> None:
        note(f"dashboard at {url}")

    overrides: dict[str, Any] = {"dashboard_host": host} if host else {}
    if port >= 0:
        overrides["dashboard_port"] = port
    settings = load_settings(**overrides)
    if is_first_run(settings):
        note("nothing is configured: this page shows the steps of `orderstream setup`")
        app = build_first_run(Path(".env"))
        asyncio.run(serve_until_stopped(app, settings, on_listening))
        return
    settings = load_settings(Role.DASHBOARD, **overrides)
    configure_logs(level=settings.log_level, style=settings.log_format, process="dashboard")

    import uvloop

    uvloop.run(run_dashboard(settings, on_listening=on_listening))
