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

    def __init__(self, *errors: KafkaError) -> None:
        self.errors = list(errors)
        self._commit_refresh_task = None
        self._heartbeat_task = asyncio.get_running_loop().create_future()
        self._coordination_task = asyncio.get_running_loop().create_future()
        self.has_joined = asyncio.Event()

    def check_errors(self) -> None:
        if self.errors:
            raise self.errors.pop()

    def request_rejoin(self) -> None:
        self.has_joined.set()


def consumer_of(coordinator):
    fetcher = SimpleNamespace(error_future=asyncio.get_running_loop().create_future())
    return SimpleNamespace(_coordinator=coordinator, _fetcher=fetcher)


@pytest.fixture
def thread(monkeypatch):
    monkeypatch.setattr(consumer_thread, "ASK_SECONDS", 0)
    return object.__new__(WitnessingThread)


async def test_a_worker_joins_again_after_a_refusal(thread):
    refused = GroupAuthorizationFailedError("orderstream")
    coordinator = Coordinator(refused)
    coordinator._heartbeat_task.set_exception(refused)
    asking = asyncio.create_task(thread._ask_for_errors(consumer_of(coordinator)))
    await coordinator.has_joined.wait()
    assert not coordinator.errors
    asking.cancel()


async def test_a_join_that_was_refused_is_tried_again_by_aiokafka_itself(thread):
    coordinator = Coordinator(GroupAuthorizationFailedError("orderstream"))
    asking = asyncio.create_task(thread._ask_for_errors(consumer_of(coordinator)))
    while coordinator.errors:
        await asyncio.sleep(0)
    assert not coordinator.has_joined.is_set()
    asking.cancel()


@pytest.mark.parametrize("is_of_the_group", [True, False])
async def test_a_worker_ends_with_a_task_of_aiokafkas_own(thread, monkeypatch, is_of_the_group):
    """Nobody would ever join again, or fetch: it kept its partitions, and nothing came."""
    crashes = []

    async def crash(_thread, error):
        crashes.append(error)

    monkeypatch.setattr(WitnessingThread, "crash", crash)
    consumer = consumer_of(coordinator := Coordinator())
    ended = coordinator._coordination_task if is_of_the_group else consumer._fetcher.error_future
    ended.set_result(None)
    await thread._ask_for_errors(consumer)
    assert len(crashes) == 1


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


@pytest.mark.parametrize("refusals", [1, 100])
async def test_a_commit_that_is_refused_for_a_moment_is_tried_again(thread, monkeypatch, refusals):
    """A commit meets the refusal as the heartbeats do: it ended the worker that they had spared."""
    refused, crashes = [GroupAuthorizationFailedError("orderstream")] * refusals, []

    async def commit(*_args):
        if refused:
            raise refused.pop()

    async def crash(_thread, error):
        crashes.append(error)

    monkeypatch.setattr(consumer_thread, "commit_what_is_there", commit)
    monkeypatch.setattr(WitnessingThread, "crash", crash)
    monkeypatch.setattr(WitnessingThread, "_marked", lambda *_args: {})
    thread._consumer = object()
    is_passing = refusals == 1
    assert await thread._commit({}) == is_passing
    assert bool(crashes) != is_passing
