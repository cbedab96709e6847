"""`orderstream reset` waits for the worker's own word, whatever its clock says."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

import cli.commands.reset as command
from schemas.event import Kind
from schemas.result import Outcome, Result
from stream.config import Settings
from stream.kafka.log.range_reader import OffsetRange

SETTINGS = Settings(_env_file=None)
RESULTS = SETTINGS.topics.results


class Reader:
    """A results topic of one partition, as (record time, value)."""

    def __init__(self) -> None:
        self.log: list[tuple[int, bytes]] = [(0, b"of before")]

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_error):
        pass

    async def spans(self, _topics, *, since_ms=0):
        start = next((at for at, (ms, _) in enumerate(self.log) if ms >= since_ms), len(self.log))
        return [OffsetRange(RESULTS, 0, start, len(self.log))]

    async def read(self, spans):
        for span in spans:
            yield [SimpleNamespace(value=value) for _, value in self.log[span.start : span.end]]


@pytest.fixture
def reader(monkeypatch) -> Reader:
    reader = Reader()

    @asynccontextmanager
    async def connect(_settings):
        yield None

    async def publish(*_given, **_named):
        outcome = Result(
            event_id="reset 1",
            kind="order",
            key="1",
            outcome=Outcome.SUPERSEDED,
            origin_topic="t",
            origin_partition=0,
            origin_offset=0,
            at_ms=5,
        )
        # Beside it what somebody else wrote, and the worker's clock is of 1970.
        reader.log += [(4, b"no json"), (5, outcome.to_bytes())]
        return "reset 1"

    monkeypatch.setattr(command, "RangeReader", lambda _settings: reader)
    monkeypatch.setattr(command, "publish_reset", publish)
    monkeypatch.setattr(command.OperatorLog, "connect", connect)
    return reader


async def test_a_worker_whose_clock_is_behind_is_heard(reader) -> None:
    assert await command._reset(SETTINGS, Kind.ORDER, "1", "why", 1.0)
