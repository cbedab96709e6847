"""The ingress on a real broker: a receipt is a promise, whatever happens to either of them."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from support.http_wire import WEBHOOK, exchange, head, post, signature
from support.ingress_front import OLD_SECRET, SECRET

from sandbox.processes import Processes, logs, orderstream
from schemas.headers import envelope_of
from stream.config import load_settings
from stream.ingress.process import kafka_probe
from stream.ingress.readiness import Readiness
from stream.ingress.server import ingress_server
from stream.kafka.connection import kafka_connection
from stream.kafka.publisher import KafkaPublisher
from stream.kafka.topic_admin import TopicAdmin

pytestmark = pytest.mark.kafka


def order(number: int, *, padding: int = 0) -> bytes:
    body = {"event": "sales_order_save_after", "order": {"increment_id": f"{number:09}"}}
    return orjson.dumps(body) + b" " * padding


def signed(body: bytes, secret: str = SECRET) -> bytes:
    return post(body, f"X-Magento-Signature: {signature(secret, body)}")


@asynccontextmanager
async def serving(settings):
    publisher = KafkaPublisher(settings)
    await publisher.start()
    readiness = Readiness(
        kafka_probe(publisher, settings.topics), now=asyncio.get_running_loop().time
    )
    try:
        async with ingress_server(settings, publisher, readiness) as server:
            yield server.url
    finally:
        await publisher.stop()


async def record_at(settings, receipt):
    place = TopicPartition(receipt["topic"], receipt["partition"])
    connection = kafka_connection(settings)
    async with AIOKafkaConsumer(**connection, max_partition_fetch_bytes=2**23) as consumer:
        consumer.assign([place])
        consumer.seek(place, receipt["offset"])
        async with asyncio.timeout(20):
            return await consumer.getone()


async def values_in(settings, topic) -> set[bytes]:
    connection = kafka_connection(settings)
    async with AIOKafkaConsumer(**connection) as consumer:
        places = [TopicPartition(topic, p) for p in range(settings.kafka_partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found: set[bytes] = set()
        async with asyncio.timeout(30):
            while any([await consumer.position(place) < ends[place] for place in places]):
                for batch in (await consumer.getmany(timeout_ms=500)).values():
                    found |= {record.value for record in batch}
        return found


async def test_every_receipt_equals_what_the_broker_holds(make_settings, topics) -> None:
    settings = make_settings(
        ingress_port=0, magento_webhook_secret=f"{SECRET},{OLD_SECRET}", magento_instance="fr"
    )
    bodies = [order(n, padding=n * 100) for n in range(20)]
    async with serving(settings) as url:
        requests = [
            signed(body, secret=(SECRET, OLD_SECRET)[n % 2]) for n, body in enumerate(bodies)
        ]
        answers = await asyncio.gather(*(exchange(url, request) for request in requests))
    assert {answer.status for answer in answers} == {200}
    keys_used = set()
    for number, (body, answer) in enumerate(zip(bodies, answers, strict=True)):
        record = await record_at(settings, answer.json)
        assert record.value == body
        assert record.key == f"fr:{number:09}".encode()
        envelope = envelope_of(
            **{name: answer.json[name] for name in ("topic", "partition", "offset")},
            timestamp_ms=record.timestamp,
            key=record.key,
            value=record.value,
            headers=record.headers,
        )
        assert envelope.event_id == answer.json["event_id"]
        keys_used.add(envelope.signature_key[:2])
    assert keys_used == {"1-", "2-"}


async def test_a_body_at_the_default_limit_fits_into_the_topic(make_settings, topics) -> None:
    settings = make_settings(ingress_port=0, magento_webhook_secret=SECRET)
    body = order(1)
    body += b" " * (settings.ingress_max_body_bytes - len(body))
    async with serving(settings) as url:
        answer = await exchange(url, signed(body))
        assert answer.status == 200
        assert (await record_at(settings, answer.json)).value == body
        assert (await exchange(url, signed(body + b" "))).status == 413


async def test_a_broker_that_is_away_means_503_and_then_it_goes_on(own_broker) -> None:
    settings = load_settings(
        env_file=None,
        kafka_bootstrap_servers=own_broker.bootstrap_servers,
        magento_webhook_secret=SECRET,
        ingress_port=0,
        ingress_publish_timeout_seconds=1.0,
        kafka_partitions=2,
    )
    async with TopicAdmin(settings) as admin:
        await admin.create(settings.topics.specs())
    accepted = []
    async with serving(settings) as url:
        accepted.append(order(1))
        assert (await exchange(url, signed(accepted[0]))).status == 200
        own_broker.pause()
        answer = await exchange(url, signed(order(2)))
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert (await exchange(url, head("GET", "/readyz"))).status == 503
        assert (await exchange(url, head("GET", "/livez"))).status == 200
        own_broker.resume()
        async with asyncio.timeout(60):
            while (await exchange(url, signed(order(3)))).status != 200:
                await asyncio.sleep(0.1)
        accepted.append(order(3))
        assert (await exchange(url, head("GET", "/readyz"))).status == 200
    assert set(accepted) <= await values_in(settings, settings.topics.orders)


async def test_what_a_killed_worker_answered_2xx_is_in_kafka(
    make_settings, topics, tmp_path
) -> None:
    settings = make_settings(magento_webhook_secret=SECRET)
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": settings.kafka_topic_prefix,
        "KAFKA_PARTITIONS": str(settings.kafka_partitions),
        "MAGENTO_WEBHOOK_SECRET": SECRET,
    }
    accepted: set[bytes] = set()
    cut = 0
    is_over = asyncio.Event()

    async def sender(first: int, url: str, session: aiohttp.ClientSession) -> None:
        nonlocal cut
        number = first
        while not is_over.is_set():
            body = order(number)
            number += 1
            headers = {"X-Magento-Signature": signature(SECRET, body)}
            try:
                async with session.post(url + WEBHOOK, data=body, headers=headers) as answer:
                    if answer.status == 200:
                        accepted.add(body)
            except aiohttp.ClientError:
                cut += 1

    async with Processes(tmp_path / "run") as processes, aiohttp.ClientSession() as session:
        command = orderstream("ingress", "--port", "0", "--workers", "2")
        ready = logs(r'^\{"listening":')
        process = await processes.start("ingress", *command, env=environment, ready=ready)
        said = next(
            orjson.loads(line) for line in process.output.splitlines() if 'listening":' in line[:14]
        )
        senders = [
            asyncio.create_task(sender(n * 1_000_000, said["listening"], session))
            for n in range(20)
        ]
        victims = list(said["pids"])
        for victim in victims:
            before = len(accepted)
            async with asyncio.timeout(30):
                while len(accepted) < before + 100:
                    await asyncio.sleep(0.01)
            os.kill(victim, signal.SIGKILL)
        before = len(accepted)
        async with asyncio.timeout(30):
            while len(accepted) < before + 100:
                await asyncio.sleep(0.01)
        is_over.set()
        await asyncio.gather(*senders)
    assert cut > 0
    assert accepted <= await values_in(settings, settings.topics.orders)
