"""A person in the topics: what is theirs is found, what only mentions them is not."""

from __future__ import annotations

import time
from dataclasses import replace

import orjson
import pytest

from schemas.event import Envelope, ErrorInfo, Kind, Origin, new_event_id
from schemas.headers import headers_of
from schemas.person import Person
from stream.erasure.proof import prove_erasure
from stream.erasure.search import find_person
from stream.errors import BrokerError
from stream.kafka.blocking_publish import BlockingPublish
from stream.kafka.publisher import KafkaPublisher, Record
from stream.ops.alerts import Alerts

pytestmark = pytest.mark.kafka

EMAIL = "jane@example.com"
DAY_MS = 86_400_000


def event(
    topic: str, key: str, body: dict, *, kind: Kind = Kind.ORDER, dead: bool = False
) -> Record:
    now_ms = time.time_ns() // 1_000_000
    envelope = Envelope(
        event_id=new_event_id(now_ms),
        event="",
        kind=kind,
        key=key,
        received_at_ms=now_ms,
        value=orjson.dumps(body),
        origin=Origin("magento.orders", 1, 5, now_ms) if dead else None,
        error=ErrorInfo("permanent", "STRING_TOO_LONG", "too long") if dead else None,
    )
    return Record(topic, key.encode(), envelope.value, headers_of(envelope), partition=1)


def order(number: str, email: str, **more) -> dict:
    return {"order": {"increment_id": number, "customer_email": email, "items": [], **more}}


async def test_orders_copies_letters_and_outcomes_of_a_person_are_found_and_no_others(
    topics, make_settings
):
    settings = make_settings()
    records = [
        event(topics.orders, "1", order("1", EMAIL.upper())),
        event(topics.orders, "2", order("2", "", billing_address={"email": EMAIL})),
        event(topics.orders, "3", order("3", "bob@example.com", customer_note=f"gift for {EMAIL}")),
        event(topics.customers, EMAIL, {"customer": {"email": EMAIL}}, kind=Kind.CUSTOMER),
        event(topics.dead_letters, "1", order("1", EMAIL), dead=True),
        event(topics.dead_letters, "3", order("3", "bob@example.com"), dead=True),
        event(topics.retry_tiers[0], "2", order("2", "", billing_address={"email": EMAIL})),
        Record(topics.results, b"1", b'{"key": "1"}', partition=1),
        Record(topics.results, b"3", b'{"key": "3"}', partition=1),
        Record(topics.orders, b"4", b"jane@example.com is no JSON", partition=1),
    ]
    publisher = KafkaPublisher(settings)
    await publisher.start()
    await BlockingPublish(publisher, alerts=Alerts())(records)
    await publisher.stop()
    began = time.time() * 1000

    found = await find_person(settings, Person((EMAIL,)))

    assert found.orders == {"1": 1, "2": 1}
    assert found.letters == [(1, 0)]
    held = {item.topic: item for item in found.held}
    assert {topic: item.records for topic, item in held.items()} == {
        topics.orders: 4,  # with the one that only mentions them, and the one nobody can read
        topics.customers: 1,
        topics.dead_letters: 1,
        topics.retry_tiers[0]: 1,
        topics.results: 1,
    }
    assert began + 29 * DAY_MS < held[topics.orders].all_gone_ms < began + 31 * DAY_MS
    assert held[topics.retry_tiers[0]].all_gone_ms < began + 8 * DAY_MS


async def test_nobody_is_found_in_empty_topics(topics, make_settings):
    settings, person = make_settings(), Person((EMAIL,))
    found = await find_person(settings, person)
    assert (found.orders, found.letters, found.held) == ({}, [], [])
    assert (await prove_erasure(settings, person)).remnants == []


async def test_every_spelling_former_address_and_id_is_found_and_proved_to_go(
    topics, make_settings
):
    """PHP's escapes, a former address by the customer's id, and what only the proof looks at."""
    settings = make_settings()
    customer = {"id": 17, "email": "old@example.com"}
    escaped = event(topics.orders, "7", order("7", "PLACE"))
    records = [
        event(topics.customers, "old@example.com", {"customer": customer}, kind=Kind.CUSTOMER),
        event(
            topics.customers, EMAIL, {"customer": customer | {"email": EMAIL}}, kind=Kind.CUSTOMER
        ),
        event(topics.orders, "5", order("5", "old@example.com")),
        event(topics.orders, "6", order("6", "third@example.com", customer_id=17)),
        replace(escaped, value=escaped.value.replace(b"PLACE", b"j\\u0061ne\\u0040Example.com")),
        Record(topics.state, b"customer:" + EMAIL.encode(), b"{}", partition=1),
        Record(topics.operator_audit, b"x", b'{"why":"for j\\u0061ne@example.com"}', partition=1),
        Record(topics.results, b"8", b"{}", headers=[("x", b"JANE@example.com")], partition=1),
    ]
    publisher = KafkaPublisher(settings)
    await publisher.start()
    await BlockingPublish(publisher, alerts=Alerts())(records)

    found = await find_person(settings, Person((EMAIL,)))

    assert set(found.person.emails) == {EMAIL, "old@example.com"}
    assert found.person.customer_ids == ("17",)
    assert set(found.orders) == {"5", "6", "7"}
    assert found.customer_keys == {EMAIL, "old@example.com"}

    proof = await prove_erasure(settings, found.person)
    left = {remnant.topic: remnant for remnant in proof.remnants}
    assert set(left) >= {topics.orders, topics.customers, topics.operator_audit, topics.results}
    assert (proof.holds, left[topics.state].has_date) == (False, False)  # no tombstone yet

    tombstone = Record(topics.state, b"customer:" + EMAIL.encode(), None, partition=1)
    await BlockingPublish(publisher, alerts=Alerts())([tombstone])
    await publisher.stop()
    assert (await prove_erasure(settings, found.person)).holds


async def test_a_state_of_a_website_that_no_setting_names_goes_as_well(topics, make_settings):
    """A customer says the website; the setting is for orders, and facts are gone after 30 days."""
    settings = make_settings(magento_customer_key="website", magento_store_websites="1=1")
    keys = [b"customer:7:" + EMAIL.encode(), b"customer:7:bob@example.com"]
    publisher = KafkaPublisher(settings)
    await publisher.start()
    await BlockingPublish(publisher, alerts=Alerts())(
        [Record(topics.state, key, b"{}", partition=1) for key in keys]
    )
    await publisher.stop()
    tomorrow = time.time_ns() // 1_000_000 + DAY_MS
    found = await find_person(settings, Person((EMAIL,)), since_ms=tomorrow)
    assert found.customer_keys == {EMAIL, f"1:{EMAIL}", f"7:{EMAIL}"}


async def test_topics_that_are_not_there_prove_nothing(topics, make_settings):
    """A prefix mistyped, or no right to see them: "none of 0 records names the person"."""
    settings = make_settings(kafka_topic_prefix="mistyped.")
    with pytest.raises(BrokerError, match=r"no such topic.*mistyped\.magento\.orders"):
        await prove_erasure(settings, Person((EMAIL,)))
