"""A dead broker among others is asked no second time for nothing: another one answers."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError, TopicAuthorizationFailedError

from stream.kafka import any_broker
from stream.kafka.any_broker import of_any_broker


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch):
    for name in ("PATIENCE_SECONDS", "AGAIN_SECONDS"):
        monkeypatch.setattr(any_broker, name, 0.001)
    monkeypatch.setattr(any_broker, "MOST_PATIENCE_SECONDS", 0.004)


def brokers(*answers):
    """Return a question that each time another broker answers, or does not (None)."""
    left = list(answers)

    async def question():
        answer = left.pop(0)
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        return answer

    return question


async def test_who_is_down_or_stands_still_hides_nobody():
    assert await of_any_broker(brokers(NodeNotReadyError(), None, KafkaConnectionError(), 7)) == 7


async def test_a_refusal_is_an_answer():
    with pytest.raises(TopicAuthorizationFailedError):
        await of_any_broker(brokers(TopicAuthorizationFailedError("t"), 7))


async def test_when_all_stand_still_it_ends():
    with pytest.raises(TimeoutError):
        await of_any_broker(brokers(None, None, None))


async def test_when_all_are_down_it_ends(monkeypatch):
    monkeypatch.setattr(any_broker, "REFUSED_SECONDS", 0.0)
    with pytest.raises(NodeNotReadyError):
        await of_any_broker(brokers(NodeNotReadyError(), 7))
