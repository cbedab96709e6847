"""Whoever may write a topic may write what they like; the workers need not believe it."""

from __future__ import annotations

import dataclasses
import time

import pytest

from sandbox.magento.numbered import numbered_webhook
from schemas.erasure import ERASURE_EVENT, Erasure, marker_key
from schemas.event import Envelope, Kind, Origin, Via, new_event_id
from schemas.headers import headers_of
from stream.kafka.publisher import Record

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]


def forged(rig, n: int, version: int, *, topic: str, **claims: object) -> Record:
    """A record as an intruder writes it: all our headers, and no key to sign with."""
    webhook = numbered_webhook(n, version)
    now_ms = time.time_ns() // 1_000_000
    envelope = Envelope(
        event_id=new_event_id(now_ms),
        event="sales_order_save_after",
        kind=Kind.ORDER,
        key=webhook.key,
        received_at_ms=now_ms,
        value=webhook.body,
    )
    envelope = dataclasses.replace(envelope, **claims)
    return Record(topic, envelope.key.encode(), envelope.value, headers_of(envelope), partition=0)


def erasure(rig, n: int) -> Record:
    key = numbered_webhook(n, 1).key
    order = Erasure(Kind.ORDER, key, "2026-03-14 18:00:00")
    record = forged(rig, n, 1, topic=rig.settings.topics.due, event=ERASURE_EVENT)
    return dataclasses.replace(record, key=marker_key(order.state_key), value=order.to_bytes())


async def test_forged_records_reach_nothing_and_are_seen(make_rig):
    rig = await make_rig()
    names = rig.settings.topics
    await rig.warm_worker()
    origin = Origin(names.orders, 0, 10_000, 1)
    bare = dataclasses.replace(forged(rig, 50, 1, topic=names.orders), headers=())
    await rig._publish_all(
        [
            bare,
            forged(rig, 51, 1, topic=names.due, via=Via.REPLAY, job_id="replay-1", is_forced=True),
            forged(rig, 52, 1, topic=names.orders, via=Via.BACKFILL, is_forced=True),
            forged(rig, 53, 1, topic=names.due, via=Via.REQUEUE, origin=origin),
            forged(rig, 54, 1, topic=names.due),
            erasure(rig, 0),
        ]
    )
    letters = await _letters(rig, 6)
    assert {code for code, _ in letters} == {"UNTRUSTED_RECORD"}
    # The pipe goes on, the order that was to be erased included.
    await rig.publish([(0, 2), (1, 1)])
    written = {numbered_webhook(n, 1).key for n in (0, 1)}
    await rig.until(lambda: rig.versions().keys() == written and 2.0 in _versions(rig, 0))
    assert rig.versions().keys() == written


def _versions(rig, n: int) -> set[float]:
    found = rig.versions().get(numbered_webhook(n, 1).key)
    return set() if found is None else {found}


async def _letters(rig, count: int) -> list[tuple[str, str]]:
    """Return (code, key) of the open dead letters, once there are so many."""
    from stream.dlq.index import DeadLetterIndex
    from stream.kafka.log.range_reader import RangeReader

    async with RangeReader(rig.settings) as reader:
        index = DeadLetterIndex(rig.settings, reader)

        async def are_there() -> bool:
            await index.refresh()
            return len(index) >= count

        await rig.until(are_there)
        assert len(index) == count
        return [(letter.code, letter.key) for letter in index.letters()]
