"""Every other sender over real HTTP: bodies as they send them, and the answers they wait for."""

from __future__ import annotations

import hashlib
import hmac
import time
from pathlib import Path

import orjson
import pytest
from support.adobe_sender import (
    ADOBE_ORDER,
    FakeKeyHost,
    cloud_event,
    dumped,
    public_pem,
    rsa_key,
    webhook_signature,
)
from support.fakes import FakePublisher
from support.http_wire import Answer, exchange, post
from support.ingress_front import SECRET, Front, running
from support.sender_front import EVENTS, adobe_events, deliver, envelope

from sandbox.magento.orders import draw_draft, place
from sandbox.magento.people import draw_shopper
from sandbox.magento.store import OPENS_AT

TOKEN = "a-mageos-token-0123456789"


# Our module


async def test_the_modules_webhook_is_taken_and_its_replay_is_not() -> None:
    body = b'{"event":"sales_order_save_commit_after","order":{"increment_id":"7","grand_total":1}}'

    def lines(at: int) -> list[str]:
        plain = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        timed = hmac.new(SECRET.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
        return [
            f"X-Magento-Signature: sha256={plain}",
            f"X-Orderstream-Signature: t={at},v1={timed}",
        ]

    now = int(time.time())
    async with running(ingress_senders="module") as front:
        taken = await exchange(front.url, post(body, *lines(now)))
        stale = await exchange(front.url, post(body, *lines(now - 400)))
        stripped = await exchange(front.url, post(body, lines(now)[0]))
    assert (taken.status, stale.status, stripped.status) == (200, 401, 401)
    assert envelope(front.kafka.records[0]).sender == "module"
    assert len(front.kafka.records) == 1


# mage-os


async def test_a_mage_os_event_is_named_by_its_address() -> None:
    import random

    rng = random.Random(1)
    order = place(
        draw_draft(rng, 1, draw_shopper(rng, 1, is_guest=True)),
        OPENS_AT,
        state="new",
        status="pending",
    )
    body = orjson.dumps({"data": order})
    digest = hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()
    sender = {"ingress_senders": "mageos", "mageos_verification_token": TOKEN}
    async with running(**sender) as front:
        answer = await exchange(
            front.url,
            post(
                body, f"x-magento-signature: {digest}", path="/magento/webhook/sales.order.created"
            ),
        )
    assert answer.status == 200
    event = envelope(front.kafka.on("magento.orders")[0])
    assert (event.event, event.sender, event.key) == (
        "sales.order.created",
        "mageos",
        order["increment_id"],
    )


# Adobe Commerce Webhooks


@pytest.fixture
def store_key(tmp_path: Path) -> Path:
    path = tmp_path / "store.pem"
    path.write_bytes(public_pem(rsa_key(1)))
    return path


async def hook(front: Front, body: bytes, path: str = "/adobe/webhooks", key: int = 1) -> Answer:
    signature = webhook_signature(rsa_key(key), body)
    return await exchange(
        front.url, post(body, f"x-adobe-commerce-webhook-signature: {signature}", path=path)
    )


async def test_a_signed_hook_hears_success_and_is_in_kafka(store_key: Path) -> None:
    body = dumped(
        {"eventName": "observer.sales_order_save_commit_after", "data": {"order": ADOBE_ORDER}}
    )
    async with running(
        ingress_senders="adobe_webhooks", adobe_webhooks_public_key_path=store_key
    ) as front:
        answer = await hook(front, body)
        forged = await hook(front, body, key=2)
        elsewhere = await front.send(body)
    assert (answer.status, answer.body) == (200, b'{"op":"success"}')
    assert (forged.status, elsewhere.status) == (401, 404)
    event = envelope(front.kafka.records[0])
    assert (event.sender, event.key, event.value) == ("adobe_webhooks", "000000617", body)
    assert len(front.kafka.records) == 1


async def test_a_hook_with_chosen_fields_only_is_named_by_its_address(store_key: Path) -> None:
    async with running(
        ingress_senders="adobe_webhooks", adobe_webhooks_public_key_path=store_key
    ) as front:
        path = "/adobe/webhooks/observer.sales_order_save_commit_after"
        answer = await hook(front, dumped({"increment_id": "000000617", "state": "new"}), path)
        ignored = await hook(front, b"{}", "/adobe/webhooks/observer.catalog_product_save_after")
    assert (answer.status, ignored.body) == (200, b'{"op":"success"}')
    assert [record.key for record in front.kafka.records] == [b"000000617"]


async def test_without_kafka_a_hook_hears_no_success(store_key: Path) -> None:
    kafka = FakePublisher()
    kafka.fail_next(1)
    body = dumped({"eventName": "observer.sales_order_save_after", "data": {"order": ADOBE_ORDER}})
    async with running(
        kafka, ingress_senders="adobe_webhooks", adobe_webhooks_public_key_path=store_key
    ) as front:
        answer = await hook(front, body)
    assert answer.status == 503
    assert b"success" not in answer.body


async def test_the_doors_of_senders_that_are_off_do_not_exist() -> None:
    async with running() as front:
        for path in (EVENTS, "/adobe/webhooks"):
            assert (await exchange(front.url, post(b"{}", path=path))).status == 404


async def test_the_bounds_of_the_webhook_hold_for_the_other_doors() -> None:
    body = dumped(cloud_event() | {"padding": "x" * 200_000})
    async with adobe_events(key_host=FakeKeyHost()) as front:
        answer = await deliver(front, body)
    assert answer.status == 413
