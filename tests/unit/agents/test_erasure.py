"""Who was erased stays erased: whatever comes back of older events, the worker refuses it."""

from __future__ import annotations

import orjson
import pytest

from agents.delivery.types import Written
from agents.erasure.org_records import Anonymised, anonymise, find_records
from agents.erasure.personal import personal_records
from agents.handling.handler import Handler
from agents.handling.operator_events import of_operators
from agents.handling.state_store import StateStore
from agents.mapping.mapping import Mapping
from agents.salesforce.api.query import query_path
from schemas.erasure import ERASURE_EVENT, Erasure, marker_key
from schemas.event import Envelope, Kind, Origin, Via
from schemas.result import Outcome
from schemas.state import state_key
from stream.topics import Topics
from tests.support.handler_world import handled
from tests.support.person_org import EMAIL, FakeClient

TOPICS = Topics(retry_delays_seconds=(30,))
UNTIL = "2026-03-20 12:00:00"


def envelope(event, value, *, topic, key="k", kind=Kind.ORDER, offset=1, **more) -> Envelope:
    return Envelope(
        event_id=f"e{offset}",
        event=event,
        kind=kind,
        key=key,
        received_at_ms=1_800_000_000_000,
        value=value if isinstance(value, bytes) else orjson.dumps(value),
        origin=Origin(topic, 0, offset, 0),
        **more,
    )


def order(updated_at="2026-03-14 18:00:00", **more) -> Envelope:
    body = {
        "increment_id": "42",
        "state": "new",
        "grand_total": 1,
        "items": [{"item_id": 1, "sku": "CUP", "qty_ordered": 1}],
        "customer_email": EMAIL,
        "updated_at": updated_at,
    }
    return envelope("order_saved", body, topic=TOPICS.orders, **more)


def customer(updated_at) -> Envelope:
    body = {"customer": {"email": EMAIL, "firstname": "Jane", "updated_at": updated_at}}
    topic = TOPICS.customers
    return envelope("customer_save_after", body, topic=topic, key=EMAIL, kind=Kind.CUSTOMER)


def erasure(kind, key) -> Envelope:
    value = Erasure(kind, key, UNTIL).to_bytes()
    return envelope(ERASURE_EVENT, value, topic=TOPICS.due, kind=kind, offset=9)


