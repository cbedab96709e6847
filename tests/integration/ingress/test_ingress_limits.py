"""The ingress over real HTTP at its limits: bodies, connections, a Kafka without answers."""

from __future__ import annotations

import asyncio

import aiohttp
from support.fakes import FakePublisher
from support.http_wire import (
    WEBHOOK,
    chunked,
    connect,
    exchange,
    head,
    post,
    read_answer,
    signature,
)
from support.ingress_front import (
    MAX_BODY_BYTES,
    ORDER,
    SECRET,
    SIGNED,
    counted,
    running,
)


async def test_a_chunked_body_is_taken(front) -> None:
    answer = await exchange(front.url, chunked(ORDER, SIGNED, size=1))
    assert answer.status == 200
    assert front.kafka.records[0].value == ORDER


async def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_not(front) -> None:
    for extra, status in ((0, 200), (1, 413)):
        body = ORDER + b" " * (MAX_BODY_BYTES - len(ORDER) + extra)
        assert (await front.send(body)).status == status


async def test_a_chunked_body_over_the_limit_is_refused_before_it_has_ended(front) -> None:
    reader, writer = await connect(front.url)
    writer.write(head("POST", WEBHOOK, SIGNED, "Transfer-Encoding: chunked"))
    writer.write(b"%x\r\n%s\r\n" % (MAX_BODY_BYTES + 1, b"x" * (MAX_BODY_BYTES + 1)))
    answer = await read_answer(reader)  # and no last chunk was ever sent
    assert answer.status == 413
    writer.close()


async def test_a_sender_that_asks_first_is_told_to_go_on(front) -> None:
    reader, writer = await connect(front.url)
    length = f"Content-Length: {len(ORDER)}"
    writer.write(head("POST", WEBHOOK, SIGNED, length, "Expect: 100-continue"))
    assert (
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
    )
    writer.write(ORDER)
    assert (await read_answer(reader)).status == 200
    writer.close()


async def test_a_sender_that_asks_first_without_a_signature_sends_no_body(front) -> None:
    request = head("POST", WEBHOOK, "Content-Length: 50000", "Expect: 100-continue")
    assert (await exchange(front.url, request)).status == 401


async def test_one_connection_carries_many_requests_good_and_bad(front) -> None:
    reader, writer = await connect(front.url)
    for body, status in ((ORDER, 200), (b"{}", 401), (ORDER, 200)):
        writer.write(post(body, SIGNED))
        assert (await read_answer(reader)).status == status
    writer.close()


async def test_pipelined_requests_are_answered_in_order(front) -> None:
    reader, writer = await connect(front.url)
    writer.write(post(ORDER, SIGNED) + head("GET", "/livez") + post(ORDER, SIGNED))
    answers = [await read_answer(reader) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert "event_id" in answers[2].json
    writer.close()


async def test_an_old_client_gets_its_answer_and_a_closed_connection(front) -> None:
    request = post(ORDER, SIGNED).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    answer = await exchange(front.url, request)
    assert answer.status == 200
    assert answer.json["topic"] == "magento.orders"


async def test_a_client_that_closes_is_answered_with_close(front) -> None:
    answer = await exchange(front.url, post(ORDER, SIGNED, "Connection: close"))
    assert (answer.status, answer.headers["connection"]) == (200, "close")


async def test_ordinary_clients_understand_the_receipt(front) -> None:
    headers = {"X-Magento-Signature": signature(SECRET, ORDER)}
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.post(front.url + WEBHOOK, data=ORDER, headers=headers) as answer:
                assert answer.status == 200
                assert (await answer.json())["topic"] == "magento.orders"
                assert "Date" in answer.headers


async def test_without_an_ack_the_sender_is_told_to_come_back(front) -> None:
    front.kafka.fail_next(1)
    answer = await front.send(ORDER)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert (await exchange(front.url, head("GET", "/readyz"))).status == 503
    assert (await front.send(ORDER)).status == 200
    assert (await exchange(front.url, head("GET", "/readyz"))).status == 200


async def test_a_silent_kafka_is_a_503_within_the_publish_deadline() -> None:
    async with running(ingress_publish_timeout_seconds=0.1) as front:
        front.kafka.hang()
        answer = await front.send(ORDER)
        assert answer.status == 503
        front.kafka.answer()
        assert (await front.send(ORDER)).status == 200


async def test_a_record_that_the_topic_refuses_is_a_413() -> None:
    async with running(FakePublisher(too_large_bytes=10)) as front:
        answer = await front.send(ORDER)
    assert answer.status == 413
    assert "max.message.bytes" in answer.json["fix"]


async def test_a_bug_is_a_503_and_its_message_stays_here(front, monkeypatch) -> None:
    def broken(*_arguments, **_named):
        raise ZeroDivisionError("jane@example.com")

    monkeypatch.setattr(front.kafka, "publish", broken)
    monkeypatch.setattr(front.kafka, "offer", broken)
    answer = await front.send(ORDER)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert b"jane" not in answer.body


async def test_too_many_publishes_in_flight_are_refused_at_once() -> None:
    async with running(ingress_max_in_flight=3) as front:
        front.kafka.hang()
        waiting = [asyncio.create_task(front.send(ORDER)) for _ in range(3)]
        while counted("orderstream_ingress_in_flight") < 3:
            await asyncio.sleep(0.01)
        answer = await front.send(ORDER)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        front.kafka.answer()
        assert [(await task).status for task in waiting] == [200] * 3
        assert (await front.send(ORDER)).status == 200


async def test_all_bodies_together_have_a_limit_and_give_back_what_they_held() -> None:
    async with running(ingress_max_held_bytes=60_000, ingress_max_body_bytes=60_000) as front:
        reader, writer = await connect(front.url)
        big = ORDER + b" " * 50_000
        signed = f"X-Magento-Signature: {signature(SECRET, big)}"
        writer.write(post(big, signed)[:-10])
        while (answer := await front.send(big)).status == 200:  # until the first is being read
            await asyncio.sleep(0.01)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        writer.write(b" " * 10)
        assert (await read_answer(reader)).status == 200
        writer.close()
        assert (await front.send(big)).status == 200
