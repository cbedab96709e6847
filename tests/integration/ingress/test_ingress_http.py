"""The ingress over real HTTP, with a Kafka in memory: every answer it can give."""

from __future__ import annotations

import gzip

import orjson
import pytest
from support.http_wire import (
    WEBHOOK,
    exchange,
    head,
    post,
    signature,
)
from support.ingress_front import (
    OLD_SECRET,
    ORDER,
    SECRET,
    SIGNED,
    counted,
)

from schemas.event import Kind, Via
from schemas.headers import envelope_of
from stream.signatures.hmac_sha256 import key_id


async def test_an_order_is_published_byte_for_byte_and_the_receipt_says_where(front) -> None:
    body = b' {"event" : "sales_order_save_after",\n"order":{"increment_id":"000000123"} }\n'
    answer = await front.send(body)
    assert answer.status == 200
    (record,) = front.kafka.on("magento.orders")
    assert (record.value, record.key) == (body, b"000000123")
    where = {name: answer.json[name] for name in ("topic", "partition", "offset")}
    assert front.kafka.logs[where["topic"], where["partition"]][where["offset"]] is record
    envelope = envelope_of(
        **where, timestamp_ms=1, key=record.key, value=record.value, headers=record.headers
    )
    assert envelope.event_id == answer.json["event_id"]
    assert (envelope.event, envelope.kind) == ("sales_order_save_after", Kind.ORDER)
    assert (envelope.sender, envelope.via) == ("magento", Via.LIVE)
    assert envelope.signature_key == key_id(SECRET.encode(), 1)


async def test_a_customer_goes_to_the_topic_of_customers(front) -> None:
    body = b'{"event":"customer_save_after","customer":{"email":"Jane@Example.com"}}'
    assert (await front.send(body)).status == 200
    (record,) = front.kafka.on("magento.customers")
    assert record.key == b"jane@example.com"


async def test_the_address_names_the_event_when_the_body_does_not(front) -> None:
    body = b'{"data":{"increment_id":"7"}}'
    answer = await front.send(body, path=f"{WEBHOOK}/sales.order.created")
    assert answer.status == 200
    assert ("event", b"sales.order.created") in front.kafka.records[0].headers


async def test_while_secrets_rotate_the_record_says_which_one_signed(front) -> None:
    assert (await front.send(ORDER, secret=OLD_SECRET)).status == 200
    expected = key_id(OLD_SECRET.encode(), 2).encode()
    assert ("signature-key", expected) in front.kafka.records[0].headers


async def test_the_bare_form_of_the_signature_is_taken(front) -> None:
    bare = signature(SECRET, ORDER).removeprefix("sha256=")
    answer = await exchange(front.url, post(ORDER, f"x-magento-signature: {bare}"))
    assert answer.status == 200


async def test_an_event_nobody_uses_is_answered_counted_and_not_published(front) -> None:
    name = "catalog_product_save_after"
    labels = {"event": name, "reason": "unknown"}
    before = counted("orderstream_ingress_ignored_total", **labels)
    answer = await front.send(orjson.dumps({"event": name, "product": {}}))
    assert (answer.status, answer.json) == (200, {"ignored": True, "event": name})
    assert counted("orderstream_ingress_ignored_total", **labels) == before + 1
    assert front.kafka.attempts == []


async def test_an_ignored_event_must_be_signed_too(front) -> None:
    answer = await front.send(b'{"event":"catalog_product_save_after"}', secret="somebody-else")
    assert answer.status == 401


