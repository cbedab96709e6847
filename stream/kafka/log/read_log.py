"""What a member of a group has read of each partition, and whether the log still holds that.

The worker's consumer and the relay note what they hand out, and ask before they start a partition.
A background loop compares every few seconds, and has the partitions taken again when a log went
back. Until it has caught up, LOG_WENT_BACK says so.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import structlog
from aiokafka import TopicPartition

from stream.config import Settings
from stream.errors import BrokerError
from stream.kafka.log.leader_questions import ANSWER_SECONDS
from stream.kafka.log.position import PROBE_FETCH_BYTES, Comparison, WentBack, find_gone_back
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.log_witness import Reading, Rung, Witness, identity_of
from stream.ops import metrics
from stream.ops.alerts import Alert, Alerts
from stream.ops.background import set_within

log = structlog.get_logger()

# (topic, partition): aiokafka's or Faust's named tuple.
Pair: TypeAlias = Any

CHECK_SECONDS = 3.0
START_SECONDS = 4.0  # no heartbeat is sent meanwhile
START_ANSWER_SECONDS = 1.5  # of one partition: a silent one must leave time for the others


class ReadLog:
    """Remembers records by partition; `settings` say which log."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._alerts: Alerts | None = None
        self._reader: RangeReader | None = None
        self._using = asyncio.Lock()
        self._witnesses: dict[Pair, Witness] = {}
        self._uncommitted: dict[Pair, dict[int, str]] = {}
        self._newest: dict[Pair, Rung] = {}
        self._reached: dict[Pair, int] = {}  # since the last assignment
        self._before: dict[Pair, Rung] = {}
        self._unverified: dict[tuple[str, int], Reading] = {}
        self._catching_up: dict[Pair, int] = {}
        self._suspects = asyncio.Event()

    def note(self, tp: Pair, message: Any) -> None:
        """Remember a record that is handed out."""
        headers, offset = message.headers or (), message.offset
        identity = identity_of(
            key=message.key,
            value=message.value,
            headers=headers.items() if isinstance(headers, dict) else headers,
        )
        uncommitted = self._uncommitted.get(tp)
        if uncommitted is None:
            uncommitted = self._uncommitted[tp] = {}
        uncommitted[offset] = identity
        self._newest[tp] = Rung(offset, identity)
        if offset >= self._reached.get(tp, 0):
            self._reached[tp] = offset + 1
        if self._catching_up and offset + 1 >= self._catching_up.get(tp, sys.maxsize):
            self.caught_up(tp)

    def has_reached(self, tp: Pair, offset: int) -> bool:
        """Whether reading has come as far as an offset since the partition was taken.

        What was done of a log that went back still asks to be committed. In the new log that offset
        would pass over what nobody has read, and with no record to tell it by.
        """
        return offset <= self._reached.get(tp, sys.maxsize)

    def metadata(self, tp: Pair, offset: int) -> str:
        """Return the text for a commit of `offset`: what was read below it.

        Until the log was compared, it stays what it was: a newer record would vouch for a log that
        nobody has looked at, and whoever has the partition next would believe it.
        """
        witness = self._witnesses.setdefault(tp, Witness())
        below = self._uncommitted.get(tp, {})
        done = sorted(known for known in below if known < offset)
        for known in done[:-1]:  # nobody asks for them: memory, where nothing can be compared
            del below[known]
        if done and (tp.topic, tp.partition) not in self._unverified:
            witness.note(Rung(done[-1], below.pop(done[-1])))
        return witness.to_metadata()

    def suspect(self, tp: Pair) -> None:
        """Have a partition compared at once: a record came that should be behind us."""
        log.warning("log_suspected", topic=tp.topic, partition=tp.partition)
        self._suspects.set()

    async def has_records(self, tp: Pair, start: int, end: int) -> bool:
        """Whether the broker has a record with an offset in [start, end). Raises BrokerError."""
        async with self._using:
            reader = await self._connected()
            found = await reader.first_records({(tp.topic, tp.partition): start})
        record = found.get((tp.topic, tp.partition))
        # The record at `end` is there: no answer at all is no proof that nothing is before it.
        return record is None or record.offset < end

    async def healed(
        self, committed: Mapping[Pair, int | None], metadata: Mapping[Pair, str]
    ) -> dict[Pair, int]:
        """Return where partitions whose log went back are read again, before they are read.

        A member that answers late is expelled: without an answer in time the comparison is left to
        `watch`, which begins with what could not be compared here.
        """
        # Kafka deletes the commits of a topic with it: then only we know that it was another.
        # (Between the deletion and the new topic there may be an assignment without it.)
        self._before |= self._newest
        held = {
            (tp.topic, tp.partition): Reading(newest.offset + 1, Witness([newest]))
            for tp, newest in self._before.items()
            if tp in committed and not committed[tp]
        }
        for tp in committed:
            self._before.pop(tp, None)
        self._uncommitted.clear()
        self._newest.clear()
        self._witnesses = {tp: Witness.from_metadata(metadata.get(tp)) for tp in committed}
        self._witnesses |= {TopicPartition(*place): was.witness for place, was in held.items()}
        readings = held | {
            (tp.topic, tp.partition): Reading(offset, self._witnesses[tp])
            for tp, offset in committed.items()
            if offset
        }
        self._unverified = readings
        gone: dict[tuple[str, int], WentBack] = {}
        try:
            async with asyncio.timeout(START_SECONDS):
                compared = await self._compare(readings, seconds=START_ANSWER_SECONDS)
                gone = compared.gone
                self._unverified = {place: readings[place] for place in compared.silent}
        except (BrokerError, TimeoutError) as error:
            log.warning("log_not_compared", error=str(error) or type(error).__name__)
        for item in gone.values():
            tp = TopicPartition(item.topic, item.partition)
            self._witnesses[tp].forget_from(item.resume)
            self._note_gone(tp, item)
        healed = {TopicPartition(*place): item.resume for place, item in gone.items()}
        self._reached = {tp: healed.get(tp, max(at or 0, 0)) for tp, at in committed.items()}
        # What was read by whoever had the partition before goes on being compared.
        known = {tp: witness.newest for tp, witness in self._witnesses.items()}
        self._newest = {tp: newest for tp, newest in known.items() if newest is not None}
        return healed

    async def watch(self, alerts: Alerts, rejoin: Callable[[], Awaitable[None]]) -> None:
        """Compare every few seconds; `rejoin` has all partitions taken again. Never returns."""
        self._alerts = alerts
        while True:
            await set_within(self._suspects, CHECK_SECONDS)
            self._suspects.clear()
            with suppress(BrokerError):
                compared = await self._compare(self._readings() | self._unverified)
                if compared.silent:  # as likely by the reader's fault
                    async with self._using:
                        await self.close()
                self._unverified = {
                    place: was
                    for place, was in self._unverified.items()
                    if place in compared.gone or place in compared.silent
                }
                if compared.gone:
                    for item in compared.gone.values():
                        log.error("log_went_back", detail=item.sentence)
                    await rejoin()

    async def close(self) -> None:
        if self._reader is not None:
            await self._reader.close()
            self._reader = None

    def _readings(self) -> dict[tuple[str, int], Reading]:
        return {
            (tp.topic, tp.partition): Reading(newest.offset + 1, Witness([newest]))
            for tp, newest in self._newest.items()
        }

    async def _compare(
        self,
        readings: Mapping[tuple[str, int], Reading],
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> Comparison:
        if not readings:
            return Comparison({}, {})
        async with self._using:
            try:
                return await find_gone_back(await self._connected(), readings, seconds=seconds)
            except BrokerError:
                await self.close()  # a reader that has come to a stand is not asked again
                raise

    async def _connected(self) -> RangeReader:
        if self._reader is None:
            reader = RangeReader(self._settings, fetch_bytes=PROBE_FETCH_BYTES)
            await reader.__aenter__()
            self._reader = reader
        return self._reader

    def _note_gone(self, tp: Pair, item: WentBack) -> None:
        log.error("log_went_back", detail=item.sentence)
        metrics.LOG_WENT_BACK.labels(tp.topic, str(tp.partition)).inc()
        if item.resume < item.end:
            self._catching_up[tp] = item.end
        if self._alerts is not None:
            self._alerts.fire(Alert.LOG_WENT_BACK, item.sentence)
            if not self._catching_up:
                self._alerts.resolve(Alert.LOG_WENT_BACK)

    def caught_up(self, tp: Pair) -> None:
        """Note that everything of a log that went back is read again."""
        self._catching_up.pop(tp, None)
        if not self._catching_up and self._alerts is not None:
            self._alerts.resolve(Alert.LOG_WENT_BACK)
