"""What is left of our share of the org's daily API calls, for commands that say what they cost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from agents.pacing.daily_quota import LEAST_LEFT, usage_of_limits
from agents.salesforce.api.wiring import build_client
from schemas.priority import Priority
from stream.config import Settings
from stream.errors import StreamError
from stream.ops.alerts import Alerts


async def calls_left(settings: Settings, *, tell: Callable[[str], None]) -> float | None:
    """Return how many calls our share has left today; None when the org cannot be asked."""
    if not settings.salesforce_client_id.get_secret_value():
        tell("no Salesforce settings: its budget cannot be shown")
        return None
    try:
        with closing(build_client(settings, alerts=Alerts())) as client:
            usage = usage_of_limits(await client.limits())
    except StreamError as error:
        tell(f"the org cannot be asked for its limits: {error}")
        return None
    if usage is None:
        return None
    share = settings.salesforce_daily_share * usage.limit
    for_others = LEAST_LEFT[Priority.BACKFILL] * share
    return max(0.0, min(share, usage.limit - usage.used) - for_others)
