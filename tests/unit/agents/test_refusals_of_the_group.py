"""What the group refuses is heard by the worker, which joins again; Faust asks for no such error."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from agents.worker import consumer_thread
from agents.worker.consumer_thread import WitnessingThread


class Coordinator:
    """aiokafka's, which waits until its error was asked for."""

    def __init__(self, error: KafkaError) -> None:
        self.errors = [error]
        self._commit_refresh_task = None
        self._heartbeat_task = asyncio.get_running_loop().create_future()
        self._coordination_task = asyncio.get_running_loop().create_future()
        self.has_joined = asyncio.Event()

    def check_errors(self) -> None:
        if self.errors:
            raise self.errors.pop()

    def request_rejoin(self) -> None:
        self.has_joined.set()


@pytest.fixture
def thread(monkeypatch):
    monkeypatch.setattr(consumer_thread, "ASK_SECONDS", 0)
    return object.__new__(WitnessingThread)


async def test_a_worker_joins_again_after_a_refusal(thread):
    coordinator = Coordinator(GroupAuthorizationFailedError("orderstream"))
    coordinator._heartbeat_task.set_result(None)
    asking = asyncio.create_task(thread._ask_for_errors(coordinator))
    await coordinator.has_joined.wait()
    assert not coordinator.errors
    asking.cancel()


async def test_a_join_that_was_refused_is_tried_again_by_aiokafka_itself(thread):
    coordinator = Coordinator(GroupAuthorizationFailedError("orderstream"))
    asking = asyncio.create_task(thread._ask_for_errors(coordinator))
    while coordinator.errors:
        await asyncio.sleep(0)
    assert not coordinator.has_joined.is_set()
    asking.cancel()


async def test_a_worker_whose_coordination_has_ended_ends(thread, monkeypatch):
    """Nobody would ever join again."""
    crashes = []

    async def crash(_thread, error):
        crashes.append(error)

    monkeypatch.setattr(WitnessingThread, "crash", crash)
    coordinator = Coordinator(error := KafkaError("unexpected"))
    coordinator._coordination_task.set_result(None)
    await thread._ask_for_errors(coordinator)
    assert crashes == [error]


@pytest.mark.parametrize("is_the_groups", [True, False])
async def test_a_fetch_that_is_told_of_it_leaves_it_to_who_asks(thread, monkeypatch, is_the_groups):
    refused = GroupAuthorizationFailedError("orderstream")

    async def told(*_args):
        raise refused

    monkeypatch.setattr(AIOKafkaConsumerThread, "_fetch_records", told)
    pending = refused if is_the_groups else None
    consumer = SimpleNamespace(_coordinator=SimpleNamespace(_pending_exception=pending))
    fetch = thread._fetch_records(consumer, set(), 1.0)
    if is_the_groups:
        assert await fetch == {}
    else:
        with pytest.raises(GroupAuthorizationFailedError):
            await fetch
