"""`orderstream relay`: bring retries back when they are due."""

from __future__ import annotations

from stream.config import Role, Settings, load_settings
from stream.ops.logs import configure_logs


def relay() -> None:
    """Run the retry relay: retry tiers and debounced events → salesforce.due, when due.

    One is enough; more share the partitions.

    Example: KAFKA_BOOTSTRAP_SERVERS=localhost:9092 orderstream relay
    """
    settings = load_settings(Role.RELAY)
    configure_logs(level=settings.log_level, style=settings.log_format, process="relay")

    import uvloop

    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    from stream.retry.process import run_relay

    await run_relay(settings)
