"""A running ingress with a Kafka in memory, on a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import REGISTRY

from stream.config import Role, Settings, load_settings
from stream.ingress.readiness import Readiness
from stream.ingress.server import IngressServer, ingress_server
from support.fakes import FakePublisher
from support.http_wire import WEBHOOK, exchange, post, signature

SECRET, OLD_SECRET = "a-new-secret-0123456789", "an-old-secret-0123456789"
ORDER = b'{"event":"sales_order_save_after","order":{"increment_id":"000000123","total":1.0}}'
MAX_BODY_BYTES = 100_000


class Front:
    """A running ingress with what it publishes to."""

    def __init__(self, server: IngressServer, kafka: FakePublisher) -> None:
        self.url, self.kafka, self.readiness = server.url, kafka, server.readiness

    async def send(self, body: bytes, *headers: str, path: str = WEBHOOK, secret: str = SECRET):
        signed = f"X-Magento-Signature: {signature(secret, body)}"
        return await exchange(self.url, post(body, signed, *headers, path=path))


def settings_for(**overrides) -> Settings:
    values = {
        "kafka_bootstrap_servers": "unused:9092",
        "magento_webhook_secret": f"{SECRET},{OLD_SECRET}",
        "ingress_port": 0,
        "ingress_max_body_bytes": MAX_BODY_BYTES,
    }
    return load_settings(Role.INGRESS, env_file=None, **{**values, **overrides})


@asynccontextmanager
async def running(
    kafka: FakePublisher | None = None, *, key_host=None, **overrides
) -> AsyncIterator[Front]:
    kafka = kafka or FakePublisher()

    async def probe() -> str | None:
        return None

    readiness = Readiness(probe, now=asyncio.get_running_loop().time)
    settings = settings_for(**overrides)
    async with ingress_server(settings, kafka, readiness, key_host=key_host) as server:
        yield Front(server, kafka)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


SIGNED = f"X-Magento-Signature: {signature(SECRET, ORDER)}"
