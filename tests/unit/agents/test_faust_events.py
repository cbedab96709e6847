"""An event is what Faust's own raw schema would make of its message, and nothing counts it."""

from __future__ import annotations

import pytest
from faust.sensors import SensorDelegate
from faust.types import TP
from faust.types.tuples import Message

from agents.worker.faust_app import create_app
from agents.worker.faust_events import AsItCame, QuietMonitor
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
