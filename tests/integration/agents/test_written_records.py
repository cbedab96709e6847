"""Whether the org is the one that the topics were written to: asked by the ids of the last results."""

from __future__ import annotations

from contextlib import closing

import pytest
from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.doctor.written_records import LAST_RESULTS, count_there, last_written
from agents.salesforce.api.wiring import build_client
from schemas.result import Outcome, Result
from stream.kafka.publisher import Ack, KafkaPublisher, Record
from stream.ops.alerts import Alerts

pytestmark = pytest.mark.kafka
__all__ = ["org_keys", "salesforce_org"]

ELSEWHERE = "006Os0000009999IAA"


def result(number: int, record_id: str, outcome: Outcome = Outcome.SYNCED) -> bytes:
    return Result(
        event_id=f"e{number}",
        kind="order",
        key=str(number),
        outcome=outcome,
        origin_topic="magento.orders",
        origin_partition=0,
        origin_offset=number,
        at_ms=1,
        salesforce_ids={"Opportunity": record_id, "no name": "x"} if record_id else {},
    ).to_bytes()


async def published(settings, values: list[bytes]) -> None:
    publisher = KafkaPublisher(settings)
    await publisher.start()
    try:
        topic = settings.topics.results
        records = [Record(topic, b"k", value, partition=0) for value in values]
        assert all(isinstance(one, Ack) for one in await publisher.publish_each(records))
    finally:
        await publisher.stop()


async def test_an_org_that_has_nothing_of_what_was_written_last_is_another_one(
    topics, make_settings, salesforce_org
) -> None:
    """A sandbox was refreshed, or settings name production now: what is known is 'unchanged'."""
    settings, org = make_settings(), salesforce_org.org
    assert await last_written(settings) == ("", ())
    fields = {"Name": "there", "StageName": "Prospecting", "CloseDate": "2026-01-01"}
    table = org.store.tables["Opportunity"]
    there = org.dml.create(org.new_call(), table, org.dml.prepare(table, fields), fields).id
    await published(settings, [result(1, there), *[result(2, ELSEWHERE)] * LAST_RESULTS])
    await published(settings, [b"no result", result(3, there, Outcome.DEAD), result(4, "")])
    assert await last_written(settings) == ("Opportunity", (ELSEWHERE,))
    with closing(build_client(settings_for(salesforce_org), alerts=Alerts())) as client:
        assert await count_there(client, "Opportunity", (ELSEWHERE,)) == 0
        assert await count_there(client, "Opportunity", (ELSEWHERE, there)) == 1
        org.dml.delete(org.new_call(), table, there)  # people may delete what they like
        assert await count_there(client, "Opportunity", (ELSEWHERE, there)) == 1
        assert await count_there(client, "Nothing__c", (there,)) is None
