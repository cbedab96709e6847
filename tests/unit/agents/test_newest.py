"""What tells only a part of its order takes nothing from the whole save, whichever comes first."""

import asyncio
import dataclasses
from itertools import count

import orjson
import pytest

from agents.delivery.types import Written
from agents.handling.handler import Handler
from agents.mapping.mapping import Mapping
from schemas.codec import decode
from schemas.digest import content_digest, save_mark
from schemas.event import Envelope, Kind, Origin, Via
from schemas.state import State, state_key
from stream.topics import Topics

CUSTOMER = Kind.CUSTOMER
SHIPPED = Mapping.load(None)
NOW_MS = 1_800_000_000_000
WHOLE = {
    "increment_id": "100",
    "entity_id": 7,
    "state": "processing",
    "status": "processing",
    "grand_total": 99.5,
    "base_grand_total": 99.5,
    "customer_email": "jane@example.com",
    "customer_firstname": "Jane",
    "customer_lastname": "Doe",
    "created_at": "2026-03-14 18:00:00",
    "billing_address": {"city": "Lyon", "country_id": "FR", "lastname": "Doe"},
    "items": [{"sku": "BOWL", "name": "Bowl", "qty_ordered": 1, "price": 99.5}],
}
OFFSETS = count(1)


def event(second, document, kind=Kind.ORDER):
    offset = next(OFFSETS)
    dated = document | {"updated_at": f"2026-03-14 18:00:{second:02d}"}
    name = f"{kind.value}_save_after".replace("order_", "sales_order_")
    body = {"event": name, kind.value: dated}
    return Envelope(
        event_id=f"e{offset}",
        event=name,
        kind=kind,
        key="100" if kind is Kind.ORDER else document["email"],
        received_at_ms=NOW_MS,
        value=orjson.dumps(body),
        origin=Origin("magento.orders", 0, offset, NOW_MS),
    )


class Order:
    """An org, a worker and its memory: what Salesforce holds of the order, and each event's end."""

    def __init__(self):
        self.fields, self.lines, self.ends, self.states, self.calls = {}, None, {}, {}, 0
        self.versions = []
        self.handler = Handler(
            org_mapping=self.mapping,
            dispatcher=self,
            get_state=lambda _partition, key: self.states.get(key),
            check_alive=lambda: None,
            topics=Topics(),
            clock_ms=lambda: NOW_MS,
        )

    async def mapping(self):
        return SHIPPED

    async def send(self, bundles):
        (bundle,) = bundles
        self.calls += 1
        row = next(row for row in bundle.rows if row.sobject == self.sobject)
        self.fields |= row.fields if self.fields else row.whole
        self.versions.append(row.version)
        return [Written({self.sobject: "006"})]

    sobject = "Opportunity"

    def gets(self, *batch):
        """Let it have a batch; what is to be taken again comes when the rest is over."""
        envelopes = list(batch)
        while envelopes:
            prepared = asyncio.run(self.handler.prepare(envelopes))
            written = asyncio.run(self.handler.write(prepared.intents))
            for decision in (*prepared.decisions, *written):
                self.ends[decision.result.event_id] = decision.result.outcome.value
                if decision.state is not None:
                    stored = State.from_bytes(decision.state.to_bytes())
                    self.states[state_key(batch[0].kind, batch[0].key)] = stored
            envelopes = prepared.later
        return [self.ends[envelope.event_id] for envelope in batch]


NEWS = {"increment_id": "100", "entity_id": 7, "status": "complete"}


def lines_up(order):
    return (
        order.fields["Amount"],
        order.fields["Billing_City__c"],
        order.fields["StageName"],
        "Bowl" in order.fields["Description"],
        order.fields["Name"],
    )


IN_THE_END = (99.5, "Lyon", "Closed Won", True, "Order 100 - Jane Doe")


def test_a_status_before_its_whole_save_takes_nothing_from_it():
    order = Order()
    assert order.gets(event(2, dict(NEWS))) == ["synced"]
    assert order.gets(event(1, dict(WHOLE))) == ["synced"]
    assert lines_up(order) == IN_THE_END
    assert order.versions[1] == order.versions[0], "the org's own rule must let it pass"


@pytest.mark.parametrize("first", [0, 1])
def test_in_one_batch_it_ends_the_same_in_either_order(first):
    order = Order()
    events = [event(1, dict(WHOLE)), event(2, dict(NEWS))]
    assert order.gets(*(events if first else events[::-1])) == ["synced", "synced"]
    assert lines_up(order) == IN_THE_END


def test_whatever_comes_again_changes_nothing():
    order = Order()
    news, whole = event(2, dict(NEWS)), event(1, dict(WHOLE))
    order.gets(news)
    order.gets(whole)
    before, calls = dict(order.fields), order.calls
    assert order.gets(whole) == ["superseded"]
    assert order.gets(news) == ["unchanged"]
    assert order.gets(event(1, NEWS | {"status": "processing"})) == ["superseded"]
    assert (order.fields, order.calls) == (before, calls)


