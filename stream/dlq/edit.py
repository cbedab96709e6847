"""Edit: requeue one dead letter with other bytes.

The bytes that were signed stay where they are, in `magento.*` and in the letter; the operator log
says who changed which fields, without their values.
"""

from __future__ import annotations

import time
from dataclasses import replace
from hashlib import sha256
from typing import Any

import orjson

from schemas.codec import DecodeError, decode
from schemas.digest import content_digest, save_mark
from schemas.event import Envelope, Via
from schemas.operator import Resolution
from stream.config import Settings
from stream.dlq.open_letters import DeadLetter
from stream.dlq.resolutions import MARK_TIMEOUT_SECONDS, MarkWriter
from stream.errors import JobError
from stream.jobs.operator_log import OperatorLog
from stream.jobs.runner import copy_of
from stream.jobs.spec import JobKind, new_job_id
from stream.settings.magento import MagentoSettings


async def requeue_edited(
    settings: Settings,
    operator: OperatorLog,
    letter: DeadLetter,
    envelope: Envelope,
    *,
    value: bytes,
    why: str,
) -> str:
    """Requeue one letter with other bytes; the edit is on record, the original stays in its topics.

    Raises DecodeError for bytes that are no event, JobError when they are of another order.
    Returns the job id.
    """
    check_edit(settings, envelope, value)
    job_id = new_job_id(JobKind.REQUEUE)
    await operator.record(
        "dlq-edit",
        why=why,
        job_id=job_id,
        detail={
            "letter": letter.id,
            "event_id": envelope.event_id,
            "sha256_before": sha256(envelope.value).hexdigest(),
            "sha256_after": sha256(value).hexdigest(),
            "fields": changed_fields(envelope.value, value),
        },
    )
    place = (settings.topics.dead_letters, letter.partition, letter.offset)
    copy = copy_of(
        replace(
            envelope,
            value=value,
            corrects=envelope.corrects or _mark_of(settings, envelope),
            edited_at_ms=time.time_ns() // 1_000_000,
        ),
        settings,
        via=Via.REQUEUE,
        job_id=job_id,
        place=place,
    )
    await operator.publisher.publish(copy.record, timeout_seconds=MARK_TIMEOUT_SECONDS)
    marks = MarkWriter(settings, operator, Resolution.REQUEUED, why=why, job_id=job_id)
    await marks.write([(letter.partition, letter.offset)])
    return job_id


def check_edit(settings: MagentoSettings, envelope: Envelope, value: bytes) -> None:
    """Raise DecodeError for bytes that are no event, JobError when they are of another order."""
    document = decode(value, event=envelope.event, identity=settings.identity)
    if document.key != envelope.key:
        raise JobError(f"the edit is of {document.key or 'no order'}, the letter of {envelope.key}")


def _mark_of(settings: MagentoSettings, envelope: Envelope) -> str:
    """Return the mark of the save that is corrected; '' for one that could not be read."""
    try:
        document = decode(envelope.value, event=envelope.event, identity=settings.identity)
    except DecodeError:
        return ""
    return save_mark(content_digest(document.entity), document.updated_at)


def changed_fields(before: bytes, after: bytes) -> list[str]:
    """Return the paths whose values differ between two JSON documents; [""] for no JSON."""
    try:
        old, new = orjson.loads(before), orjson.loads(after)
    except orjson.JSONDecodeError:
        return [""]
    return sorted(_differences(old, new, ""))


def _differences(old: Any, new: Any, path: str) -> set[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        names = old.keys() | new.keys()
        pairs = [
            (f"{path}.{name}" if path else name, old.get(name), new.get(name)) for name in names
        ]
        return {found for at, a, b in pairs for found in _differences(a, b, at)}
    return set() if old == new else {path}
