"""An erasure hears the workers, whatever the clock of this machine says."""

from __future__ import annotations

import time
from dataclasses import dataclass

from stream.config import Settings
from stream.erasure import publish
from stream.erasure.publish import noted_before, wait_for_markers
from stream.kafka.log.range_reader import OffsetRange

SETTINGS = Settings(_env_file=None)
OLD, NEW = b"erased-before", b"erased-now"
AN_HOUR_MS = 3_600_000


@dataclass
class Noted:
    key: bytes
    timestamp: int


class States:
    """The state topic, written by machines whose clocks are an hour behind ours."""

    records = [Noted(OLD, 0)]  # noqa: RUF012 - of one test

    def __init__(self, _settings):
        pass

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_error):
        pass

    async def spans(self, topics, *, since_ms=0):
        (topic,) = topics
        times = [record.timestamp for record in self.records]
        start = next((n for n, at in enumerate(times) if at >= since_ms), len(times))
        return [OffsetRange(topic, 0, start, len(times))]

    async def read(self, spans):
        for span in spans:
            yield self.records[span.start : span.end]


async def test_a_marker_is_seen_though_its_time_is_before_the_question(monkeypatch):
    monkeypatch.setattr(publish, "RangeReader", States)
    monkeypatch.setattr(States, "records", [Noted(OLD, 0)])
    tail = await noted_before(SETTINGS)
    States.records.append(Noted(NEW, int(time.time() * 1000) - AN_HOUR_MS))
    wanted = {OLD, NEW}
    missing = await wait_for_markers(SETTINGS, wanted, tail=tail, timeout_seconds=0.01)
    assert missing == {OLD}  # noted for an earlier erasure, not for this one
