"""What real stores send, in the order they send it, and what Salesforce holds in the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import orjson
import pytest

from agents.delivery.types import Written
from agents.handling.handler import Handler
from agents.mapping.mapping import Mapping
from schemas.event import Envelope, Kind, Origin
from stream.topics import Topics
from tests.support.handler_world import handled

COMMIT, CUSTOMER = "sales_order_save_commit_after", "customer_save_after"
SHIPPED = Mapping.load()
ORDER = {
    "entity_id": "41",
    "increment_id": "000000041",
    "state": "processing",
    "status": "processing",
    "customer_email": "nora@example.com",
    "customer_firstname": "Nora",
    "customer_lastname": "Lind",
    "grand_total": "120.5000",
    "created_at": "2026-02-01 10:00:00",
    "updated_at": "2026-02-01 10:00:05",
    "billing_address": {"city": "Bergen", "street": "Kaien 1", "country_id": "NO"},
    "items": [{"item_id": "1", "sku": "CUP", "name": "Cup", "qty_ordered": "2.0000"}],
}


class Salesforce:
    """An org that a worker writes to: new records get everything, known ones what was said."""

    def __init__(self):
        self.records, self.states, self.offset, self.notes = {}, {}, 0, []
        self.handler = Handler(
            org_mapping=self.mapping,
            dispatcher=self,
            get_state=lambda _partition, key: self.states.get(key),
            check_alive=lambda: None,
            topics=Topics(),
        )

    async def mapping(self):
        return SHIPPED

    async def send(self, bundles):
        for row in (row for bundle in bundles for row in bundle.rows):
            held = self.records.get(row.identity)
            if held is None:
                self.records[row.identity] = row.whole
            else:
                held.update(row.fields)
        return [Written({row.sobject: "id" for row in bundle.rows}) for bundle in bundles]

    def gets(self, document, at, *, event=COMMIT):
        self.offset += 1
        at_ms = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000)
        origin = Origin("magento", 0, self.offset, at_ms)
        body = orjson.dumps(document)
        envelope = Envelope("e", event, Kind.ORDER, "", at_ms, body, origin=origin)
        self.handler.clock_ms = lambda: at_ms
        (decision,) = asyncio.run(handled(self.handler, [envelope]))
        if decision.state is not None:
            kind = "customer" if event == CUSTOMER else "order"
            self.states[f"{kind}:{decision.envelope.key}".encode()] = decision.state
        self.notes += decision.result.notes
        return decision.result.outcome.value

    def opportunity(self):
        return next(r for (sobject, _), r in self.records.items() if sobject == "Opportunity")

    def account(self):
        return next(r for (sobject, _), r in self.records.items() if sobject == "Account")


@pytest.mark.parametrize(
    "update",
    [
        {"status": "complete", "updated_at": "2026-02-04 09:00:00"},
        {"status": "complete"},
        {"state": "complete", "status": "complete", "items": [{"item_id": "1"}]},
    ],
)
def test_a_status_only_event_moves_the_stage_and_nothing_else(update):
    org = Salesforce()
    org.gets(ORDER, "2026-02-01 10:00:06")
    before = dict(org.opportunity())
    assert org.gets({"increment_id": "000000041"} | update, "2026-02-04 09:00:02") == "synced"
    assert org.opportunity() == before | {"StageName": "Closed Won"}


def test_dates_and_money_in_the_stores_own_format_leave_what_is_there():
    org = Salesforce()
    org.gets(ORDER, "2026-02-01 10:00:06")
    before = dict(org.opportunity())
    written = {"grand_total": "kr 120,50", "created_at": "1. feb. 2026", "updated_at": "i dag"}
    org.gets(ORDER | written | {"state": "complete"}, "2026-02-02 10:00:06")
    assert org.opportunity() == before | {"StageName": "Closed Won"}
    assert any("is no date" in note for note in org.notes)


def test_a_store_in_its_own_time_then_in_utc():
    org = Salesforce()
    org.gets(ORDER | {"updated_at": "2026-02-01 18:00:05"}, "2026-02-01 10:00:06")
    done = ORDER | {"state": "complete", "updated_at": "2026-02-01 13:30:00"}
    assert org.gets(done, "2026-02-01 13:30:01") == "synced"
    assert org.opportunity()["StageName"] == "Closed Won"
    assert any("by a whole time zone" in note for note in org.notes)


@pytest.mark.parametrize("text", ["2099-01-01 00:00:00", "2026-99-99 99:99:99", ""])
def test_no_date_freezes_an_order(text):
    org = Salesforce()
    org.gets(ORDER | {"updated_at": text, "grand_total": 1}, "2026-02-01 10:00:06")
    later = ORDER | {"updated_at": "2026-02-01 10:05:00"}
    assert org.gets(later, "2026-02-01 10:05:01") == "synced"
    assert org.opportunity()["Amount"] == 120.5


def test_complete_and_processing_of_one_second_whichever_comes_first():
    complete = ORDER | {"state": "complete", "status": "complete"}
    for first, second in ((complete, ORDER), (ORDER, complete)):
        org = Salesforce()
        org.gets(first, "2026-02-01 10:00:06")
        org.gets(second, "2026-02-01 10:00:07")
        assert org.opportunity()["StageName"] == "Closed Won"


def test_undated_a_then_b_then_as_bytes_again():
    undated = {name: value for name, value in ORDER.items() if name != "updated_at"}
    org = Salesforce()
    org.gets(undated | {"grand_total": 1}, "2026-02-01 10:00:06")
    assert org.gets(undated | {"grand_total": 2}, "2026-02-01 10:00:07") == "synced"
    assert org.gets(undated | {"grand_total": 1}, "2026-02-01 10:00:08") == "superseded"
    assert org.opportunity()["Amount"] == 2


def test_a_customer_event_without_an_address_keeps_the_companys_name():
    person = {"id": 5, "email": "nora@example.com", "firstname": "Nora", "lastname": "Lind"}
    company = {"company": "Lind AS", "city": "Bergen", "default_billing": True}
    org = Salesforce()
    whole = person | {"addresses": [company], "updated_at": "2026-02-01 10:00:00"}
    org.gets(whole, "2026-02-01 10:00:01", event=CUSTOMER)
    renamed = person | {"lastname": "Berg", "updated_at": "2026-02-02 10:00:00"}
    assert org.gets(renamed, "2026-02-02 10:00:01", event=CUSTOMER) == "synced"
    assert org.account()["Name"] == "Lind AS"
    moved = renamed | {"addresses": [{"city": "Oslo", "default_billing": True}]}
    org.gets(moved | {"updated_at": "2026-02-03 10:00:00"}, "2026-02-03 10:00:01", event=CUSTOMER)
    assert org.account()["Name"] == "Nora Berg"
