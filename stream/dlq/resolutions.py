"""Marks: how a dead letter is resolved without being deleted. Requeue, drop and edit write them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from schemas.operator import Mark, Resolution
from schemas.parts import parts_of
from stream.dlq.open_letters import DeadLetter
from stream.jobs.operator_log import OperatorLog
from stream.kafka.publisher import Record
from stream.settings.kafka import KafkaSettings

MARK_TIMEOUT_SECONDS = 30.0
MARK_OFFSETS = 5_000  # offsets in one mark: a record of some 40 kB
SAMPLES = 20


class MarkWriter:
    """Marks letters as requeued or dropped by the person of the log, for one reason."""

    def __init__(
        self,
        settings: KafkaSettings,
        operator: OperatorLog,
        resolution: Resolution,
        *,
        why: str,
        job_id: str = "",
    ) -> None:
        self._topic = settings.topics.dead_letters
        self._operator = operator
        self._resolution = resolution
        self._why = why
        self._job_id = job_id

    async def write(self, letters: Iterable[tuple[int, int]]) -> None:
        """Mark (partition, offset) pairs; returns after the acks. Raises PublishError."""
        by_partition: dict[int, list[int]] = {}
        for partition, offset in letters:
            by_partition.setdefault(partition, []).append(offset)
        for partition, offsets in by_partition.items():
            for part in parts_of(offsets, MARK_OFFSETS):
                mark = self._mark(part)
                await self._operator.publisher.publish(
                    Record(
                        topic=self._topic,
                        key=None,
                        value=mark.to_bytes(),
                        headers=mark.headers,
                        partition=partition,
                    ),
                    timeout_seconds=MARK_TIMEOUT_SECONDS,
                )

    def _mark(self, offsets: Sequence[int]) -> Mark:
        return Mark(
            self._resolution,
            tuple(offsets),
            at_ms=int(time.time() * 1000),
            who=self._operator.who,
            why=self._why,
            job_id=self._job_id,
        )


async def drop_letters(
    settings: KafkaSettings,
    operator: OperatorLog,
    letters: Sequence[DeadLetter],
    *,
    why: str,
) -> int:
    """Give letters up: on record with the reason first, then marked. Returns how many."""
    await operator.record(
        "dlq-drop",
        why=why,
        detail={
            "count": len(letters),
            "letters": [letter.id for letter in letters[:SAMPLES]],
            "codes": sorted({letter.code for letter in letters}),
        },
    )
    marks = MarkWriter(settings, operator, Resolution.DROPPED, why=why)
    await marks.write((letter.partition, letter.offset) for letter in letters)
    return len(letters)
