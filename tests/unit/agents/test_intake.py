"""What Faust has delivered is taken without a turn of the loop for each event."""

import asyncio
from types import SimpleNamespace

import pytest

from agents.worker.agent import Intake


class App:
    """The parts of Faust's app that a stream uses before it yields an event."""

    def __init__(self):
        self.is_active, self.tracked = True, []
        self.flow_control = SimpleNamespace(is_active=lambda: self.is_active)
        self.consumer = SimpleNamespace(track_message=self.tracked.append)


def event(offset):
    return SimpleNamespace(message=SimpleNamespace(tracked=False, offset=offset))


@pytest.fixture
def app():
    return App()


@pytest.fixture
def stream():
    queue = asyncio.Queue()
    for offset in range(3):
        queue.put_nowait(event(offset))
    return SimpleNamespace(channel=SimpleNamespace(queue=queue))


def delivered(app, stream):
    return Intake(app, None, None, None, None).delivered(stream)


def test_all_that_waits_is_yielded_in_order_and_tracked_once(app, stream):
    stream.channel.queue.put_nowait(known := event(3))
    known.message.tracked = True
    found = list(delivered(app, stream))
    assert [one.message.offset for one in found] == [0, 1, 2, 3]
    assert app.tracked == [one.message for one in found[:3]]
    assert all(message.tracked for message in app.tracked)


def test_what_comes_meanwhile_is_yielded_too(app, stream):
    found = delivered(app, stream)
    next(found)
    stream.channel.queue.put_nowait(event(3))
    assert [one.message.offset for one in found] == [1, 2, 3]


def test_a_suspended_flow_leaves_the_rest_to_faust(app, stream):
    found = delivered(app, stream)
    next(found)
    app.is_active = False
    assert list(found) == []
    assert stream.channel.queue.qsize() == 2


def test_a_queue_that_was_cleared_meanwhile_is_empty(app, stream):
    found = delivered(app, stream)
    next(found)
    while not stream.channel.queue.empty():
        stream.channel.queue.get_nowait()
    assert list(found) == []
