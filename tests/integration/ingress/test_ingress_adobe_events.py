"""Adobe I/O Events over real HTTP: challenges, signatures, batches, and what is answered."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs
from support.adobe_sender import (
    ADOBE_ORDER,
    CLIENT_ID,
    KEY_PATHS,
    FakeKeyHost,
    cloud_event,
    dumped,
    event_headers,
    rsa_key,
)
from support.fakes import FakePublisher
from support.http_wire import exchange, head, post
from support.ingress_front import counted
from support.sender_front import EVENTS, adobe_events, deliver, envelope

from agents.mapping.mapping import Mapping
from schemas.codec import decode
from schemas.event import Kind

# Adobe I/O Events


async def test_adobes_challenge_is_answered() -> None:
    async with adobe_events(key_host=FakeKeyHost()) as front:
        value = "8ec8d794-e0ab-42df-9017-e3dada8e84f7"
        answer = await exchange(front.url, head("GET", f"{EVENTS}?challenge={value}"))
        nothing = await exchange(front.url, head("GET", EVENTS))
        odd = await exchange(front.url, head("GET", f"{EVENTS}?challenge=%3Cscript%3E"))
    assert (answer.status, answer.json) == (200, {"challenge": value})
    assert answer.headers["content-type"] == "application/json"
    assert nothing.status == 405
    assert odd.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("link", "status"),
    [
        ("https://csm.adobe.io/csm/registrations/validate?id=1&challenge=2", 200),
        ("https://adobe.io.evil.example/validate", 401),
        ("http://csm.adobe.io/validate", 401),
        ("https://notadobe.io/validate", 401),
        ("https://evil.example\\@www.adobe.com/x", 401),
        ("https://user@www.adobe.com/x", 401),
        ("https://evil.example/?.adobe.com", 401),
        ("https://evil.example%2f.adobe.com/x", 401),
        ("https://evil.example,.adobe.com/x", 401),
        ("https://www.adobe.com\u2024evil.example/x", 401),
        (7, 401),
    ],
)
async def test_a_validation_link_is_taken_only_when_it_leads_to_adobe(link, status) -> None:
    async with adobe_events(key_host=FakeKeyHost()) as front:
        answer = await exchange(front.url, post(dumped({"validationUrl": link}), path=EVENTS))
    assert answer.status == status
    assert front.kafka.records == []


@pytest.mark.parametrize("which", ["first", "second"])
async def test_either_of_the_two_signatures_is_enough(which: str) -> None:
    body = dumped(cloud_event())
    signing = {which: rsa_key(1 if which == "first" else 2)}
    async with adobe_events(key_host=FakeKeyHost()) as front:
        answer = await deliver(front, body, **signing)
    assert answer.status == 200
    event = envelope(front.kafka.records[0])
    assert (event.sender, event.key, event.value) == ("adobe_events", "000000617", body)
    assert event.event == "sales_order_save_commit_after"
    assert event.event_id == answer.json["events"][0]["event_id"]
    document = decode(event.value, event=event.event)
    assert (document.key, document.updated_at) == (event.key, "2026-03-14 18:02:15")


async def test_neither_signature_right_is_refused_and_so_is_a_key_of_somebody_else() -> None:
    body = dumped(cloud_event())
    elsewhere = ("//evil.example/key.pem", "https://evil.example/key.pem")
    host = FakeKeyHost()
    async with adobe_events(key_host=host) as front:
        forged = await deliver(front, body, first=rsa_key(3))
        foreign = await deliver(front, body, first=rsa_key(1), paths=elsewhere)
    assert (forged.status, foreign.status) == (401, 401)
    assert set(host.asked) == set(KEY_PATHS)
    assert front.kafka.records == []


async def test_an_unsigned_body_is_not_parsed() -> None:
    """Only verified bytes cost a parser: broken JSON for us is refused by its signature."""
    body = dumped([cloud_event()])
    headers = event_headers(body, first=rsa_key(1))
    async with adobe_events(key_host=FakeKeyHost()) as front:
        answer = await exchange(front.url, post(body + b" [{", *headers, path=EVENTS))
    assert answer.status == 401


async def test_a_flood_of_validation_links_is_one_log_line() -> None:
    link = dumped({"validationUrl": "https://csm.adobe.io/validate?id=1"})
    with capture_logs() as lines:
        async with adobe_events(key_host=FakeKeyHost()) as front:
            answers = [await exchange(front.url, post(link, path=EVENTS)) for _ in range(5)]
    assert {answer.status for answer in answers} == {200}
    assert len([line for line in lines if line["event"] == "adobe_validation_link"]) == 1


async def test_an_event_for_somebody_else_is_refused_and_alone_before_any_key_is_fetched() -> None:
    host = FakeKeyHost()
    batch = dumped([cloud_event(), cloud_event(recipient="another-client", event_id="2")])
    async with adobe_events(key_host=host) as front:
        alone = await deliver(front, dumped(cloud_event(recipient="another-client")))
        asked = list(host.asked)
        answers = [alone, await deliver(front, batch)]
    assert [answer.status for answer in answers] == [401, 401]
    assert "ADOBE_EVENTS_CLIENT_ID" in answers[0].json["fix"]
    assert (asked, front.kafka.records) == ([], [])


async def test_when_adobes_key_host_is_away_adobe_is_asked_to_come_again() -> None:
    host = FakeKeyHost()
    host.is_away = True
    body = dumped(cloud_event())
    async with adobe_events(key_host=host) as front:
        away = await deliver(front, body)
        host.is_away = False
        back = await deliver(front, body)
    assert (away.status, back.status) == (503, 200)
    assert "retry-after" in away.headers
    assert len(front.kafka.records) == 1


def batch_of(count: int) -> bytes:
    orders = [ADOBE_ORDER | {"increment_id": f"{number:09d}"} for number in range(count)]
    return dumped([cloud_event(o, event_id=f"event-{o['increment_id']}") for o in orders])


async def test_every_event_of_a_batch_is_in_kafka_before_the_batch_is_answered() -> None:
    async with adobe_events(key_host=FakeKeyHost()) as front:
        answer = await deliver(front, batch_of(20))
    assert answer.status == 200
    assert len(answer.json["events"]) == 20
    assert sorted(record.key for record in front.kafka.records) == [b"%09d" % n for n in range(20)]


async def test_a_batch_that_half_failed_is_repeated_and_nothing_is_published_twice() -> None:
    kafka = FakePublisher()
    kafka.fail_next(3)
    async with adobe_events(kafka=kafka, key_host=FakeKeyHost()) as front:
        first = await deliver(front, batch_of(10))
        halfway = len(kafka.records)
        second = await deliver(front, batch_of(10))
    assert (first.status, second.status) == (503, 200)
    assert halfway == 7
    assert sorted(record.key for record in kafka.records) == [b"%09d" % n for n in range(10)]


async def test_a_repeated_event_gets_the_first_receipt_and_is_published_once() -> None:
    body = dumped(cloud_event())
    async with adobe_events(key_host=FakeKeyHost()) as front:
        first, second = await deliver(front, body), await deliver(front, body)
    assert first.json == second.json
    assert len(front.kafka.records) == 1


async def test_two_processes_give_one_event_ids_that_end_alike() -> None:
    body = dumped(cloud_event())
    ids = []
    for _ in range(2):
        async with adobe_events(key_host=FakeKeyHost()) as front:
            ids.append((await deliver(front, body)).json["events"][0]["event_id"])
            await asyncio.sleep(0)
    assert ids[0].replace("-", "")[-19:] == ids[1].replace("-", "")[-19:]


async def test_one_bad_event_does_not_take_the_others_with_it() -> None:
    body = dumped([cloud_event({"no": "number"}, event_id="bad"), cloud_event(event_id="good")])
    async with adobe_events(key_host=FakeKeyHost()) as front:
        answer = await deliver(front, body)
    assert answer.status == 400
    assert [record.key for record in front.kafka.records] == [b"000000617"]


async def test_an_event_nested_too_deep_is_refused_alone_and_not_repeated_for_a_day() -> None:
    order = {"increment_id": "000000618", "grand_total": 1, "deep": 0}
    good = dumped(cloud_event(event_id="good"))
    bad = dumped(cloud_event(order, event_id="bad"))
    bad = bad.replace(b'"deep":0', b'"deep":' + b"[" * 300 + b"]" * 300)
    async with adobe_events(key_host=FakeKeyHost()) as front:
        answer = await deliver(front, b"[" + bad + b"," + good + b"]")
    assert (answer.status, "nested" in answer.json["error"]) == (400, True)
    assert [record.key for record in front.kafka.records] == [b"000000617"]


async def test_an_order_under_a_name_nobody_knows_is_published_and_counted() -> None:
    labels = {"event": "my_rule_of_big_orders", "kind": "order"}
    before = counted("orderstream_ingress_unexpected_names_total", **labels)
    order = {"increment_id": "000000619", "grand_total": 1}
    async with adobe_events(key_host=FakeKeyHost()) as front:
        answer = await deliver(front, dumped(cloud_event(order, event=labels["event"])))
    assert answer.status == 200
    assert [record.key for record in front.kafka.records] == [b"000000619"]
    assert counted("orderstream_ingress_unexpected_names_total", **labels) == before + 1


async def test_while_kafka_is_away_a_bad_event_does_not_end_the_others_retries() -> None:
    kafka = FakePublisher()
    kafka.fail_next(1)
    body = dumped([cloud_event({"no": "number"}, event_id="bad"), cloud_event(event_id="good")])
    async with adobe_events(kafka=kafka, key_host=FakeKeyHost()) as front:
        answer = await deliver(front, body)
    assert answer.status == 503


async def test_an_event_that_only_announces_an_order_is_published_under_its_number() -> None:
    told = {"id": "673", "increment_id": "000000617", "created_at": "2026-03-14 18:02:11"}
    async with adobe_events(key_host=FakeKeyHost()) as front:
        answer = await deliver(front, dumped(cloud_event(told)))
    assert answer.status == 200
    event = envelope(front.kafka.records[0])
    assert event.key == "000000617"
    document = decode(event.value, event=event.event)
    assert Mapping.load().reads(Kind.ORDER).says_nothing(document.entity)


async def test_an_invoice_is_ignored_with_its_reason() -> None:
    labels = {"event": "sales_order_invoice_save_after", "reason": "order_save_follows"}
    before = counted("orderstream_ingress_ignored_total", **labels)
    invoice = {"order_id": "673", "increment_id": "000000900", "grand_total": 1}
    body = dumped(cloud_event(invoice, event="sales_order_invoice_save_after"))
    async with adobe_events(key_host=FakeKeyHost()) as front:
        answer = await deliver(front, body)
    assert answer.json["events"] == [{"ignored": True, "event": labels["event"]}]
    assert counted("orderstream_ingress_ignored_total", **labels) == before + 1
    assert front.kafka.records == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[1]", b'"x"', b"null", b"[[]]"])
async def test_what_is_no_event_is_refused(body: bytes) -> None:
    """Without our client ID it is not for us, whatever else it is; with it, it is read."""
    ours = dumped([CLIENT_ID])[1:-1]
    async with adobe_events(key_host=FakeKeyHost()) as front:
        answers = [await deliver(front, body), await deliver(front, body[:1] + ours + body[1:])]
    assert [answer.status for answer in answers] == [401, 400]
