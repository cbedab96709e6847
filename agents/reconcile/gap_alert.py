"""One alert for missing webhooks, over the many short runs of a schedule.

Each run is a process that knows nothing of the one before: it rang every five minutes, and never
said that it was over. So who has told what is in the operator log.
"""

from __future__ import annotations

import time

import structlog

from schemas.operator import OperatorAction
from stream.config import Settings
from stream.errors import PublishError
from stream.jobs.operator_log import OperatorLog, read_actions
from stream.kafka.log.range_reader import RangeReader
from stream.ops.alert_webhook import Earlier, alert_webhook
from stream.ops.alerts import Alert, Alerts

log = structlog.get_logger()

TOLD, OVER = "webhooks-missing", "webhooks-missing-over"
DETECTOR = "gap-detector"
SINCE = "since_ms"


async def tell_gaps(settings: Settings, reader: RangeReader, found: str) -> None:
    """Raise the alert, or end it where nothing was found ('').

    Without a webhook the log line of each run is the alert. Raises BrokerError.
    """
    is_told_elsewhere = bool(settings.alert_webhook_url.get_secret_value())
    told = await _told(settings, reader) if is_told_elsewhere else []
    now_ms = int(time.time() * 1000)
    since_ms = int(told[-1].detail.get(SINCE, told[-1].at_ms)) if told else now_ms
    earlier = [
        Earlier(
            Alert.WEBHOOKS_MISSING,
            found,
            seconds=(now_ms - since_ms) / 1000,
            told_seconds=(now_ms - action.at_ms) / 1000,
        )
        for action in told[-1:]
    ]
    alerts = Alerts()
    async with alert_webhook(settings, alerts, source="reconcile", earlier=earlier):
        if found:
            alerts.fire(Alert.WEBHOOKS_MISSING, found)
        else:
            alerts.resolve(Alert.WEBHOOKS_MISSING)
    is_due = all(one.told_seconds >= settings.alert_repeat_seconds for one in earlier)
    if is_told_elsewhere and (is_due if found else bool(earlier)):
        await _note(settings, TOLD if found else OVER, since_ms)


async def _told(settings: Settings, reader: RangeReader) -> list[OperatorAction]:
    """Return when the alert was told, as long as it is not over."""
    actions = await read_actions(reader, settings.topics, job_id=DETECTOR)
    ends = [place for place, action in enumerate(actions) if action.action == OVER]
    return actions[ends[-1] + 1 if ends else 0 :]


async def _note(settings: Settings, action: str, since_ms: int) -> None:
    try:
        async with OperatorLog.connect(settings) as operator:
            await operator.record(action, job_id=DETECTOR, detail={SINCE: since_ms})
    except PublishError as error:
        log.warning("alert_not_noted", reason=str(error))  # the next run tells it again
