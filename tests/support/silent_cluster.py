"""A cluster in memory, of which some leaders say nothing: what a RangeReader would tell of it."""

from __future__ import annotations

from types import SimpleNamespace

from schemas.operator import Mark, Resolution
from schemas.result import Outcome, Result
from stream.config import Settings
from stream.kafka.log.broken_places import BrokenPlaces
from stream.kafka.log.range_reader import OffsetRange

SETTINGS = Settings(_env_file=None, operator_signing_key="ab" * 32)
TOPICS = SETTINGS.topics
DEAD = TOPICS.dead_letters
ANY_TIME = 1  # of a record that is in every window


class Reader:
    """`silent`: partitions whose leaders say nothing. `begins`: what retention has left.

    `cracks`: ranges of offsets that are broken in the log; what is read is passed over there.
    `commits`: what any group has committed.
    """

    def __init__(self) -> None:
        self.logs: dict[tuple[str, int], list[SimpleNamespace]] = {}
        self.silent: set[tuple[str, int]] = set()
        self.begins: dict[tuple[str, int], int] = {}
        self.cracks: dict[tuple[str, int], tuple[int, int]] = {}
        self.commits: dict[tuple[str, int], int] = {}
        self.broken = BrokenPlaces()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_error):
        pass

    def put(self, topic: str, number: int, value: bytes, *, key=b"", headers=()) -> None:
        log = self.logs.setdefault((topic, number), [])
        place = {"topic": topic, "partition": number, "offset": len(log), "timestamp": ANY_TIME}
        log.append(SimpleNamespace(**place, key=key, value=value, headers=headers))

    def accept(self, number: int, event_id: str) -> None:
        ours = [("event-id", event_id.encode()), ("kind", b"order"), ("received-at-ms", b"1")]
        self.put(TOPICS.orders, number, b"{}", headers=ours)
        self.logs.setdefault((TOPICS.results, number), [])

    def settle(self, number: int, event_id: str, offset: int = 0) -> None:
        outcome = Result(
            event_id=event_id,
            kind="order",
            key="1",
            outcome=Outcome.SYNCED,
            origin_topic=TOPICS.orders,
            origin_partition=number,
            origin_offset=offset,
            at_ms=1,
        )
        self.put(TOPICS.results, number, outcome.to_bytes())

    def bury(self, number: int, key: str) -> None:
        self.put(DEAD, number, b"{}", key=key.encode())

    def resolve(self, number: int, *offsets: int) -> None:
        mark = Mark(Resolution.DROPPED, offsets, at_ms=1)
        self.put(DEAD, number, mark.to_bytes(), headers=mark.headers)

    async def topics_starting(self, _prefix):
        return []

    async def known_spans(self, topics, _seconds=3.0, *, partitions=None, since_ms=None, **_until):
        numbers = {at[1] for at in self.logs} if partitions is None else partitions
        places = [at for at in self.logs if at[0] in topics and at[1] in numbers]
        spans = [
            OffsetRange(*at, self._first(at, since_ms), len(self.logs[at]), self.begins.get(at, 0))
            for at in places
            if at not in self.silent
        ]
        return spans, {at: "no leader" for at in places if at in self.silent}

    def _first(self, at, since_ms):
        since = since_ms or ANY_TIME
        old = [r for r in self.logs[at] if ANY_TIME < r.timestamp < since]
        return max(self.begins.get(at, 0), len(old))

    async def committed(self, _group):
        return self.commits

    async def spans(self, topics, **chosen):
        found, silent = await self.known_spans(topics, **chosen)
        assert not silent
        return found

    async def read(self, spans):
        for span in spans:
            assert span.place not in self.silent
            at, to = self.cracks.get(span.place, (0, 0))
            if span.start < to and at < span.end:
                self.broken.note(span.place, at, to)
            records = self.logs[span.place][span.start : span.end]
            if whole := [record for record in records if not at <= record.offset < to]:
                yield whole

    async def first_records(self, positions, *, timeout_seconds=5.0):
        assert timeout_seconds
        found = {
            at: self.logs[at][max(offset, self.begins.get(at, 0)) :][:1]
            for at, offset in positions.items()
            if at not in self.silent
        }
        return {at: records[0] for at, records in found.items() if records}
