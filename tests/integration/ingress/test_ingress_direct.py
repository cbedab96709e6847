"""The direct road over real HTTP: what is answered without a handler, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.http_wire import connect, post, read_answer, signature
from support.ingress_front import OLD_SECRET, ORDER, SECRET, SIGNED, Front, counted, running

from stream.signatures.hmac_sha256 import key_id


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    async with running() as front:
        yield front


def order(number: int) -> bytes:
    body = b'{"order":{"increment_id":"%d","total":1.0}}' % number
    return post(body, f"X-Magento-Signature: {signature(SECRET, body)}")


def refuse_publish(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every request fail that a handler takes as far as to Kafka."""

    async def refused(*_arguments, **_named):
        raise AssertionError("a handler published")

    monkeypatch.setattr(front.kafka, "publish", refused)


async def test_an_ordinary_webhook_needs_no_handler(front, monkeypatch) -> None:
    refuse_publish(front, monkeypatch)
    answer = await front.send(ORDER)
    assert answer.status == 200
    assert len(front.kafka.on("magento.orders")) == 1


async def test_many_requests_on_one_connection_all_go_the_same_road(front, monkeypatch) -> None:
    refuse_publish(front, monkeypatch)
    reader, writer = await connect(front.url)
    numbers = range(1, 21)
    for number in numbers:
        writer.write(order(number))
        assert (await read_answer(reader)).status == 200
    writer.close()
    assert {record.key for record in front.kafka.records} == {b"%d" % n for n in numbers}


async def test_what_arrives_meanwhile_is_answered_afterwards_and_in_order(front) -> None:
    front.kafka.hang()
    reader, writer = await connect(front.url)
    writer.write(order(1))
    await in_flight(1)
    writer.write(order(2)[:-10])
    await writer.drain()
    writer.write(order(2)[-10:] + post(b"{}", "X-Magento-Signature: no") + order(3))
    await writer.drain()
    assert counted("orderstream_ingress_in_flight") == 1
    front.kafka.answer()
    assert [(await read_answer(reader)).status for _ in range(4)] == [200, 200, 401, 200]
    writer.close()
    assert [record.key for record in front.kafka.attempts] == [b"1", b"2", b"3"]


async def test_a_refused_request_and_a_good_one_share_a_connection(front) -> None:
    reader, writer = await connect(front.url)
    for _ in range(3):
        writer.write(post(ORDER, "X-Magento-Signature: sha256=" + "0" * 64))
        assert (await read_answer(reader)).status == 401
        writer.write(post(ORDER, SIGNED))
        assert (await read_answer(reader)).status == 200
    writer.close()


async def test_a_busy_connection_outlives_the_keep_alive_time() -> None:
    async with running(
        ingress_keepalive_seconds=0.3,
        ingress_request_timeout_seconds=2,
        ingress_publish_timeout_seconds=2,
    ) as front:
        front.kafka.hang()
        reader, writer = await connect(front.url)
        writer.write(order(1))
        await in_flight(1)
        # Longer than the keep-alive time, shorter than the publish deadline.
        await asyncio.sleep(0.8)
        front.kafka.answer()
        assert (await read_answer(reader)).status == 200
        writer.close()


async def test_no_ack_in_time_is_a_503_and_the_connection_lives_on() -> None:
    async with running(ingress_publish_timeout_seconds=0.2) as front:
        front.kafka.hang()
        reader, writer = await connect(front.url)
        for number in (1, 2):
            writer.write(order(number))
            answer = await read_answer(reader)
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        front.kafka.answer()
        writer.write(order(3))
        assert (await read_answer(reader)).status == 200
        writer.close()
        assert [record.key for record in front.kafka.attempts] == [b"3"]


async def test_those_who_wait_longest_are_told_first_and_the_others_keep_their_time() -> None:
    async with running(
        ingress_publish_timeout_seconds=0.6, ingress_request_timeout_seconds=1
    ) as front:
        front.kafka.hang()
        first = asyncio.create_task(front.send(ORDER))
        await in_flight(1)
        await asyncio.sleep(0.3)  # so that their deadlines differ
        second = asyncio.create_task(front.send(ORDER))
        await in_flight(2)
        assert (await first).status == 503
        assert not second.done()
        front.kafka.answer()
        assert (await second).status == 200


async def test_a_sender_that_hangs_up_meanwhile_loses_nothing(front) -> None:
    before = counted("orderstream_ingress_requests_total", status="200", reason="accepted")
    front.kafka.hang()
    _reader, writer = await connect(front.url)
    writer.write(order(1))
    await in_flight(1)
    writer.transport.abort()
    front.kafka.answer()
    async with asyncio.timeout(5):
        while not front.kafka.records:
            await asyncio.sleep(0.01)
        await in_flight(0)
    assert (await front.send(ORDER)).status == 200
    after = counted("orderstream_ingress_requests_total", status="200", reason="accepted")
    assert after == before + 2


async def test_the_metrics_say_when_a_key_signed_last(front) -> None:
    """A rotation: the old secret is known by its key, and stands still once the store has changed."""
    name = "orderstream_signature_key_used_timestamp_seconds"
    new, old = key_id(SECRET.encode(), 1), key_id(OLD_SECRET.encode(), 2)
    assert (await front.send(ORDER, secret=OLD_SECRET)).status == 200
    first = counted(name, sender="magento", key=old)
    assert first > 0
    assert (await front.send(ORDER, secret="of a stranger, a long one")).status == 401
    assert (await front.send(ORDER)).status == 200
    assert counted(name, sender="magento", key=old) == first
    assert counted(name, sender="magento", key=new) > first


async def in_flight(count: int) -> None:
    """Return when so many events wait for their acks."""
    async with asyncio.timeout(5):
        while counted("orderstream_ingress_in_flight") != count:
            await asyncio.sleep(0.01)
