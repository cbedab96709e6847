"""What a worker does when its partitions go, and when they come."""

from __future__ import annotations

from collections.abc import Callable

from agents.worker.faust_app import WorkerApp
from agents.worker.pipeline import Pipeline
from agents.worker.set_aside import SetAside
from agents.worker.shutdown import Shutdown
from stream.errors import FrozenError

# A call's deadline < this much more < the group's patience with this worker (faust_app).
FENCE_MARGIN_SECONDS = 15.0


def settle_before_revokes(
    app: WorkerApp,
    life: Shutdown,
    pipeline: Pipeline,
    aside: SetAside,
    *,
    end_process: Callable[[Exception], None],
    patience_seconds: float,
) -> None:
    """Have what is in flight settled whenever partitions go, and take events when they come.

    A call that outlasts the patience could land after the next owner's: then the process ends.
    """

    async def revoked() -> None:
        aside.forget()
        if not await pipeline.fence(patience_seconds):
            end_process(FrozenError(f"a call was still out after {patience_seconds:.0f} s"))

    def taking() -> None:
        if not life.stopping.is_set():
            life.when_assigned()
            pipeline.open()

    app.when_revoked, app.when_taking = revoked, taking
