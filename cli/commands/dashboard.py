"""`orderstream dashboard`: the web page of whoever is on call."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.console.terminal import note


def dashboard(
    host: Annotated[str, typer.Option(help="Address; DASHBOARD_HOST when empty.")] = "",
    port: Annotated[
        int, typer.Option(min=-1, max=65535, help="0: any free one; DASHBOARD_PORT when not given.")
    ] = -1,
) -> None:
    """Serve the dashboard: balance, lag, dead letters, replays, traces, jobs.

    Needs Kafka and DASHBOARD_OPERATOR_PASSWORD. Put a TLS proxy before it and set
    DASHBOARD_PUBLIC_URL when browsers are not on this machine.

    Example: DASHBOARD_OPERATOR_PASSWORD=… orderstream dashboard --port 8081
    """
    from stream.config import Role, load_settings
    from stream.ops.logs import configure_logs

    overrides: dict[str, Any] = {"dashboard_host": host} if host else {}
    if port >= 0:
        overrides["dashboard_port"] = port
    settings = load_settings(Role.DASHBOARD, **overrides)
    configure_logs(level=settings.log_level, style=settings.log_format, process="dashboard")

    import uvloop

    from dashboard.server import run_dashboard

    uvloop.run(run_dashboard(settings, on_listening=lambda url: note(f"dashboard at {url}")))
