"""A process that Kafka lets in nowhere waits, and somebody hears of it while it lasts."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from stream.kafka.first_connection import (
    TOLD_AFTER_SECONDS,
    StoppedBeforeConnected,
    wait_until_answered,
)
from stream.ops.alerts import Alert, Alerts


async def test_a_password_that_was_changed_is_told_after_a_minute_and_until_it_is_right():
    """A worker that was started with it logged a line in two seconds, and no alert said so."""
    alerts, told, now = Alerts(), [], [0.0]

    async def ask():
        told.append(alerts.active.get(Alert.PUBLISH_BLOCKED, ""))
        now[0] += TOLD_AFTER_SECONDS / 2
        if len(told) < 4:
            raise KafkaConnectionError("broker:9092 refuses the user: check KAFKA_SASL_USERNAME")

    await wait_until_answered(
        ask, asyncio.Event(), alerts=alerts, pause_seconds=0, clock=lambda: now[0]
    )
    assert told[:2] == ["", ""]
    assert "refuses the user: check KAFKA_SASL_USERNAME" in told[2]
    assert alerts.active == {}


async def test_who_is_told_to_stop_waits_no_longer():
    stopping = asyncio.Event()

    async def ask():
        stopping.set()
        raise OSError("away")

    with pytest.raises(StoppedBeforeConnected):
        await wait_until_answered(ask, stopping, alerts=Alerts())
