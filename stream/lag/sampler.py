"""Asks the brokers, again and again, how far behind each group is; `evaluator` does the sums.

One sample costs a handful of requests, whatever the lag: committed and end offsets, group members,
and one record per partition that has unread events (its time is the time lag). The records of a
position that has not moved are remembered. Every question stands by itself: what is not answered is
unknown, with the reason, and hides nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Self

import structlog

from schemas.event import Envelope
from stream.config import Settings
from stream.dlq.index import DeadLetterIndex
from stream.errors import BrokerError, TopicAdminError
from stream.kafka.log.leader_questions import name_silent
from stream.kafka.log.passing_reader import PassingReader
from stream.kafka.log.range_reader import OffsetRange, Record, record_envelope
from stream.kafka.topic_admin import TopicAdmin
from stream.lag.evaluator import WINDOW_SAMPLES, PartitionLag, Sample, group_lag, partition_lag
from stream.lag.snapshot import DeadLetterDepth, LagSnapshot, TierDepth, unknown_lags
from stream.retry_policy import JITTER_SHARE

log = structlog.get_logger()

Place = tuple[str, str, int]  # group, topic, partition

HEAD_FETCH_BYTES = 16 * 1024  # one record per partition is wanted; Kafka gives at least that
HEAD_SECONDS = 2.0
COORDINATOR_SECONDS = 5.0
LETTERS_BATCH = 500  # few at a time: an exporter and the dashboard answer requests meanwhile
RETENTION_TTL_SECONDS = 300.0


class LagSampler:
    """Takes samples and keeps a window of them; an async context manager.

    Raises BrokerError when Kafka does not answer at all.
    """

    def __init__(self, settings: Settings, *, window: int = WINDOW_SAMPLES) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._window = window
        self._reader = PassingReader(settings, fetch_bytes=HEAD_FETCH_BYTES)
        self._letters_reader = PassingReader(settings, batch_records=LETTERS_BATCH)
        self._letters = DeadLetterIndex(settings, self._letters_reader)
        self._samples: dict[Place, deque[Sample]] = {}
        self._heads: dict[tuple[str, int], tuple[int, Envelope, int]] = {}
        self._retention: dict[str, int | None] = {}
        self._retention_read = float("-inf")

    async def __aenter__(self) -> Self:
        try:
            await self._reader.__aenter__()
            await self._letters_reader.__aenter__()
        except BaseException:
            await self.__aexit__()  # both were made: both must be closed
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.close()
        await self._letters_reader.close()

    @property
    def letters(self) -> DeadLetterIndex:
        """The open dead letters as of the last sample."""
        return self._letters

    async def _groups(self) -> dict[str, tuple[str, ...]]:
        """Return the consumer groups and what each must consume.

        Tiers of an earlier RETRY_DELAYS are among them: what waits there, nobody forwards.
        """
        topics = self._topics
        tiers = await self._reader.topics_starting(topics.retry_prefix)
        return {
            self._settings.worker_group: topics.sources,
            self._settings.relay_group: (*tiers, topics.settle),
        }

    async def sample(self, *, now_ms: int | None = None) -> LagSnapshot:
        """Ask the brokers once and return what that, with the samples before it, says."""
        at_ms = int(time.time() * 1000) if now_ms is None else now_ms
        groups = await self._groups()
        names = [topic for topics in groups.values() for topic in topics]
        await self._refresh_retention(names)
        # The ends after the commits: a commit beyond them is beyond what there is.
        committed = {group: await self._committed(group) for group in groups}
        found, silent = await self._reader.known_spans(names)
        spans = {span.place: span for span in found}
        assigned = {group: await self._assigned(group) for group in groups}
        unknown = unknown_lags(groups, spans, silent, committed)
        known = {group: said for group, said in committed.items() if not isinstance(said, str)}
        positions = self._note(at_ms, groups, spans, known)
        await self._read_heads(positions, spans)
        partitions = [
            self._partition(place, spans[place[1:]], known[place[0]], assigned[place[0]])
            for place in positions
        ]
        return LagSnapshot(
            at_ms=at_ms,
            partitions=tuple(partitions),
            groups=tuple(
                group_lag(
                    group,
                    (part for part in partitions if part.group == group),
                    unknown=sum(one.group == group for one in unknown),
                )
                for group in groups
            ),
            tiers=await self._tiers(at_ms, partitions, {one.topic for one in unknown}),
            dead_letters=await self._letters_depth(),
            ends=spans,
            unknown=unknown,
        )

    async def _committed(self, group: str) -> dict[tuple[str, int], int] | str:
        """Return what a group has committed, or why nobody says so."""
        try:
            return await self._reader.committed(group, timeout_seconds=COORDINATOR_SECONDS)
        except BrokerError as error:
            return str(error)

    async def _assigned(self, group: str) -> frozenset[tuple[str, int]] | None:
        try:
            async with asyncio.timeout(COORDINATOR_SECONDS):
                return await self._reader.assigned(group)
        except (BrokerError, TimeoutError):
            return None

    async def _letters_depth(self) -> DeadLetterDepth | str:
        try:
            await self._letters.refresh()
        except BrokerError as error:
            return str(error)
        if self._letters.unread:
            return name_silent(self._letters.unread)
        return DeadLetterDepth(len(self._letters), self._letters.oldest_ms)

    def _note(
        self,
        at_ms: int,
        groups: Mapping[str, tuple[str, ...]],
        spans: Mapping[tuple[str, int], OffsetRange],
        committed: Mapping[str, Mapping[tuple[str, int], int]],
    ) -> dict[Place, int]:
        """Add a sample to each window; return the positions. No commit: the log's start."""
        positions: dict[Place, int] = {}
        for group, said in committed.items():
            for (topic, partition), span in spans.items():
                if topic in groups[group]:
                    place = (group, topic, partition)
                    positions[place] = max(said.get((topic, partition), span.start), span.start)
                    window = self._samples.setdefault(place, deque(maxlen=self._window))
                    window.append(Sample(at_ms, positions[place], span.end, span.log_start))
        return positions

    async def _read_heads(
        self, positions: Mapping[Place, int], spans: Mapping[tuple[str, int], OffsetRange]
    ) -> None:
        """Read the oldest unread record of each partition whose position has moved."""
        wanted: dict[tuple[str, int], int] = {}
        for (_, topic, partition), position in positions.items():
            where = (topic, partition)
            known = self._heads.get(where)
            if position >= spans[where].end:
                self._heads.pop(where, None)
            elif known is None or known[0] != position:
                wanted[where] = position
        found: dict[tuple[str, int], Record] = {}
        with suppress(BrokerError):  # then ages are not known; what is unread is
            found = await self._reader.first_records(wanted, timeout_seconds=HEAD_SECONDS)
        for where, record in found.items():
            self._heads[where] = (wanted[where], record_envelope(record), record.timestamp)

    def _partition(
        self,
        place: Place,
        span: OffsetRange,
        committed: Mapping[tuple[str, int], int],
        assigned: frozenset[tuple[str, int]] | None,
    ) -> PartitionLag:
        group, topic, partition = place
        head = self._heads.get((topic, partition))
        is_relayed = group == self._settings.relay_group
        return partition_lag(
            self._samples[place],
            group=group,
            topic=topic,
            partition=partition,
            log_start=span.log_start,
            committed=committed.get((topic, partition)),
            oldest_unread_ms=head[2] if head else None,
            retention_ms=self._retention.get(topic),
            is_assigned=None if assigned is None else (topic, partition) in assigned,
            due_at_ms=self._due_at_ms(topic, head[1], head[2]) if head and is_relayed else 0,
        )

    def _due_at_ms(self, topic: str, head: Envelope, written_ms: int) -> int:
        """Return when the head of a tier is due: no later than its tier lets anything wait."""
        longest_ms = int(self._delay_ms(topic) * (1 + JITTER_SHARE))
        return min(head.not_before_ms or 0, written_ms + longest_ms)

    async def _tiers(
        self, at_ms: int, partitions: list[PartitionLag], unknown: Collection[str]
    ) -> tuple[TierDepth, ...]:
        """Split what waits in each tier into due and not yet due.

        All records of a tier have one delay, so those older than it are due; the head's own header
        has the last word when nothing is due.
        """
        depths = []
        relay = self._settings.relay_group
        relayed = (p.topic for p in partitions if p.group == relay and p.topic not in unknown)
        for topic in sorted(dict.fromkeys(relayed), key=self._delay_ms):
            delay_ms = self._delay_ms(topic)
            old, silent = await self._reader.known_spans([topic], until_ms=at_ms - delay_ms)
            if silent:
                continue
            boundaries = {span.partition: span.end for span in old}
            parts = [part for part in partitions if part.topic == topic]
            due = sum(
                min(part.lag, max(0, boundaries[part.partition] - part.position))
                for part in parts
                if self._is_head_due(topic, part.partition, at_ms)
            )
            depths.append(TierDepth(topic, due, sum(part.lag for part in parts) - due))
        return tuple(depths)

    def _delay_ms(self, topic: str) -> int:
        """Return how long a record waits in a topic; not at all in a tier of the past."""
        if topic == self._topics.settle:
            return int(self._settings.debounce_seconds * 1000)
        tiers = self._topics.retry_tiers
        return self._topics.tier_delay_ms(topic) if topic in tiers else 0

    def _is_head_due(self, topic: str, partition: int, at_ms: int) -> bool:
        head = self._heads.get((topic, partition))
        return head is None or (head[1].not_before_ms or 0) <= at_ms

    async def _refresh_retention(self, names: list[str]) -> None:
        if time.monotonic() - self._retention_read < RETENTION_TTL_SECONDS:
            return
        self._retention_read = time.monotonic()
        try:
            async with TopicAdmin(self._settings) as admin:
                existing = await admin.existing(names)
        except TopicAdminError as error:
            log.warning("retention_not_known", error=str(error))
            return
        for name, topic in existing.items():
            retention_ms = int(topic.config.get("retention.ms") or -1)
            self._retention[name] = retention_ms if retention_ms >= 0 else None
