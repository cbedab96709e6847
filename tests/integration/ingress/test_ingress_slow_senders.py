"""Senders that are slow on purpose: each is ended in time, and good requests never notice."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack

import pytest
from support.fakes import FakePublisher
from support.http_wire import WEBHOOK, connect, exchange, head, post, read_answer
from support.ingress_front import ORDER, SIGNED, Front, counted, running

CONNECTIONS = 100


TIMEOUT_SECONDS = 1.0
# Timeout, grace, one sweep, and a machine with other things to do.
ENDED_SECONDS = 15.0


async def slow_headers(reader, writer) -> None:
    """One header line every now and then, and never the last one."""
    writer.write(f"POST {WEBHOOK} HTTP/1.1\r\nHost: ingress\r\n".encode())
    for number in range(10_000):
        writer.write(f"X-{number}: 1\r\n".encode())
        await writer.drain()
        await asyncio.sleep(0.1)


async def slow_body(reader, writer) -> None:
    """All headers at once, then a byte every now and then."""
    writer.write(head("POST", WEBHOOK, SIGNED, "Content-Length: 50000"))
    for _ in range(50_000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


async def unread_answers(reader, writer) -> None:
    """Requests without end, whose answers are never read."""
    writer.transport.pause_reading()
    request = head("GET", "/metrics") * 50
    while True:
        writer.write(request)
        await writer.drain()


async def silence(reader, writer) -> None:
    """A connection, and nothing."""
    await asyncio.sleep(3600)


async def is_ended(front: Front, how) -> bool:
    """Play one slow sender until the server ends the connection; returns whether it did."""
    reader, writer = await connect(front.url)
    playing = asyncio.create_task(how(reader, writer))
    ended = asyncio.create_task(end_of(reader)) if how is not unread_answers else playing
    try:
        done, _ = await asyncio.wait({ended}, timeout=ENDED_SECONDS)
        return bool(done)
    finally:
        for task in (playing, ended):
            task.cancel()
        await asyncio.wait({playing, ended})
        writer.close()


async def end_of(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65536):
            pass


@pytest.mark.parametrize(
    ("how", "label"),
    [
        (slow_headers, {"why": "slow_headers"}),
        (slow_body, {"status": "408", "reason": "too_slow"}),
        (unread_answers, {"why": "unread_answer"}),
        (silence, {"why": "silent"}),
    ],
)
async def test_a_hundred_slow_senders_are_ended_while_good_requests_pass(how, label) -> None:
    name = "connections_cut" if "why" in label else "requests"
    before = counted(f"orderstream_ingress_{name}_total", **label)
    async with running(ingress_request_timeout_seconds=TIMEOUT_SECONDS) as front:
        # Answers without end fill the machine's buffers: fewer of those tell as much.
        count = 5 if how is unread_answers else CONNECTIONS
        attack = [asyncio.create_task(is_ended(front, how)) for _ in range(count)]
        good = 0
        while not all(task.done() for task in attack):
            async with asyncio.timeout(TIMEOUT_SECONDS * 5):
                assert (await exchange(front.url, post(ORDER, SIGNED))).status == 200
            good += 1
            await asyncio.sleep(0.02)
        assert good >= 10
        assert [task.result() for task in attack] == [True] * count
    assert counted(f"orderstream_ingress_{name}_total", **label) == before + count


async def test_slow_headers_get_a_408_that_says_what_to_do() -> None:
    async with running(ingress_request_timeout_seconds=0.3) as front:
        reader, writer = await connect(front.url)
        writer.write(b"POST /magento/webhook HTTP/1.1\r\nHost: in")
        answer = await read_answer(reader)
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert "INGRESS_REQUEST_TIMEOUT_SECONDS" in answer.json["fix"]
        assert await reader.read() == b""
        writer.close()


async def test_a_slow_body_gets_a_408_and_publishes_nothing() -> None:
    async with running(ingress_request_timeout_seconds=0.3) as front:
        answer = await exchange(front.url, post(ORDER, SIGNED)[:-1])
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert front.kafka.attempts == []


async def test_a_slow_rest_of_a_refused_body_does_not_hold_the_connection() -> None:
    async with running(ingress_request_timeout_seconds=0.5) as front:
        reader, writer = await connect(front.url)
        writer.write(head("POST", WEBHOOK, "Content-Length: 50000"))
        assert (await read_answer(reader)).status == 401
        async with asyncio.timeout(ENDED_SECONDS):
            assert await reader.read() == b""
        writer.close()


async def test_a_sender_that_hangs_up_in_mid_body_costs_nothing() -> None:
    async with running() as front:
        before = counted("orderstream_ingress_requests_total", status="499", reason="sender_gone")
        _, writer = await connect(front.url)
        writer.write(post(ORDER, SIGNED)[:-10])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        async with asyncio.timeout(5):
            while (
                counted("orderstream_ingress_requests_total", status="499", reason="sender_gone")
                == before
            ):
                await asyncio.sleep(0.01)
        assert front.kafka.attempts == []


async def test_an_event_whose_sender_hangs_up_while_it_is_published_is_kept() -> None:
    async with running() as front:
        front.kafka.hang()
        _, writer = await connect(front.url)
        writer.write(post(ORDER, SIGNED))
        async with asyncio.timeout(5):
            while counted("orderstream_ingress_in_flight") < 1:
                await asyncio.sleep(0.01)
        writer.close()
        front.kafka.answer()
        async with asyncio.timeout(5):
            while not front.kafka.records:
                await asyncio.sleep(0.01)
        assert (await front.send(ORDER)).status == 200


async def test_an_idle_connection_is_kept_for_its_time_and_then_closed() -> None:
    async with running(ingress_keepalive_seconds=1.5, ingress_request_timeout_seconds=0.5) as front:
        reader, writer = await connect(front.url)
        writer.write(post(ORDER, SIGNED))
        assert (await read_answer(reader)).status == 200
        await asyncio.sleep(0.9)  # longer than the request timeout: idle is not slow
        writer.write(post(ORDER, SIGNED))
        assert (await read_answer(reader)).status == 200
        async with asyncio.timeout(ENDED_SECONDS):
            assert await reader.read() == b""
        writer.close()


async def test_over_the_most_connections_the_ones_that_wait_make_room() -> None:
    async with running(ingress_max_connections=20) as front, AsyncExitStack() as stack:
        for _ in range(60):
            _, writer = await connect(front.url)
            stack.callback(writer.close)
            writer.write(b"POST /magento/webhook HTTP/1.1\r\n")
        for _ in range(30):
            assert (await exchange(front.url, post(ORDER, SIGNED))).status == 200


async def test_what_is_being_published_is_never_cut_to_make_room() -> None:
    async with (
        running(FakePublisher(), ingress_max_connections=5) as front,
        AsyncExitStack() as stack,
    ):
        front.kafka.hang()
        waiting = [asyncio.create_task(front.send(ORDER)) for _ in range(4)]
        async with asyncio.timeout(5):
            while counted("orderstream_ingress_in_flight") < 4:
                await asyncio.sleep(0.01)
        for _ in range(20):
            _, writer = await connect(front.url)
            stack.callback(writer.close)
        front.kafka.answer()
        assert [(await task).status for task in waiting] == [200] * 4
