"""Delivers alerts to a Slack-compatible webhook, and never lets anybody wait for it.

What cannot be delivered is logged and dropped: the log and the metric have it anyway. The URL is a
secret and appears nowhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp
import structlog

from stream.ops.alert_dedup import Notices
from stream.ops.alerts import Alert, Alerts
from stream.ops.background import in_background
from stream.settings.operations import OperationsSettings

log = structlog.get_logger()

QUEUE_TEXTS = 100
TICK_SECONDS = 10.0
TIMEOUT_SECONDS = 10.0
PAUSES_SECONDS = (1.0, 5.0)  # before the second and the third try
LAST_WORDS_SECONDS = 3.0  # a process that ends gives what is queued this long
SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An alert that was raised so many seconds ago, and last told of so many ago."""

    alert: Alert
    detail: str
    seconds: float
    told_seconds: float


@asynccontextmanager
async def alert_webhook(
    settings: OperationsSettings, alerts: Alerts, *, source: str, earlier: Sequence[Earlier] = ()
) -> AsyncIterator[None]:
    """Deliver the alerts to ALERT_WEBHOOK_URL while the block runs; do nothing without one.

    `earlier`: what processes before this one have told, and is not over.
    """
    url = settings.alert_webhook_url.get_secret_value()
    for one in earlier:
        alerts.take_over(one.alert, one.detail)
    if not url:
        yield
        return
    notices = Notices(source=source, repeat_seconds=settings.alert_repeat_seconds)
    now = time.monotonic()
    for one in earlier:
        since, told_at = now - one.seconds, now - one.told_seconds
        notices.take_over(one.alert, one.detail, since=since, told_at=told_at)
    webhook = AlertWebhook(url, notices)
    alerts.listeners.append(webhook.note)
    async with in_background(webhook.run):
        try:
            yield
        finally:
            alerts.listeners.remove(webhook.note)
            webhook.conclude()
            await webhook.drain(LAST_WORDS_SECONDS)


class AlertWebhook:
    """A bounded queue of texts and the task that posts them."""

    def __init__(
        self,
        url: str,
        notices: Notices,
        *,
        clock: Callable[[], float] = time.monotonic,
        tick_seconds: float = TICK_SECONDS,
        pauses_seconds: tuple[float, ...] = PAUSES_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._url = url
        self._notices = notices
        self._clock = clock
        self._tick_seconds = tick_seconds
        self._pauses_seconds = pauses_seconds
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_TEXTS)

    def note(self, alert: Alert, detail: str | None) -> None:
        """Take in a change of an alert; never blocks a loop.

        A thread without one says the last words of a process whose own loop may hang: they are
        posted before this returns, and whoever ends the process does not wait for them for long.
        """
        text = self._notices.changed(alert, detail, self._clock())
        if text is None:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(self._post_alone(text))
        else:
            self._put(text)

    async def run(self) -> None:
        """Post what is queued and what time makes due, until cancelled."""
        async with (
            aiohttp.ClientSession(timeout=self._timeout) as session,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._deliver(session))
            group.create_task(self._tick())

    def conclude(self) -> None:
        """Queue what nobody else will say: the ends whose calm spell this process does not see."""
        for text in self._notices.last(self._clock()):
            self._put(text)

    async def drain(self, deadline_seconds: float) -> None:
        """Give the queue a little time to empty."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_seconds):
                await self._queue.join()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._tick_seconds)
            for text in self._notices.due(self._clock()):
                self._put(text)

    def _put(self, text: str) -> None:
        if self._queue.full():
            log.error("alert_not_delivered", text=text, reason="too many are waiting")
        else:
            self._queue.put_nowait(text)

    async def _deliver(self, session: aiohttp.ClientSession) -> None:
        while True:
            text = await self._queue.get()
            reason = await self._post(session, text)
            if reason:
                log.error("alert_not_delivered", text=text, reason=reason)
            self._queue.task_done()

    async def _post_alone(self, text: str) -> None:
        async with aiohttp.ClientSession(timeout=self._timeout) as session:
            if reason := await self._post(session, text):
                log.error("alert_not_delivered", text=text, reason=reason)

    async def _post(self, session: aiohttp.ClientSession, text: str) -> str:
        """Post a text; return why it could not be delivered, or nothing."""
        reason = ""
        for pause in (0.0, *self._pauses_seconds):
            await asyncio.sleep(pause)
            try:
                async with session.post(
                    self._url, json={"text": text}, allow_redirects=False
                ) as answer:
                    if answer.status in SUCCESS:
                        return ""
                    reason = f"HTTP {answer.status}"
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                reason = type(error).__name__  # its text may quote the URL, which is a secret
        return reason
