"""Repairs: documents read anew from the store and published as forced events.

Nothing is written around the pipe: the worker maps, compares and upserts as always. Forced, because
the worker may remember the same content as written while Salesforce has lost or changed it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from schemas.codec import DecodeError
from schemas.event import Kind
from schemas.parts import parts_of
from stream.backfill.event import RESOURCES, backfill_record
from stream.config import Settings
from stream.errors import PublishError
from stream.jobs.operator_log import OperatorLog
from stream.kafka.publisher import Publisher, Record
from stream.magento.client import MagentoRest
from stream.magento.paging import having

FIXED = "reconcile-fix"
LISTED_IDS = 1000
ATTEMPTS = 3


async def publish_fixes(
    settings: Settings,
    magento: MagentoRest,
    operator: OperatorLog,
    ids: Mapping[Kind, Sequence[int]],
    *,
    job_id: str,
    why: str,
) -> int:
    """Publish what the store has of these ids now; return how many events are on disk.

    On record first. Raises MagentoError and PublishError.
    """
    detail = {kind.value: list(numbers[:LISTED_IDS]) for kind, numbers in ids.items()}
    detail["count"] = [sum(len(numbers) for numbers in ids.values())]
    await operator.record(FIXED, why=why, job_id=job_id, detail=detail)
    published = 0
    for kind, numbers in ids.items():
        for part in parts_of([str(number) for number in numbers], settings.magento_page_size):
            found = await having(magento, RESOURCES[kind], "entity_id", part)
            records = _records(settings, kind, found, job_id)
            await _publish(operator.publisher, records)
            published += len(records)
    return published


def _records(
    settings: Settings, kind: Kind, documents: Sequence[dict[str, object]], job_id: str
) -> list[Record]:
    records = []
    for document in documents:
        try:
            records.append(
                backfill_record(
                    document,
                    kind,
                    settings,
                    job_id=job_id,
                    at_ms=time.time_ns() // 1_000_000,
                    is_forced=True,
                )
            )
        except DecodeError:
            continue  # without a key it was never judged as something to repair
    return records


async def _publish(publisher: Publisher, records: Sequence[Record]) -> None:
    missing = list(records)
    for _ in range(ATTEMPTS):
        answers = await publisher.publish_each(missing)
        refused = [
            (record, answer)
            for record, answer in zip(missing, answers, strict=True)
            if isinstance(answer, PublishError)
        ]
        if not refused:
            return
        missing = [record for record, _ in refused]
    raise refused[0][1]
