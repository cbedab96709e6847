"""What a Bulk job leaves of a backlog: a few rows, which need no other job."""

from __future__ import annotations

from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys, salesforce_org
from test_bulk_road import PACE, kinds, one_row

from agents.delivery.dispatcher import build_dispatcher
from agents.delivery.types import Written
from agents.salesforce.api.wiring import build_client
from agents.salesforce.interrupt import Interrupt
from schemas.priority import Priority
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]


async def test_what_a_job_leaves_is_repeated_by_calls(salesforce_org):
    """A few locked rows of a backlog took another job of ten calls, and its minutes, each time."""
    settings = settings_for(
        salesforce_org, salesforce_calls_per_second=1000.0, salesforce_bulk_threshold_events=10
    )
    locked = {"code": "UNABLE_TO_LOCK_ROW", "external_id_pattern": "^o1[0-2]$", "times": 5}
    salesforce_org.org.faults.add({"kind": "row_error", **locked})
    client = build_client(settings, alerts=Alerts(), bulk_pace=PACE)
    dispatcher = build_dispatcher(
        settings, client, Alerts(), Interrupt(), backlog=lambda: 1_000_000
    )
    try:
        outcomes = await dispatcher.send([one_row(n, Priority.REPLAY) for n in range(2400)])
    finally:
        client.close()
    assert kinds(outcomes) == {Written: 2400}
    assert len(salesforce_org.org.bulk.jobs) == 1
    assert salesforce_org.org.summary()["duplicates"] == []
