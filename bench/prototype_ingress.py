"""The ingress in forty lines, with nothing a product needs: the yardstick for ours.

    python -m bench.prototype_ingress --port 8080 --secret-file f --bootstrap-servers host:9092
    python -m bench.prototype_ingress --port 8080 --secret-file f   # without Kafka: the ceiling

aiohttp and uvloop, the HMAC of the raw body, one parse for the order number, `send_and_wait` with
acks=all, and a receipt. No limits, deadlines, metrics, event ids, headers, or other senders.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
from pathlib import Path
from typing import Any

import orjson
import uvloop
from aiohttp import web
from aiokafka import AIOKafkaProducer

TOPIC = "prototype.orders"


def application(secret: bytes, producer: AIOKafkaProducer | None) -> web.Application:
    """Return the server; without a producer it answers as if Kafka had."""

    async def take(request: web.Request) -> web.Response:
        raw = await request.read()
        expected = "sha256=" + hmac.new(secret, raw, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, request.headers.get("X-Magento-Signature", "")):
            return web.Response(status=401)
        order = orjson.loads(raw)["order"]["increment_id"]
        receipt: dict[str, Any] = {"order": order, "topic": TOPIC}
        if producer is not None:
            sent = await producer.send_and_wait(TOPIC, raw, key=order.encode())
            receipt |= {"partition": sent.partition, "offset": sent.offset}
        return web.Response(body=orjson.dumps(receipt), content_type="application/json")

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(text="ready")

    app = web.Application(client_max_size=5 * 1024 * 1024)
    app.router.add_post("/magento/webhook", take)
    app.router.add_get("/readyz", ready)
    return app


async def serve(options: argparse.Namespace) -> None:
    producer = None
    if options.bootstrap_servers:
        producer = AIOKafkaProducer(
            bootstrap_servers=options.bootstrap_servers,
            acks="all",
            enable_idempotence=True,
            max_batch_size=1024 * 1024,
        )
        await producer.start()
    secret = Path(options.secret_file).read_bytes()
    runner = web.AppRunner(application(secret, producer), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", options.port, reuse_port=True).start()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--bootstrap-servers", default="")
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
