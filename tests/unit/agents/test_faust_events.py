"""An event is what Faust's own raw schema would make of its message, and nothing counts it."""

from __future__ import annotations

import asyncio

import pytest
from faust.sensors import SensorDelegate
from faust.types import TP
from faust.types.tuples import Message

from agents.worker.faust_app import create_app
from agents.worker.faust_events import AsItCame, QuietMonitor, straight
from stream.config import load_settings

PLACE = TP("orders", 3)
HEADERS = [("event-id", b"1"), ("event-id", b"2")]


@pytest.fixture
async def app():
    return create_app(load_settings(env_file=None))


def message(key, value, headers):
    place = {"topic": PLACE.topic, "partition": PLACE.partition, "offset": 7, "tp": PLACE}
    times = {"timestamp": 1.0, "timestamp_type": 0}
    return Message(**place, **times, headers=headers, key=key, value=value, checksum=None)


@pytest.mark.parametrize("key", [b"k", b"", b"\xff", None])
@pytest.mark.parametrize("value", [b"{}", b"", b"\xff", None])
@pytest.mark.parametrize("headers", [HEADERS, [], None])
async def test_an_event_is_what_fausts_raw_schema_makes_of_it(app, key, value, headers):
    came = message(key, value, headers)
    raw = app.topic("orders", value_serializer="raw", key_serializer="raw")
    theirs = await raw.decode(came, propagate=True)
    ours = await app.topic("orders", schema=AsItCame()).decode(came, propagate=True)
    assert type(ours) is type(theirs)
    assert (ours.key, ours.value, ours.message) == (theirs.key, theirs.value, came)
    assert ours.acked is theirs.acked
    assert ours.message.headers == headers


async def test_the_channel_of_a_stream_decodes_alike(app):
    topic = app.topic("orders", schema=AsItCame())
    came = message(b"k", b"v", HEADERS)
    assert (await app.stream(topic).channel.decode(came)).message is came


async def test_faust_tells_its_monitor_of_each_event_and_nothing_is_counted(app):
    assert isinstance(app.monitor, QuietMonitor)
    sensors, came = SensorDelegate(app), message(b"k", b"v", None)
    sensors.add(app.monitor)
    before = app.monitor.asdict()
    sensors.on_message_in(PLACE, 7, came)
    state = sensors.on_stream_event_in(PLACE, 7, None, None)
    sensors.on_stream_event_out(PLACE, 7, None, None, state)
    sensors.on_message_out(PLACE, 7, came)
    app.monitor.track_tp_end_offset(PLACE, 9)
    assert app.monitor.asdict() == before


class Delivery:
    """A stream of one topic, and the two ways into its queue. `full`: partitions not fetched."""

    def __init__(self, app):
        self.app = app
        self.channel = app.stream(app.topic("orders", schema=AsItCame())).channel
        self.conductor = app.topics
        self.conductor.add(self.channel)
        self.conductor._tp_index[PLACE].add(self.channel)
        self.conductor._update_callback_map()
        app.consumer._set_active_tps({PLACE})
        app.flow_control.resume()
        self.faust_took = 0

    async def faust(self, came):
        self.faust_took += 1
        await self.conductor.on_message(came)

    def ours(self, came):
        return straight(self.app, self.faust)(came)

    @property
    def full(self):
        return set(self.app.consumer._buffered_partitions)


@pytest.fixture
async def delivery(app):
    app.conf.stream_buffer_maxsize = 10
    return Delivery(app)


@pytest.mark.parametrize("way", ["faust", "ours"])
async def test_a_queue_that_fills_has_its_partition_left_alone_until_there_is_room(delivery, way):
    """The same on both ways, message by message."""
    queue, seen = delivery.channel.queue, []
    for _ in range(9):
        came = message(b"k", b"v", HEADERS)
        await getattr(delivery, way)(came)
        seen.append((queue.qsize(), came.refcount, bool(delivery.full)))
    assert seen == [(n, 1, n > 8) for n in range(1, 10)]
    events = [queue.get_nowait() for _ in range(9)]
    assert all((event.key, event.value) == (b"k", b"v") for event in events)
    assert delivery.full == set()
    assert delivery.faust_took == (9 if way == "faust" else 0)


async def test_a_full_queue_and_a_suspended_flow_are_waited_for_as_faust_does(delivery):
    queue = delivery.channel.queue
    for _ in range(10):
        await delivery.ours(message(b"k", b"v", None))
    assert (queue.qsize(), delivery.faust_took) == (10, 0)
    waiting = asyncio.ensure_future(delivery.ours(late := message(b"late", b"v", None)))
    await asyncio.sleep(0)
    assert (queue.qsize(), delivery.faust_took) == (10, 1)
    while queue.get_nowait().message is not late:
        await asyncio.sleep(0)
    await waiting

    delivery.app.flow_control.suspend()
    waiting = asyncio.ensure_future(delivery.ours(message(b"k", b"v", None)))
    await asyncio.sleep(0)
    assert (queue.qsize(), delivery.faust_took) == (0, 2)
    delivery.app.flow_control.resume()
    await waiting
    assert queue.qsize() == 1


async def test_while_faust_changes_its_streams_and_without_one_its_own_way_is_taken(delivery):
    async with delivery.conductor._tp_to_callback_lock:
        waiting = asyncio.ensure_future(delivery.ours(message(b"k", b"v", None)))
        await asyncio.sleep(0)
        assert (delivery.channel.queue.qsize(), delivery.faust_took) == (0, 1)
    await waiting
    assert delivery.channel.queue.qsize() == 1
    delivery.conductor._tp_to_callback.clear()
    with pytest.raises(KeyError):
        await delivery.ours(message(b"k", b"v", None))


async def test_the_consumer_delivers_so(app):
    assert app.consumer.callback.__qualname__.startswith("straight.")
