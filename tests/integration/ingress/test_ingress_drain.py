"""The end of an ingress: whoever has begun gets an answer, and nobody waits for the idle."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from support.http_wire import connect, exchange, head, post, read_answer
from support.ingress_front import ORDER, SIGNED, Front, counted, running


async def draining(stack: AsyncExitStack, front: Front) -> asyncio.Task[None]:
    """Start the end of a running ingress, and return when it has begun."""
    closing = asyncio.create_task(stack.aclose())
    while not front.readiness.is_draining:
        await asyncio.sleep(0)
    return closing


async def test_an_event_that_is_being_published_gets_its_receipt() -> None:
    stack = AsyncExitStack()
    front = await stack.enter_async_context(running())
    front.kafka.hang()
    before = counted("orderstream_ingress_in_flight")
    sending = asyncio.create_task(front.send(ORDER))
    while counted("orderstream_ingress_in_flight") == before:
        await asyncio.sleep(0.01)
    closing = await draining(stack, front)
    front.kafka.answer()
    answer = await sending
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    await closing


async def test_a_body_that_is_arriving_may_finish() -> None:
    stack = AsyncExitStack()
    front = await stack.enter_async_context(running())
    reader, writer = await connect(front.url)
    request = post(ORDER, SIGNED)
    writer.write(request[:-5])
    await exchange(front.url, head("GET", "/livez"))  # by now the first bytes have been read
    closing = await draining(stack, front)
    await asyncio.sleep(0.5)  # longer than an idle connection would live
    writer.write(request[-5:])
    assert (await read_answer(reader)).status == 200
    writer.close()
    await closing


async def test_idle_connections_do_not_hold_it_up() -> None:
    stack = AsyncExitStack()
    front = await stack.enter_async_context(running(ingress_request_timeout_seconds=30))
    kept = [await connect(front.url) for _ in range(5)]
    for reader, writer in kept:
        writer.write(post(ORDER, SIGNED))
        assert (await read_answer(reader)).status == 200
    async with asyncio.timeout(5):
        await stack.aclose()
    for reader, writer in kept:
        assert await reader.read() == b""
        writer.close()


async def test_what_hangs_is_cut_when_its_time_is_up() -> None:
    stack = AsyncExitStack()
    front = await stack.enter_async_context(
        running(ingress_request_timeout_seconds=0.5, ingress_publish_timeout_seconds=60)
    )
    front.kafka.hang()
    sending = asyncio.create_task(front.send(ORDER))
    _, slow = await connect(front.url)
    slow.write(b"POST /magento/webhook HTTP/1.1\r\n")
    async with asyncio.timeout(10):
        await stack.aclose()
    assert (await sending).status == 503  # the request's deadline bounds the publish too
    slow.close()


async def test_the_closed_port_takes_nobody() -> None:
    async with running() as front:
        url = front.url
    with pytest.raises(ConnectionError):
        await connect(url)


async def test_a_load_balancer_gets_notice_before_the_port_closes() -> None:
    stack = AsyncExitStack()
    front = await stack.enter_async_context(running(ingress_drain_notice_seconds=1.0))
    closing = await draining(stack, front)
    ready = await exchange(front.url, head("GET", "/readyz"))
    assert (ready.status, ready.json["reason"]) == (503, "shutting down")
    assert (await front.send(ORDER)).status == 200
    await closing
