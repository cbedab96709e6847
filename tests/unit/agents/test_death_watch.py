"""The alerts about dead letters end by time: no order comes in the night to end them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from agents.worker import death_watch
from agents.worker.death_watch import DeathWatch
from schemas.result import Outcome
from stream.ops.alerts import Alert, Alerts
from stream.ops.background import in_background

SETTINGS = SimpleNamespace(alert_dead_letters=2, alert_dead_letters_window_seconds=600.0)


def dead(key):
    code = {"error_code": "STRING_TOO_LONG", "error_fields": ["Name"]}
    return SimpleNamespace(outcome=Outcome.DEAD, key=key, **code)


async def test_what_nothing_follows_is_over_after_its_window(monkeypatch):
    monkeypatch.setattr(death_watch, "LOOK_SECONDS", 0.0)
    now, ended = [0.0], asyncio.Queue()
    alerts = Alerts()
    watch = DeathWatch(SETTINGS, alerts, clock=lambda: now[0])
    watch.note([])
    watch.note([dead("1"), dead("2"), SimpleNamespace(outcome=Outcome.SYNCED)])
    assert set(alerts.active) == {Alert.DEAD_LETTER, Alert.DEAD_LETTERS_GROWING}
    assert alerts.active[Alert.DEAD_LETTER].startswith("STRING_TOO_LONG Name: order 1")
    alerts.listeners.append(lambda alert, detail: detail or ended.put_nowait(alert))
    async with in_background(watch.run):
        now[0] = 601.0
        assert {await ended.get(), await ended.get()} == {
            Alert.DEAD_LETTER,
            Alert.DEAD_LETTERS_GROWING,
        }