BAD_REQUESTS = {
    "no signature": (post(ORDER), 401, "signature_missing"),
    "somebody's signature": (
        post(ORDER, f"X-Magento-Signature: {signature('other', ORDER)}"),
        401,
        "signature_wrong",
    ),
    "another algorithm": (
        post(ORDER, "X-Magento-Signature: sha1=" + "a" * 40),
        400,
        "signature_algorithm",
    ),
    "no hex": (post(ORDER, "X-Magento-Signature: zzz"), 401, "signature_malformed"),
    "bytes that are no text": (
        post(ORDER, "X-Magento-Signature: sha256=\udcff\udcfe"),
        401,
        "signature_malformed",
    ),
    "gzip": (post(gzip.compress(ORDER), SIGNED, "Content-Encoding: gzip"), 415, "encoded"),
    "a false gzip": (post(ORDER, SIGNED, "Content-Encoding: gzip"), 415, "encoded"),
    "deflate": (post(ORDER, SIGNED, "Content-Encoding: deflate"), 415, "encoded"),
    "multipart": (
        post(ORDER, SIGNED, "Content-Type: multipart/form-data; boundary=x"),
        415,
        "multipart",
    ),
    "announced too large": (
        head("POST", WEBHOOK, SIGNED, "Content-Length: 5000000000"),
        413,
        "too_large",
    ),
    "another expectation": (
        head("POST", WEBHOOK, SIGNED, "Content-Length: 5", "Expect: a-miracle"),
        417,
        "expectation",
    ),
    "GET": (head("GET", WEBHOOK), 405, "method"),
    "DELETE": (head("DELETE", WEBHOOK), 405, "method"),
    "POST to a page": (post(b"{}", path="/livez"), 405, "method"),
    "an unknown address": (head("GET", "/"), 404, "not_found"),
    "a longer address": (post(ORDER, SIGNED, path="/magento/webhooks"), 404, "not_found"),
    "an event name that is none": (post(ORDER, SIGNED, path=f"{WEBHOOK}/%00"), 400, "event_name"),
    "an address with bytes": (head("GET", "/%ff%fe"), 404, "not_found"),
    "a star": (head("OPTIONS", "*"), 404, "not_found"),
    "an unknown method": (head("BREW", WEBHOOK), 400, "broken_http"),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "broken_http"),
    "a header without a colon": (head("POST", WEBHOOK, "nonsense"), 400, "broken_http"),
    "a huge header": (head("POST", WEBHOOK, "X-Big: " + "a" * 20_000), 400, "broken_http"),
    "very many headers": (
        head("POST", WEBHOOK, *(f"X-{n}: 1" for n in range(500))),
        400,
        "broken_http",
    ),
    "a huge address": (head("GET", "/" + "a" * 20_000), 400, "broken_http"),
    "length and chunks": (
        head("POST", WEBHOOK, SIGNED, "Content-Length: 5", "Transfer-Encoding: chunked")
        + b"0\r\n\r\n",
        400,
        "broken_http",
    ),
    "two lengths": (
        head("POST", WEBHOOK, SIGNED, "Content-Length: 5", "Content-Length: 6") + b"hello",
        400,
        "broken_http",
    ),
    "a length that is none": (
        head("POST", WEBHOOK, SIGNED, "Content-Length: five"),
        400,
        "broken_http",
    ),
    "a negative length": (head("POST", WEBHOOK, SIGNED, "Content-Length: -5"), 400, "broken_http"),
    "another transfer encoding": (
        head("POST", WEBHOOK, SIGNED, "Transfer-Encoding: gzip") + ORDER,
        400,
        "broken_http",
    ),
    "a chunk size that is none": (
        head("POST", WEBHOOK, SIGNED, "Transfer-Encoding: chunked") + b"zz\r\n",
        400,
        None,
    ),
}


@pytest.mark.parametrize("what", BAD_REQUESTS)
async def test_a_bad_request_gets_its_status_and_a_fix_and_publishes_nothing(front, what) -> None:
    request, status, reason = BAD_REQUESTS[what]
    labels = {"status": str(status), "reason": reason or ""}
    before = counted("orderstream_ingress_requests_total", **labels)
    answer = await exchange(front.url, request)
    assert answer.status == status
    assert set(answer.json) == {"error", "fix"}
    assert answer.headers["content-type"].startswith("application/json")
    assert "server" not in answer.headers
    assert SECRET.encode() not in answer.body
    if reason is not None:
        assert counted("orderstream_ingress_requests_total", **labels) == before + 1
    assert front.kafka.attempts == []
    assert (await front.send(ORDER)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xef\xbb\xbf" + ORDER,
        b'{"event":"sales_order_save_after","order":NaN}',
        b'{"event":"sales_order_save_after","order":{"increment_id":"\\ud800"}}',
        b'{"event":"sales_order_save_after","order":{"increment_id":"\xff"}}',
        b'{"event":"sales_order_save_after","order":{"increment_id":184467440737095516160}}',
        b'{"event":"sales_order_save_after","order":{"customer_email":"jane@example.com"}}',
        b'{"event":"customer_save_after","customer":{"firstname":"Jane"}}',
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"[" * 90_000,
        b'{"event":"sales.order.' + b"x" * 50_000 + b'","order":{"increment_id":"1"}}',
        b'{"event":"sales_order_save_after","order":{"increment_id":"' + b"9" * 50_000 + b'"}}',
    ],
    ids=range(15),
)
async def test_a_signed_body_that_is_no_event_gets_a_400_without_its_content(front, body) -> None:
    answer = await front.send(body)
    assert answer.status == 400
    assert set(answer.json) == {"error", "fix"}
    assert b"jane" not in answer.body.lower()
    assert len(answer.body) < 1000
    assert front.kafka.attempts == []


async def test_what_is_missing_is_named(front) -> None:
    answer = await front.send(b'{"event":"sales_order_save_after","order":{"status":"new"}}')
    assert "increment_id" in answer.json["error"]
    assert "entity_id" in answer.json["error"]


async def test_the_last_of_two_equal_names_counts_as_everywhere_else(front) -> None:
    body = b'{"event":"sales_order_save_after","order":{"increment_id":"1","increment_id":"2"}}'
    assert (await front.send(body)).status == 200
    assert front.kafka.records[0].key == b"2"


async def test_the_pages_answer(front) -> None:
    for page in ("/livez", "/readyz"):
        answer = await exchange(front.url, head("GET", page))
        assert (answer.status, answer.json) == (200, {"status": "ok"})
    await front.send(ORDER)
    figures = await exchange(front.url, head("GET", "/metrics"))
    assert b'orderstream_ingress_requests_total{reason="accepted",status="200"}' in figures.body
    assert b"orderstream_ingress_publish_seconds_bucket" in figures.body
