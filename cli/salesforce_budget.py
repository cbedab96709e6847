"""What is left of our share of the org's daily API calls, for commands that say what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.terminal import note

if TYPE_CHECKING:
    from stream.config import Settings


async def calls_left(settings: Settings) -> float | None:
    """Return how many calls our share has left today; None when the org cannot be asked."""
    from agents.bundle import Priority
    from agents.pacing.budget import LEAST_LEFT, usage_of_limits
    from agents.salesforce.wiring import build_client
    from stream.alerts import Alerts
    from stream.errors import StreamError

    if not settings.salesforce_client_id.get_secret_value():
        note("no Salesforce settings: its budget cannot be shown")
        return None
    try:
        client = build_client(settings, alerts=Alerts())
        try:
            usage = usage_of_limits(await client.limits())
        finally:
            client.close()
    except StreamError as error:
        note(f"the org cannot be asked for its limits: {error}")
        return None
    if usage is None:
        return None
    share = settings.salesforce_daily_share * usage.limit
    for_others = LEAST_LEFT[Priority.BACKFILL] * share
    return max(0.0, min(share, usage.limit - usage.used) - for_others)
