"""The group's coordinator refuses once, as while it loads rights: whoever waits for it goes on."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError

from tests.integration.stream.test_relay_on_kafka import Outbox, put, running

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


@pytest.fixture
def refusals(monkeypatch):
    """Put errors here: each is the answer to a heartbeat."""
    answers: list[KafkaError] = []
    heard = asyncio.Event()
    ask = GroupCoordinator._do_heartbeat

    async def heartbeat(self):
        if answers:
            heard.set()
            raise answers.pop()
        return await ask(self)

    monkeypatch.setattr(GroupCoordinator, "_do_heartbeat", heartbeat)
    return answers, heard


async def test_the_relay_goes_on_after_a_heartbeat_that_was_refused(
    settings, topics, writer, refusals
):
    """It told the same error every second, for ever, and its place in the group went."""
    answers, heard = refusals
    tier = topics.retry_tiers[0]
    async with running(settings, outbox := Outbox()):
        await outbox.holds(await put(writer, tier, 2))
        answers.append(GroupAuthorizationFailedError(settings.relay_group))
        await heard.wait()
        for _ in range(3):
            await outbox.holds(await put(writer, tier, 2))
        beats = outbox.relay._coordinator._heartbeat_task
        assert not beats.done()
