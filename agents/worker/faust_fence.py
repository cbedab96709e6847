"""The fence: before partitions go, what was begun is finished and committed, and no more is begun.

Faust forgets its acknowledgements at the start of a revoke, and then waits without limit for what
is in flight; an acknowledgement that comes in during that wait commits past the ones it forgot
(docs/decisions/0024). So all of it is settled before Faust hears of the revoke: fence, wait,
commit. Twice, because a commit that finds another one under way only waits for that one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from faust.types import TP

from agents.worker.faust_consumer import PromptConsumer, PromptTransport


class FencedConsumer(PromptConsumer):
    """Settles what is in flight before every revoke; the app says how."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Call during rebalancing, before partitions are given away."""
        app: Any = self.app  # a WorkerApp
        await fence_and_commit(self, app.when_revoked)
        self.forget_entered()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Call during rebalancing, when partitions are assigned.

        Opened before Faust resumes the flow: an event of the new generation that found the fence
        closed would be dropped, and nobody would go back for it.
        """
        app: Any = self.app
        if app.when_taking is not None:
            app.when_taking()
        await super().on_partitions_assigned(assigned, generation_id)


async def fence_and_commit(consumer: Any, fence: Callable[[], Awaitable[None]] | None) -> None:
    """Finish what was begun, and commit it."""
    if fence is not None:
        await fence()
        await consumer.commit()
        await consumer.commit()


class FencedTransport(PromptTransport):
    """Faust's Kafka transport with the consumer above."""

    Consumer = FencedConsumer
