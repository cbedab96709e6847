"""What is really published is what docs/topics.md and the JSON Schemas say."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest
from pydantic import TypeAdapter

from sandbox.processes import orderstream
from schemas.operator import MARK_HEADER
from schemas.topic_records import ACTION, MARK, RECORDS, EventHeaders
from stream.kafka.log.range_reader import RangeReader
from stream.topic_reference import role_of
from stream.topics import Topics

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]


async def test_every_record_of_every_topic_fits_its_schema(make_rig):
    rig = await make_rig()
    await rig.warm_worker()
    await rig.relay()
    rig.org.fault("row_error", times=1, code="UNABLE_TO_LOCK_ROW", sobject="Opportunity")
    await rig.publish([(1, 1), (1, 2), (2, 1)])
    await rig.publish_raw(b"no order", key="garbage")
    await rig.settled(5)
    drop = orderstream("dlq", "drop", "--order", "garbage", "--why", "garbage", "--yes")
    dropping = rig.processes.spawn("drop", *drop, env=rig.env)
    dropping.is_stopping = True
    assert await dropping.wait(timeout_seconds=60) == 0, dropping.output

    seen: Counter[str] = Counter()
    settings = rig.settings
    topics = settings.topics
    roles = {spec.name: role_of(spec, topics) for spec in topics.specs()}
    async with RangeReader(settings) as reader:
        async for batch in reader.read(await reader.spans(list(roles))):
            for record in batch:
                seen[check(record, roles[record.topic])] += 1
    assert {"event", "result", "state", "dead letter", MARK.name} <= set(seen), seen
    assert set(RECORDS) == {role_of(spec, Topics()) for spec in Topics().specs()}


def check(record, role: str) -> str:
    """Return the kind of a record after it was held against its schema."""
    headers = {name: raw.decode() for name, raw in record.headers}
    if MARK_HEADER in headers:
        kind = MARK
    elif role == "operator_audit":
        kind = ACTION
    else:
        kind = RECORDS[role][0]
    if kind.has_event_headers:
        EventHeaders.model_validate(headers)
    if kind.model is not None and record.value is not None:
        TypeAdapter(kind.model).validate_python(orjson.loads(record.value))
    return kind.name
