"""The operator log: who changed what, and why, in `orderstream.audit`.

Every command and page that changes something writes here first and waits for the ack; jobs keep
their plan and their state here too, so that any machine can list and resume them.
"""

from __future__ import annotations

import getpass
import socket
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from schemas.operator import OperatorAction
from stream.config import Settings
from stream.kafka.log.range_reader import OffsetRange, RangeReader
from stream.kafka.publisher import KafkaPublisher, Publisher, Record
from stream.ops.masking import mask_text
from stream.topics import Topics

PUBLISH_TIMEOUT_SECONDS = 15.0
RELEASED = "dead-letters-released"  # a cause whose events may die again


class OperatorLog:
    """Writes actions of one person. `who` is `user@host` unless the caller knows better."""

    def __init__(self, publisher: Publisher, topics: Topics, *, who: str = "") -> None:
        self.publisher = publisher
        self._topics = topics
        self.who = who or operator_name()

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator[OperatorLog]:
        """Open a log with a producer of its own."""
        publisher = KafkaPublisher(settings)
        await publisher.start()
        try:
            yield cls(publisher, settings.topics)
        finally:
            await publisher.stop()

    async def record(
        self, action: str, *, why: str = "", job_id: str = "", detail: dict[str, Any] | None = None
    ) -> OperatorAction:
        """Write one action and return it after the broker's ack. Raises PublishError."""
        done = OperatorAction(
            action=action,
            who=self.who,
            at_ms=int(time.time() * 1000),
            why=mask_text(why),
            job_id=job_id,
            detail=detail or {},
        )
        record = Record(
            topic=self._topics.operator_audit,
            key=(job_id or action).encode(),
            value=done.to_bytes(),
        )
        await self.publisher.publish(record, timeout_seconds=PUBLISH_TIMEOUT_SECONDS)
        return done


def operator_name() -> str:
    """Return `user@host` of this process, the name that actions carry."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"  # a container whose user id has no name
    return f"{user}@{socket.gethostname()}"


async def read_actions(
    reader: RangeReader, topics: Topics, *, job_id: str = "", since_ms: int | None = None
) -> list[OperatorAction]:
    """Return the recorded actions, of one job in the order of the log, or of all by their time."""
    spans = await reader.spans([topics.operator_audit], since_ms=since_ms)
    actions = await actions_in(reader, spans, job_id)
    return actions if job_id else sorted(actions, key=lambda action: action.at_ms)


async def known_actions(
    reader: RangeReader, topics: Topics, *, job_id: str = ""
) -> tuple[list[OperatorAction], dict[tuple[str, int], str]]:
    """Return those of the partitions that answer, each job's in the order of the log.

    That is the order in which they happened: a job's actions are in one partition, and their times
    are of whatever machine it ran on. And why the other partitions do not answer.
    """
    spans, silent = await reader.known_spans([topics.operator_audit])
    found = await actions_in(reader, spans, job_id)
    return found, {**reader.broken.told(topics.operator_audit), **silent}


async def actions_in(
    reader: RangeReader, spans: Iterable[OffsetRange], job_id: str
) -> list[OperatorAction]:
    """Return the actions of some ranges, of one job or ('') of all, as they are read."""
    actions: list[OperatorAction] = []
    async for batch in reader.read(spans):
        for record in batch:
            if job_id and record.key != job_id.encode():
                continue
            try:
                actions.append(OperatorAction.from_bytes(record.value))
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue  # somebody else's record; the log is read, not judged
    return actions