class World:
    """A handler, and a state store fed by what it decides, as `route` does it."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.state = StateStore(topic=TOPICS.state, connection={})
        self.state.put(0, [])
        self.offset = 0

        async def mapping():
            return Mapping.load()

        self.handler = Handler(
            org_mapping=mapping,
            dispatcher=self,
            get_state=self.state.get,
            check_alive=lambda: None,
            topics=TOPICS,
        )

    async def send(self, bundles):
        self.sent += [bundle.key for bundle in bundles]
        return [Written({"Opportunity": "006"}) for _ in bundles]

    async def handle(self, *envelopes):
        decisions = await handled(self.handler, envelopes)
        for decision in decisions:
            writes = [(w.key, w.value) for w in decision.writes]
            if decision.state is not None:
                key = state_key(decision.envelope.kind, decision.envelope.key)
                writes.append((key, decision.state.to_bytes()))
            for key, value in writes:
                self.state.put(0, [(self.offset, key, value)])
                self.offset += 1
        return [decision.result.outcome for decision in decisions]


@pytest.fixture
def world() -> World:
    return World()


async def test_an_erased_order_is_not_written_again_by_a_replay_forced_or_not(world):
    await world.handle(order(key="42"))
    assert world.sent == ["42"]
    await world.handle(erasure(Kind.ORDER, "42"))
    assert world.state.get(0, b"order:42") is None
    for again in (
        order(key="42"),
        order(key="42", via=Via.REPLAY),
        order(key="42", via=Via.REPLAY, is_forced=True),
        order(key="42", via=Via.BACKFILL),
        order("2027-01-01 00:00:00", key="42"),
    ):
        assert await world.handle(again) == [Outcome.SUPERSEDED]
    assert world.sent == ["42"]


async def test_a_customer_who_registers_after_the_erasure_is_a_new_customer(world):
    await world.handle(erasure(Kind.CUSTOMER, EMAIL))
    assert await world.handle(customer("2026-03-20 11:59:59")) == [Outcome.SUPERSEDED]
    assert await world.handle(customer("2026-03-20 12:00:01")) == [Outcome.SYNCED]


async def test_an_erasure_in_the_same_batch_leaves_no_state_behind(world):
    await world.handle(order(key="42"), erasure(Kind.ORDER, "42"))
    assert world.state.get(0, b"order:42") is None
    assert world.state.get(0, marker_key(b"order:42")) is not None


async def test_a_marker_does_not_say_who(world):
    await world.handle(erasure(Kind.CUSTOMER, EMAIL))
    (marker,) = world.state._partitions[0].records
    value = world.state._partitions[0].records[marker]
    assert b"jane" not in marker + value


async def test_other_orders_go_on(world):
    await world.handle(erasure(Kind.ORDER, "41"))
    assert await world.handle(order(key="42")) == [Outcome.SYNCED]


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b'{"kind": "x", "key": "y", "until": "z"}'])
async def test_an_erasure_that_names_nobody_changes_nothing(world, value):
    wrong = envelope(ERASURE_EVENT, value, topic=TOPICS.due)
    assert await world.handle(wrong) == [Outcome.UNCHANGED]
    assert not world.state._partitions[0].records


def test_no_webhook_can_be_an_erasure():
    hostile = envelope(
        ERASURE_EVENT, Erasure(Kind.ORDER, "42", UNTIL).to_bytes(), topic=TOPICS.orders
    )
    assert not of_operators([hostile], TOPICS)


async def test_records_are_written_over_children_first_with_new_random_keys():
    client = FakeClient()
    personal = personal_records(Mapping.load().rulebook)
    records = await find_records(client, personal, [EMAIL], ["42"])
    assert records.order_keys == {"7"}
    assert await anonymise(client, records) == Anonymised(3)
    assert [sobject for sobject, _, _ in client.updated] == ["Opportunity", "Contact", "Account"]
    keys = {
        fields["Magento_Customer_Key__c"] for s, _, fields in client.updated if s != "Opportunity"
    }
    assert len(keys) == 2
    assert all(key.startswith("erased-") for key in keys)
    forgotten = [s for s, _, fields in client.updated if "Magento_Customer_ID__c" in fields]
    assert forgotten == ["Contact", "Account"]


async def test_an_address_with_a_quote_stays_inside_its_quotes():
    client = FakeClient()
    await find_records(client, personal_records(Mapping.load().rulebook), ["o'b\\@x.y"], [])
    assert all("'o\\'b\\\\@x.y'" in soql for soql in client.asked)
    assert not any("IN ()" in soql for soql in client.asked)


async def test_a_persons_orders_are_asked_for_in_queries_that_fit_into_a_url():
    """A key of a store's own pattern may be long, and takes nine characters a letter in a URL."""
    client, keys = FakeClient(), [f"注文番号-{n:08d}" * 3 for n in range(300)]
    await find_records(client, personal_records(Mapping.load().rulebook), [EMAIL], keys)
    assert max(len(query_path(soql)) for soql in client.asked) <= 16_384
    assert all(any(f"'{key}'" in soql for soql in client.asked) for key in keys)


def test_a_person_is_found_by_every_key_of_the_address_and_through_the_account() -> None:
    personal = {one.sobject: one for one in personal_records(Mapping.load().rulebook)}
    keys = ("a@b.cc", "1:a@b.cc")
    account = personal["Account"].soql("a@b.cc", [], keys)
    assert "Magento_Customer_Key__c IN ('a@b.cc','1:a@b.cc')" in account
    opportunity = personal["Opportunity"].soql("a@b.cc", ["7"])
    assert "Account.Magento_Customer_Key__c IN ('a@b.cc')" in opportunity
    assert "Magento_Order_ID__c IN ('7')" in opportunity
