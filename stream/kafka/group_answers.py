"""Errors that a coordinator gives for a whole answer: aiokafka 0.14 looks at those of rows only.

A coordinator that moves or loads answers the question for committed offsets with an error and no
rows. Taken for a group that has committed nothing, it sends whoever has just got partitions back
to the beginning of their logs: workers through a month of events, the relay through a week of
retries that were long tried again, everything new behind them. (librdkafka #5586 is the same.)
"""

from __future__ import annotations

from typing import Any

from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    NotCoordinatorForGroupError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest

IS_ELSEWHERE = (GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError)


def refuse(error: int, group: str) -> None:
    """Raise the KafkaError of a code; 0 is none."""
    if error:
        raise for_code(error)(group)


def heed_errors(coordinator: Any) -> None:
    """Have a consumer's coordinator raise such an error: aiokafka asks again for what passes."""
    ask = coordinator._send_req  # noqa: SLF001 - test_private_names.py holds the name

    async def heeding(request: Any) -> Any:
        answer = await ask(request)
        error = getattr(answer, "error_code", 0)
        if error and isinstance(request, OffsetFetchRequest):
            if for_code(error) in IS_ELSEWHERE:
                coordinator.coordinator_dead()
            refuse(error, coordinator.group_id)
        return answer

    coordinator._send_req = heeding  # noqa: SLF001 - it, too
