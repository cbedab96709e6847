"""The thread in which aiokafka's consumer lives: commits that say what was read, and membership.

Kafka keeps a text beside every committed offset; here it holds the witness of the log
(`stream/kafka/log_witness.py`). And what the group coordinator answers is passed on as a fact, not
as a sentence: a commit that it refuses is no crash, it means that somebody else commits now.

A partition whose log is broken at one place waits there, and no other: it is looked at again every
half minute (the log may be mended, or led by a whole replica), and by whoever gets it next.

What the group refuses holds up aiokafka's coordination until somebody has asked for the error.
Faust never does: the worker ended where a fetch was told of it, and else stood there without
partitions and without a word, until it was started again. Nor does anybody hear of a fetcher that
has ended: the worker keeps its partitions, and nothing comes.

At some hundred events a second what costs here is each fetch, not each event. So a stream is
fetched in steps (`stream/kafka/heeding_fetcher.py`), and the thread runs the loop of the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import structlog
import uvloop
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, ensure_aiokafka_TP
from faust.types import TP

from agents.worker.session_guard import elapsed_seconds
from stream.kafka.any_records import UnreadableError
from stream.kafka.error_text import error_text
from stream.kafka.group_answers import commit_what_is_there, go_on, has_ended, heed_errors
from stream.kafka.log.read_log import ReadLog
from stream.ops.background import ended

log = structlog.get_logger()

NO_GENERATION = -1
LOOK_AGAIN_SECONDS = 30.0
ASK_SECONDS = 2.0  # between two looks at what the group has refused
REFUSALS = 5  # of one commit, that far apart
FETCHES_APART_SECONDS = 0.01  # of a stream: less than it takes until a slot is free for it


class WitnessingThread(AIOKafkaConsumerThread):
    """Differs from its base in what it commits, and tells what the coordinator said.

    `heard_at`: when the coordinator last confirmed the membership, by `elapsed_seconds`.
    """

    heard_at: float = float("-inf")
    _asking: asyncio.Task[None] | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, thread_loop=uvloop.new_event_loop(), **options)
        self._close_thread_loop_on_stop = True  # it is ours all the same

    async def on_start(self) -> None:
        """Start, and listen to every answer to a heartbeat."""
        await super().on_start()
        consumer: Any = self._ensure_consumer()
        consumer._fetcher.seconds_apart = FETCHES_APART_SECONDS  # noqa: SLF001 - see below
        coordinator = _coordinator_of(consumer)
        heed_errors(coordinator)
        ask: Callable[[], Awaitable[bool]] = coordinator._do_heartbeat  # noqa: SLF001 - see below

        async def heartbeat() -> bool:
            is_member = await ask()
            if is_member:
                self.heard_at = elapsed_seconds()
            return is_member

        coordinator._do_heartbeat = heartbeat  # noqa: SLF001 - see below
        self._asking = asyncio.create_task(self._ask_for_errors(consumer))

    async def on_thread_stop(self) -> None:
        """Stop, and ask no more."""
        if self._asking is not None:
            await ended([self._asking])
        await super().on_thread_stop()

    async def _ask_for_errors(self, consumer: Any) -> None:
        """Hear what the group has refused, and have it asked again. Ends with what has ended."""
        coordinator = _coordinator_of(consumer)
        while True:
            await asyncio.sleep(ASK_SECONDS)
            try:
                coordinator.check_errors()
            except KafkaError as error:
                log.warning("group_refuses", error=error_text(error, operation="Read"))
                go_on(coordinator)
            if has_ended(consumer):
                await self.crash(KafkaError("a task of aiokafka's own has ended"))
                return

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Note that the group has taken us in."""
        self.heard_at = elapsed_seconds()
        await super().on_partitions_assigned(assigned, generation_id)

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is Faust's
        max_records: int | None = None,
    ) -> Any:
        try:
            return await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        except UnreadableError as error:
            self._let_wait(consumer, error)
            return {}
        except KafkaError:
            if _coordinator_of(consumer)._pending_exception is None:  # noqa: SLF001 - see below
                raise
            return {}  # the group refused something: `_ask_for_errors` hears of it

    def _let_wait(self, consumer: Any, error: UnreadableError) -> None:
        log.error("record_unreadable", detail=str(error))
        broken, assigned = TopicPartition(*error.place), consumer.assignment()

        def look_again() -> None:
            if broken in consumer.assignment():
                consumer.resume(broken)

        if broken in assigned:
            consumer.pause(broken)
            asyncio.get_running_loop().call_later(LOOK_AGAIN_SECONDS, look_again)
        # What it had taken of others in the same turn, aiokafka gives to nobody.
        for tp, offset in cast("Any", self.consumer).expected.items():
            if (pair := ensure_aiokafka_TP(tp)) in assigned:
                consumer.seek(pair, offset)

    @property
    def generation(self) -> int:
        """The group generation that this process is a member of; -1 when it is none.

        A plain read of an integer: any thread may ask, at any moment.
        """
        if self._consumer is None:
            return NO_GENERATION
        return int(_coordinator_of(self._consumer).generation)

    async def commit_metadata(self) -> Mapping[TP, str]:
        """Return the texts beside the committed offsets of what is assigned."""
        return dict(await self.call_thread(self._commit_metadata))

    async def _commit_metadata(self) -> dict[TP, str]:
        consumer: Any = self._ensure_consumer()
        assigned = list(consumer.assignment())
        found = await _coordinator_of(consumer).fetch_committed_offsets(assigned)
        return {TP(pair.topic, pair.partition): said.metadata for pair, said in found.items()}

    async def rejoin(self) -> None:
        """Leave all partitions and take them again, from their committed offsets."""
        await self.call_thread(self._rejoin)

    async def _rejoin(self) -> None:
        consumer: Any = self._ensure_consumer()
        _coordinator_of(consumer).request_rejoin()

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        try:
            await self._commit_in_the_end(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The group goes on without us, or moves: what is uncommitted is read again.
            log.warning("commit_refused", error=type(error).__name__, generation=self.generation)
            return False
        except Exception as error:
            log.exception("commit_failed")
            await self.crash(error)
            return False
        return True

    async def _commit_in_the_end(self, offsets: Mapping[TP, int]) -> None:
        """Commit; what the group refuses may pass (`_ask_for_errors`). Raises KafkaError."""
        consumer = self._ensure_consumer()
        for _ in range(REFUSALS):
            try:
                await commit_what_is_there(consumer, self._marked(offsets))
            except (CommitFailedError, IllegalStateError):
                raise
            except KafkaError as error:
                log.warning("commit_refused_yet", error=error_text(error, operation="Read"))
                await asyncio.sleep(ASK_SECONDS)
            else:
                return
        await commit_what_is_there(consumer, self._marked(offsets))

    def _marked(self, offsets: Mapping[TP, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        assigned = self.assignment()
        read_log: ReadLog = cast("Any", self.app).read_log
        return {
            ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, read_log.metadata(tp, offset))
            for tp, offset in offsets.items()
            if tp in assigned and read_log.has_reached(tp, offset)
        }


def _coordinator_of(consumer: Any) -> Any:
    # aiokafka has no public word for generation, rejoin or the texts of commits.
    return consumer._coordinator  # noqa: SLF001 - test_private_names.py holds the name
