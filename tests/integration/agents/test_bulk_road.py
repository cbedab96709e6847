"""A large backlog by Bulk jobs: the same books as by Composite calls, whatever a row or a job does."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from support.delivery_desk import order
from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.bulk_writer import BULK_LIMITS, BulkWriter
from agents.delivery.dispatcher import SalesforceDispatcher, build_dispatcher
from agents.delivery.retry_in_place import RetryInPlace
from agents.delivery.types import NotSent, RefusedWrite, Written
from agents.pacing.stall_clock import Progress
from agents.pacing.wiring import build_gate
from agents.salesforce.api.bulk import Pace
from agents.salesforce.api.wiring import build_client
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.interrupt import Interrupt
from schemas.priority import Priority
from schemas.salesforce import Row
from stream.backoff import Backoff
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]

PACE = Pace(first_poll_seconds=0.02, longest_poll_seconds=0.05, patience_seconds=5)
QUICK = RetryInPlace(backoff=Backoff(0.02, 0.1))


class Road:
    """A dispatcher whose every batch goes by Bulk jobs."""

    def __init__(self, org, **overrides):
        self.server, self.org, self.interrupt, self.spent = org, org.org, Interrupt(), 0
        settings = settings_for(org, salesforce_calls_per_second=1000.0, **overrides)
        self.client = build_client(settings, alerts=Alerts(), bulk_pace=PACE)
        gate = build_gate(settings, Alerts(), self.interrupt, ask_limits=self.client.limits)
        jobs = BulkWriter(
            self.client, spend=self.spend, interrupt=self.interrupt, progress=Progress()
        )
        self.dispatcher = SalesforceDispatcher(jobs, gate, policy=QUICK, limits=BULK_LIMITS)

    def spend(self, calls):
        self.spent += calls

    async def send(self, *bundles):
        async with asyncio.timeout(60):
            return await self.dispatcher.send(bundles)

    @property
    def jobs(self):
        return [
            (job.sobject, job.operation.value, job.state.value)
            for job in self.org.bulk.jobs.values()
        ]

    def check_books(self, orders):
        summary = self.org.summary()
        assert summary["records"]["Opportunity"] == orders
        assert summary["duplicates"] == []
        assert summary["stale_writes"] == summary["created_again"] == 0


@pytest.fixture
async def road(salesforce_org):
    road = Road(salesforce_org)
    await road.client.guard(["Account", "Contact", "Opportunity"])
    yield road
    road.client.close()


def kinds(outcomes):
    return Counter(type(outcome) for outcome in outcomes)


async def test_a_wave_of_parents_then_children_is_three_jobs_for_any_number_of_orders(road):
    outcomes = await road.send(*(order(n) for n in range(2500)))
    assert kinds(outcomes) == {Written: 2500}
    assert set(outcomes[7].ids) == {"Account", "Contact", "Opportunity"}
    assert road.jobs == [
        ("Account", "insert", "JobComplete"),
        ("Contact", "insert", "JobComplete"),
        ("Opportunity", "upsert", "JobComplete"),
    ]
    assert not [name for name in road.org.counts.by_path if "composite" in name]
    road.check_books(2500)


async def test_customers_that_exist_are_not_changed_and_their_orders_are_written(road):
    await road.send(*(order(n, f"c{n % 50}@example.com") for n in range(100)))
    table = road.org.store.tables["Account"]
    before = {key: dict(record) for key, record in table.records.items()}
    await road.send(renamed_customer(3), *(order(n, "c3@example.com") for n in (200, 201)))
    another = await road.send(*(order(n, f"c{n % 50}@example.com") for n in range(100, 200)))
    assert kinds(another) == {Written: 100}
    assert {key: dict(record) for key, record in table.records.items()} == before


async def test_duplicates_that_may_be_saved_are_though_no_job_can_say_so(salesforce_org):
    """Bulk API takes no Sforce-Duplicate-Rule-Header (simple-salesforce#628)."""
    road = Road(salesforce_org, salesforce_allow_duplicates=True)
    road.org.settings.change({"contact_duplicate_rule": "alert"})
    twins = [order(n, f"c{n}@example.com") for n in range(6)]
    for number, bundle in enumerate(twins):
        account, contact, opportunity = bundle.rows
        fields = {**contact.insert_fields, "LastName": "Doe", "Email": f"d{number % 3}@example.com"}
        contact = replace(contact, insert_fields=fields)
        twins[number] = replace(bundle, rows=(account, contact, opportunity))
    try:
        outcomes = [outcome for one in twins for outcome in await road.send(one)]
    finally:
        road.client.close()
    assert kinds(outcomes) == {Written: 6}
    assert road.org.summary()["records"]["Contact"] == 6


async def test_a_rule_that_refuses_creates_costs_no_order_of_customers_who_exist(road):
    await road.send(*(order(n, f"c{n}@example.com") for n in range(20)))
    code, text = "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Telefon fehlt"
    road.org.faults.add(
        {"kind": "row_error", "sobject": "Contact", "code": code, "message": text, "times": 20}
    )
    another = Road(road.server)
    outcomes = await another.send(*(order(20 + n, f"c{n}@example.com") for n in range(20)))
    another.client.close()
    assert kinds(outcomes) == {Written: 20}
    another.check_books(40)


def renamed_customer(n):
    bundle = order(300 + n, f"c{n}@example.com")
    account, *rest = bundle.rows
    renamed = replace(account, insert_fields={"Name": "somebody else"})
    return replace(bundle, rows=(renamed, *rest))


async def test_a_worker_that_remembers_nothing_asks_the_org_who_exists(road, salesforce_org):
    await road.send(*(order(n) for n in range(60)))
    fresh = Road(salesforce_org)
    await fresh.client.guard(["Account", "Contact", "Opportunity"])
    try:
        outcomes = await fresh.send(*(order(n) for n in range(80)))
    finally:
        fresh.client.close()
    assert kinds(outcomes) == {Written: 80}
    road.check_books(80)
    accounts = list(road.org.history.entries(sobject="Account"))
    assert len(accounts) == 80  # those that existed were answered as existing, not written


async def test_a_refused_row_costs_only_its_own_event_and_says_why(road):
    bundles = [order(n) for n in range(300)]
    bundles[41] = order(41, StageName="x" * 300)
    outcomes = await road.send(*bundles)
    assert kinds(outcomes) == {Written: 299, RefusedWrite: 1}
    refused = outcomes[41]
    assert (refused.sobject, refused.fields) == ("Opportunity", ("StageName",))
    assert refused.kind is ErrorKind.PERMANENT
    road.check_books(299)


async def test_locked_rows_are_repeated_and_a_child_of_a_refused_parent_has_its_error(road):
    road.org.faults.add(
        {
            "kind": "row_error",
            "times": 3,
            "code": "UNABLE_TO_LOCK_ROW",
            "external_id_pattern": "^o1[0-2]$",
        }
    )
    bundles = [order(n) for n in range(50)]
    account, *rest = bundles[20].rows
    broken = replace(account, insert_fields={"Name": "x" * 300})
    bundles[20] = replace(bundles[20], rows=(broken, *rest))
    outcomes = await road.send(*bundles)
    assert kinds(outcomes) == {Written: 49, RefusedWrite: 1}
    assert (outcomes[20].sobject, outcomes[20].fields) == ("Account", ("Name",))


async def test_a_sigterm_in_a_job_answers_every_bundle_without_an_attempt(road):
    road.org.settings.change({"bulk_delay_ms": 60_000.0})
    task = asyncio.create_task(road.send(*(order(n) for n in range(100))))
    async with asyncio.timeout(10):
        while not road.jobs:
            await asyncio.sleep(0.01)
    road.interrupt.set("SIGTERM")
    assert kinds(await task) == {NotSent: 100}


async def test_a_rebalance_begins_no_other_job_and_is_no_outage(road):
    """It lets what waits for its turn go on for a while: a job would be made again and again."""
    road.org.settings.change({"bulk_delay_ms": 60_000.0})
    task = asyncio.create_task(road.send(*(order(n) for n in range(100))))
    async with asyncio.timeout(10):
        while not road.jobs:
            await asyncio.sleep(0.01)
    road.interrupt.set("the group is rebalancing", patience_seconds=3.0)
    assert kinds(await task) == {NotSent: 100}
    assert [(name, state) for name, _, state in road.jobs] == [("Account", "Aborted")]
    assert road.dispatcher.gate.open_for is None


async def test_a_failing_status_page_in_the_middle_of_a_job_loses_nothing(road):
    road.org.faults.add({"kind": "unavailable", "times": 3, "match": {"path": "jobs/ingest/"}})
    outcomes = await road.send(*(order(n) for n in range(100)))
    assert kinds(outcomes) == {Written: 100}
    road.check_books(100)


async def test_the_calls_of_jobs_count_against_the_budget(road):
    await road.send(*(order(n) for n in range(10)))
    assert road.spent == 30
    assert road.org.settings.calls_used <= road.spent + 5


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "ExceededQuota", "Não"),
        (403, "REQUEST_LIMIT_EXCEEDED", "ApiBatchItems Limit exceeded."),
        (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."),
        (503, "SERVER_UNAVAILABLE", "Não"),
        (403, "FeatureNotEnabled", "Não"),
        (405, "METHOD_NOT_ALLOWED", "Não"),
        (400, "CODE_OF_2031", "Não"),
    ],
)
async def test_what_bulk_does_not_take_goes_by_composite_calls(
    salesforce_org, status, code, message
):
    settings = settings_for(
        salesforce_org, salesforce_calls_per_second=1000.0, salesforce_bulk_threshold_events=10
    )
    body = [{"errorCode": code, "message": message}]
    salesforce_org.org.faults.add(
        {
            "kind": "respond",
            "status": status,
            "body": body,
            "times": 99,
            "match": {"path": "jobs/ingest"},
        }
    )
    alerts = Alerts()
    client = build_client(settings, alerts=alerts, bulk_pace=PACE)
    try:
        dispatcher = build_dispatcher(
            settings, client, alerts, Interrupt(), backlog=lambda: 1_000_000
        )
        bundles = [one_row(n, Priority.REPLAY) for n in range(2200)]
        async with asyncio.timeout(120):
            first = await dispatcher.send(bundles)
            again = await dispatcher.send(bundles)
    finally:
        client.close()
    assert kinds(first) == {NotSent: 2200}
    assert kinds(again) == {Written: 2200}
    assert alerts.active == {}


async def test_a_worker_takes_the_bulk_road_for_a_backlog_and_live_events_do_not(salesforce_org):
    settings = settings_for(
        salesforce_org, salesforce_calls_per_second=1000.0, salesforce_bulk_threshold_events=5000
    )
    client = build_client(settings, alerts=Alerts(), bulk_pace=PACE)
    dispatcher = build_dispatcher(
        settings, client, Alerts(), Interrupt(), backlog=lambda: 1_000_000
    )
    bundles = [one_row(n, Priority.LIVE if n < 100 else Priority.BACKFILL) for n in range(2500)]
    try:
        outcomes = await dispatcher.send(bundles)
    finally:
        client.close()
    assert kinds(outcomes) == {Written: 2500}
    (job,) = salesforce_org.org.bulk.jobs.values()
    assert len(job.rows) == 2400
    assert salesforce_org.org.summary()["records"]["Opportunity"] == 2500


def one_row(n, priority):
    bundle = order(n)
    (row,) = (row for row in bundle.rows if row.sobject == "Opportunity")
    plain = {name: value for name, value in row.fields.items() if name != "Account"}
    return replace(
        bundle,
        rows=(Row(row.sobject, row.external_id_field, row.external_id, plain),),
        priority=priority,
        lock_key="",
    )