def test_between_two_saves_the_later_one_counts_and_the_newer_status_stays():
    order = Order()
    order.gets(event(4, NEWS | {"status": "closed"}))
    order.gets(event(2, WHOLE | {"grand_total": 20, "base_grand_total": 20}))
    assert order.gets(event(1, dict(WHOLE))) == ["superseded"]
    assert order.gets(event(3, WHOLE | {"grand_total": 30, "base_grand_total": 30})) == ["synced"]
    assert (order.fields["Amount"], order.fields["StageName"]) == (30, "Closed Lost")
    assert order.gets(event(5, dict(WHOLE))) == ["synced"]
    assert (order.fields["Amount"], order.fields["StageName"]) == (99.5, "Negotiation/Review")
    assert order.gets(event(3, NEWS | {"status": "canceled"})) == ["superseded"]


def test_two_parts_of_one_order_stand_side_by_side():
    order = Order()
    address = {"city": "Oslo", "country_id": "NO", "street": "Kaien 1"}
    order.gets(event(3, dict(NEWS)))
    assert order.gets(event(2, {"increment_id": "100", "billing_address": address})) == ["synced"]
    assert order.gets(event(1, dict(WHOLE))) == ["synced"]
    assert (order.fields["Billing_City__c"], order.fields["StageName"]) == ("Oslo", "Closed Won")
    assert order.fields["Billing_Street__c"] == "Kaien 1"
    assert order.fields["Amount"] == 99.5


def test_an_order_without_its_rows_and_address_is_a_part_too():
    """What a model's getData() gives: all of the order's own columns, and nothing beside them."""
    order = Order()
    columns = {k: v for k, v in WHOLE.items() if k not in ("items", "billing_address")}
    order.gets(event(2, columns | {"grand_total": 10, "base_grand_total": 10}))
    order.gets(event(1, dict(WHOLE)))
    assert (order.fields["Amount"], order.fields["Billing_City__c"]) == (10, "Lyon")
    assert "Bowl" in order.fields["Description"]


def test_a_whole_save_behind_another_takes_nothing_from_it():
    order = Order()
    later = WHOLE | {"billing_address": {"city": "", "country_id": "FR"}, "grand_total": 10}
    later["base_grand_total"] = 10
    assert order.gets(event(1, dict(WHOLE)), event(2, later)) == ["superseded", "synced"]
    assert order.fields["Amount"] == 10
    assert "Lyon" not in order.fields.values()


def test_an_older_status_changes_nothing():
    order = Order()
    older = event(1, NEWS | {"status": "canceled"})
    assert order.gets(event(2, dict(WHOLE)), older) == ["synced", "superseded"]
    assert order.fields["StageName"] != "Closed Lost"


def test_a_persons_correction_of_the_older_save_is_written_beneath_the_newer_status():
    order = Order()
    whole = event(1, WHOLE | {"grand_total": -1, "base_grand_total": -1})
    order.gets(event(2, dict(NEWS)))
    document = decode(whole.value, event=whole.event)
    corrected = dataclasses.replace(
        event(1, dict(WHOLE)),
        via=Via.REQUEUE,
        corrects=save_mark(content_digest(document.entity), document.updated_at),
        edited_at_ms=NOW_MS,
    )
    assert order.gets(corrected) == ["synced"]
    assert order.gets(whole) == ["superseded"]
    assert lines_up(order) == IN_THE_END


def test_a_customers_address_takes_nothing_from_the_customer_who_comes_later():
    class Account(Order):
        sobject = "Account"

    account = Account()
    customer = {"id": 3, "email": "jane@example.com"}
    address = {"city": "Oslo", "country_id": "NO", "street": ["Kaien 1"], "default_billing": True}
    account.gets(event(2, customer | {"addresses": [address]}, CUSTOMER))
    whole = {"firstname": "Jane", "lastname": "Doe", "group_id": 1}
    whole |= {"addresses": [address | {"city": "Lyon", "company": "Doe Ltd"}]}
    assert account.gets(event(1, customer | whole, CUSTOMER)) == ["synced"]
    assert account.fields["BillingCity"] == "Oslo"
    assert account.fields["Name"] == "Doe Ltd"
    assert account.gets(event(1, customer | whole, CUSTOMER)) == ["superseded"]


def test_a_state_of_the_last_release_is_of_a_whole_save():
    stored = b'{"v":"2026-03-14 18:00:02","d":"x","t":"t","p":0,"o":1,"r":0,"i":{},"e":"7","f":1}'
    order = Order()
    order.states[b"order:100"] = State.from_bytes(stored)
    assert order.gets(event(1, dict(WHOLE))) == ["superseded"]
