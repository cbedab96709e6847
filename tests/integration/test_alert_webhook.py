from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from aiohttp import web

from stream.config import Settings
from stream.ops.alert_dedup import Notices
from stream.ops.alert_webhook import QUEUE_TEXTS, AlertWebhook, alert_webhook
from stream.ops.alerts import Alert, Alerts


class Receiver:
    """A webhook on a free port; `statuses` are its next answers, then 200."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.statuses: list[int] = []
        self.hang = False
        self.url = ""

    async def receive(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        if self.hang:
            await asyncio.sleep(30)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def arrived(self, count: int) -> list[str]:
        async with asyncio.timeout(5):
            while len(self.bodies) < count:
                await asyncio.sleep(0.01)
        return [body["text"] for body in self.bodies]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/services/T0/secret-path", receiver.receive)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/services/T0/secret-path"
    yield receiver
    await runner.cleanup()


def make(url: str, **options: Any) -> AlertWebhook:
    notices = Notices(source="worker w-1", repeat_seconds=3600)
    return AlertWebhook(url, notices, **{"pauses_seconds": (0.0, 0.0), **options})


async def test_an_alert_reaches_the_webhook_as_slack_reads_it(receiver):
    alerts = Alerts()
    settings = Settings(_env_file=None, alert_webhook_url=receiver.url)
    async with alert_webhook(settings, alerts, source="worker w-1"):
        alerts.fire(Alert.BREAKER_OPEN, "SERVER_UNAVAILABLE")
        await receiver.arrived(1)
    assert receiver.bodies == [{"text": "ALERT breaker_open (worker w-1): SERVER_UNAVAILABLE"}]
    assert alerts.listeners == []


async def test_the_last_words_of_a_process_are_delivered(receiver):
    alerts = Alerts()
    settings = Settings(_env_file=None, alert_webhook_url=receiver.url)
    async with alert_webhook(settings, alerts, source="w"):
        alerts.fire(Alert.WORKER_FROZEN, "slept")
    assert len(receiver.bodies) == 1


async def test_an_end_is_told_by_a_process_that_ends_within_the_calm_spell(receiver):
    alerts = Alerts()
    settings = Settings(_env_file=None, alert_webhook_url=receiver.url)
    async with alert_webhook(settings, alerts, source="w"):
        alerts.fire(Alert.BREAKER_OPEN, "SERVER_UNAVAILABLE")
        alerts.resolve(Alert.BREAKER_OPEN)
    assert [body["text"].split()[0] for body in receiver.bodies] == ["ALERT", "RESOLVED"]


async def test_what_a_thread_says_is_delivered_when_it_has_said_it(receiver):
    """A watchdog's last words: the loop may be what hangs, and the process ends behind them."""
    alerts = Alerts()
    settings = Settings(_env_file=None, alert_webhook_url=receiver.url)
    async with alert_webhook(settings, alerts, source="w"):
        await asyncio.to_thread(alerts.fire, Alert.WORKER_STALLED, "the event loop is stuck")
        said = len(receiver.bodies)
    assert (said, len(receiver.bodies)) == (1, 1)


async def test_without_a_url_nothing_listens():
    alerts = Alerts()
    async with alert_webhook(Settings(_env_file=None), alerts, source="w"):
        assert alerts.listeners == []


async def test_the_end_is_delivered_too(receiver):
    now = [0.0]
    webhook = make(receiver.url, clock=lambda: now[0], tick_seconds=0.01)
    task = asyncio.create_task(webhook.run())
    webhook.note(Alert.BUDGET_LOW, "9 %")
    now[0] = 600.0
    webhook.note(Alert.BUDGET_LOW, None)
    now[0] = 700.0
    texts = await receiver.arrived(2)
    assert texts[1] == "RESOLVED budget_low (worker w-1): it lasted 10 min"
    task.cancel()


async def test_a_refusal_is_tried_again(receiver):
    receiver.statuses = [500, 429]
    webhook = make(receiver.url)
    task = asyncio.create_task(webhook.run())
    webhook.note(Alert.BUDGET_LOW, "9 %")
    await receiver.arrived(3)
    await webhook.drain(5)
    task.cancel()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x-secret", "nonsense-secret"])
async def test_a_webhook_that_is_away_is_logged_without_its_address(url):
    with structlog.testing.capture_logs() as lines:
        webhook = make(url)
        task = asyncio.create_task(webhook.run())
        webhook.note(Alert.BUDGET_LOW, "9 %")
        await webhook.drain(5)
        task.cancel()
    (line,) = [line for line in lines if line["event"] == "alert_not_delivered"]
    assert "secret" not in str(line)


async def test_a_webhook_that_hangs_holds_nobody_up(receiver):
    receiver.hang = True
    webhook = make(receiver.url, timeout_seconds=0.1, pauses_seconds=())
    task = asyncio.create_task(webhook.run())
    with structlog.testing.capture_logs() as lines:
        webhook.note(Alert.BUDGET_LOW, "9 %")
        webhook.note(Alert.AUTH_BROKEN, "no")
        await webhook.drain(5)
    assert [line["reason"] for line in lines] == ["TimeoutError", "TimeoutError"]
    task.cancel()


async def test_the_queue_is_bounded():
    webhook = make("http://127.0.0.1:1/")
    with structlog.testing.capture_logs() as lines:
        for number in range(QUEUE_TEXTS + 5):
            webhook._put(f"text {number}")
    assert len(lines) == 5
