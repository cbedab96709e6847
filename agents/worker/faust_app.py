"""The Faust app: which options, and why each.

| option | value | why (kafka reference) |
|---|---|---|
| table_standby_replicas | 1 | co-partitioned assignment, although there are no tables (§1.19) |
| broker_max_poll_interval | 10^7 s | blocked longer than it, a worker dies silently (§1.5) |
| broker_rebalance_timeout | a call's deadline + 30 s | calls in flight must end in it (§2.5) |
| stream_wait_empty | True | False loses what is in flight at SIGTERM (§1.4) |
| topic_allow_declare, topic_disable_leader | False, True | topics are made by `topics apply` |
| web_enabled | False | the status server shows less and is ours |
| Monitor | QuietMonitor | nobody reads what it counts of each event |
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

import faust
from faust.assignor import PartitionAssignor
from faust.types import TP
from faust.types.transports import TransportT

from agents.worker.faust_consumer import PromptConsumer
from agents.worker.faust_events import QuietMonitor
from agents.worker.faust_fence import FencedTransport
from agents.worker.session_guard import Membership
from stream.config import Settings
from stream.kafka.connection import IDLE_MS, faust_credentials
from stream.kafka.log.read_log import ReadLog


class CommonPartitionsAssignor(PartitionAssignor):
    """Shares out the partitions that every source topic has, of all topics together.

    Faust groups topics by their partition counts, and shares each group out by itself. Where one
    topic has more partitions than the others, partition p of orders and partition p of their
    retries are then on two workers, and one order is in two hands. What lies beyond the shortest
    topic belongs to nobody, and `lag` shows it as STOP.
    """

    @classmethod
    def _get_copartitioned_groups(
        cls, topics: set[str], cluster: Any, subscriptions: Any
    ) -> dict[int, Any]:
        counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        there = {topic for topic, count in counts.items() if count}
        if not there:
            return {}
        fewest = min(counts[topic] for topic in there)
        return {fewest: cls._group_co_subscribed(there, subscriptions)}


MAX_POLL_INTERVAL_SECONDS = 10.0**7
REBALANCE_MARGIN_SECONDS = 30.0
COMMIT_INTERVAL_SECONDS = 1.0
# Who is expelled learns it from a heartbeat: within a second.
HEARTBEAT_SECONDS = 1.0
# A topic that was deleted and made again is noticed by this, not before: five minutes by default.
METADATA_MS = 15_000


class WorkerApp(faust.App):
    """A Faust app that says when a rebalance begins, goes on and ends, so that nothing is left."""

    when_rebalance_starts: Callable[[], None] | None = None
    when_revoked: Callable[[], Awaitable[None]] | None = None
    when_taking: Callable[[], None] | None = None
    when_assigned: Callable[[float], None] | None = None
    when_crashed: Callable[[BaseException], None] | None = None
    read_log: ReadLog
    most_queued_bytes = 0
    queue: asyncio.Queue[Any] | None = None  # of the agent

    def queued(self) -> int:
        """Return how many messages wait for the agent."""
        return self.queue.qsize() if self.queue is not None else 0

    def _new_transport(self) -> TransportT:
        return FencedTransport(self.conf.broker_consumer, self)

    def _crash(self, reason: BaseException) -> None:
        """Tell that a service of Faust's ended by an exception: it does nothing from now on.

        The process would live on, ready by its own word. Called in whichever thread it happened.
        """
        super()._crash(reason)
        if self.when_crashed is not None:
            self.when_crashed(reason)

    def on_rebalance_start(self) -> None:
        """Note the start of a rebalance; Faust calls this from its consumer thread."""
        if self.when_rebalance_starts is not None:
            self.loop.call_soon_threadsafe(self.when_rebalance_starts)
        super().on_rebalance_start()

    def membership(self) -> Membership | None:
        """Return what is known of our place in the group; None before it first took us in."""
        if not self.consumer_generation_id:
            return None
        return cast("PromptConsumer", self.consumer).membership

    def follows(self, tp: TP, offset: int, generation: int) -> bool:
        """Take an event that reached the agent, if it plainly is the next of its partition."""
        return cast("PromptConsumer", self.consumer).follows(tp, offset, generation)

    async def takes(self, tp: TP, offset: int, generation: int) -> bool:
        """Whether an event that reached the agent is the next of its partition."""
        return await cast("PromptConsumer", self.consumer).is_next(tp, offset, generation)

    async def rejoin(self) -> None:
        """Leave all partitions and take them again, from where their logs are to be read on."""
        await cast("PromptConsumer", self.consumer).rejoin()

    def note_assignment(self, assigned: Iterable[TP], *, topic: str, partitions: int) -> None:
        """Tell which part (0..1) of the order partitions is this worker's now."""
        if self.when_assigned is not None:
            held = sum(1 for tp in assigned if tp.topic == topic)
            self.when_assigned(max(held, 1) / partitions)


def create_app(settings: Settings) -> WorkerApp:
    """Return the app of this installation; nothing is connected yet."""
    session_seconds = settings.kafka_session_timeout_seconds
    options: dict[str, Any] = {}
    credentials = faust_credentials(settings)
    if credentials is not None:
        options["broker_credentials"] = credentials
    app = WorkerApp(
        settings.worker_group,
        broker=[f"kafka://{host.strip()}" for host in settings.kafka_bootstrap_servers.split(",")],
        autodiscover=False,
        PartitionAssignor=CommonPartitionsAssignor,
        table_standby_replicas=1,
        topic_partitions=settings.kafka_partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        Monitor=QuietMonitor,
        stream_wait_empty=True,
        stream_buffer_maxsize=max(4096, 2 * settings.worker_batch_max_events),
        broker_max_poll_interval=MAX_POLL_INTERVAL_SECONDS,
        broker_session_timeout=session_seconds,
        broker_heartbeat_interval=min(HEARTBEAT_SECONDS, session_seconds / 10),
        broker_rebalance_timeout=settings.salesforce_timeout_seconds + REBALANCE_MARGIN_SECONDS,
        broker_request_timeout=max(90.0, session_seconds + 10),
        broker_commit_interval=COMMIT_INTERVAL_SECONDS,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=METADATA_MS,
        consumer_connections_max_idle_ms=IDLE_MS,
        worker_redirect_stdouts=False,
        **options,
    )

    app.read_log = ReadLog(settings)
    app.most_queued_bytes = settings.worker_window_bytes

    async def assigned(_app: WorkerApp, partitions: Iterable[TP], **_more: Any) -> None:
        count, topic = settings.kafka_partitions, settings.topics.orders
        app.note_assignment(partitions, topic=topic, partitions=count)

    # Faust's signal types know no named parameters.
    cast("Any", app.on_partitions_assigned).connect(assigned)
    return app
