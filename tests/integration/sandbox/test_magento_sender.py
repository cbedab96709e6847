"""The simulated sender against a real HTTP server that answers as ingresses under stress do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from sandbox.magento.numbered import numbered_webhook
from sandbox.magento.sender import SIGNATURE_HEADER, Patience, Sender, sign, statuses
from sandbox.magento.shapes import Shape
from sandbox.magento.store import Store

SECRET = "a-secret-for-tests-only"
HASTY = Patience(max_attempts=4, timeout_seconds=0.3, backoff_seconds=0.01)


@asynccontextmanager
async def serving(*answers: int | None) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """Serve the statuses one after the other (the last for ever; None never answers)."""
    seen: list[web.Request] = []
    left = list(answers)

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        assert request.headers[SIGNATURE_HEADER] == sign(await request.read(), SECRET)
        status = left.pop(0) if len(left) > 1 else left[0]
        if status is None:
            request.transport.close()
            return web.Response()
        headers = {"Retry-After": "0"} if status == 503 else {}
        return web.json_response({"event_id": f"e{len(seen)}"}, status=status, headers=headers)

    app = web.Application()
    app.router.add_post("/magento/webhook", handle)
    app.router.add_post("/magento/webhook/{event}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/magento/webhook", seen
    finally:
        await runner.cleanup()


async def test_a_webhook_is_signed_and_its_receipt_is_kept() -> None:
    async with serving(200) as (url, _), Sender(url, SECRET) as sender:
        receipt = await sender.send(numbered_webhook(1, 1))
    assert receipt.is_accepted
    assert receipt.answer == {"event_id": "e1"}
    assert sender.receipts == [receipt]


@pytest.mark.parametrize("trouble", [503, 500, 429, None])
async def test_trouble_of_the_server_is_tried_again(trouble: int | None) -> None:
    answers = (trouble, trouble, 200)
    async with serving(*answers) as (url, _), Sender(url, SECRET, patience=HASTY) as sender:
        receipt = await sender.send(numbered_webhook(1, 1))
    assert (receipt.status, receipt.attempts) == (200, 3)


@pytest.mark.parametrize("answer", [400, 401, 413])
async def test_a_final_answer_is_not_tried_again(answer: int) -> None:
    async with serving(answer) as (url, seen), Sender(url, SECRET, patience=HASTY) as sender:
        receipt = await sender.send(numbered_webhook(1, 1))
    assert (receipt.status, receipt.attempts, len(seen)) == (answer, 1, 1)
    assert not receipt.is_accepted


async def test_a_sender_gives_up_after_its_attempts_and_says_so() -> None:
    async with serving(None) as (url, _), Sender(url, SECRET, patience=HASTY) as sender:
        receipt = await sender.send(numbered_webhook(1, 1))
    assert (receipt.status, receipt.attempts) == (0, 4)
    assert "Disconnected" in receipt.error


async def test_all_receipts_come_back_in_the_order_of_the_webhooks() -> None:
    hooks = [numbered_webhook(n, 1) for n in range(50)]
    async with serving(200) as (url, _), Sender(url, SECRET, concurrency=8) as sender:
        receipts = await sender.send_all(hooks, rate_per_second=1000)
    assert [receipt.webhook for receipt in receipts] == hooks
    assert statuses(receipts) == {200: 50}


async def test_an_event_without_a_name_in_its_body_is_posted_to_a_url_that_has_it() -> None:
    _, hooks = Store(1, shape=Shape.MAGE_OS).place()
    async with serving(200) as (url, seen), Sender(url, SECRET) as sender:
        await sender.send(hooks[-1])
    assert seen[0].path == "/magento/webhook/sales.order.updated"
