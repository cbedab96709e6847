"""How long a worker takes to learn the state of a partition, and the memory that costs per order.

    python -m bench.state [--orders 1000000] [--json]

Writes the states of that many orders into one partition of `salesforce.state` on a real broker,
loads them as a worker does at a takeover, and prints time and resident memory before and after.
"""

from __future__ import annotations

import argparse
import gc
import time
from pathlib import Path

from rich.console import Console

from agents.handling.state_store import StateStore
from bench.command import run
from bench.figures import Section
from sandbox.broker import Broker
from schemas.event import Kind
from schemas.state import State, state_key
from stream.config import Settings, load_settings
from stream.kafka.blocking_publish import BlockingPublish
from stream.kafka.connection import kafka_connection
from stream.kafka.publisher import KafkaPublisher, Record
from stream.kafka.topic_admin import TopicAdmin
from stream.ops.alerts import Alerts

CHUNK = 10_000
PAGE_BYTES = 4096


def resident_bytes() -> int:
    """Return this process's resident set size."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def state_of(n: int, topic: str) -> State:
    """Return a state as it really is after an order was synced."""
    return State(
        version="2026-03-14 18:02:15",
        digest=f"{n:024x}",
        topic=topic,
        partition=0,
        offset=n,
        rank=1,
        ids={
            "Account": f"001{n:015d}",
            "Contact": f"003{n:015d}",
            "Opportunity": f"006{n:015d}",
        },
        entity_id=str(n),
        first_seen_ms=1_773_500_000_000 + n,
    )


async def fill(settings: Settings, orders: int, console: Console) -> None:
    """Write the states."""
    publisher = KafkaPublisher(settings)
    await publisher.start()
    publish_all = BlockingPublish(publisher, alerts=Alerts())
    topics = settings.topics
    with console.status("") as status:
        for start in range(0, orders, CHUNK):
            status.update(f"writing states: {start:,} of {orders:,}")
            numbers = range(start, min(start + CHUNK, orders))
            await publish_all(
                [
                    Record(
                        topics.state,
                        state_key(Kind.ORDER, f"{n:09d}"),
                        state_of(n, topics.orders).to_bytes(),
                        partition=0,
                    )
                    for n in numbers
                ]
            )
    await publisher.stop()


async def load(settings: Settings) -> dict[str, float]:
    """Load the partition and measure."""
    store = StateStore(topic=settings.topics.state, connection=kafka_connection(settings))
    await store.start()
    gc.collect()
    before, started = resident_bytes(), time.monotonic()
    await store.ensure({0: 1})
    seconds = time.monotonic() - started
    gc.collect()
    after = resident_bytes()
    started = time.monotonic()
    await store.ensure({0: 2})
    again = time.monotonic() - started
    orders = store.key_count
    await store.stop()
    return {
        "orders": orders,
        "load_seconds": round(seconds, 2),
        "reload_seconds": round(again, 3),
        "bytes_per_order": round((after - before) / orders),
        "resident_mb": round(after / 2**20),
    }


async def measure(options: argparse.Namespace) -> Section:
    """Fill and load on a broker of its own."""
    with Broker.start() as broker:
        settings = load_settings(
            env_file=None,
            kafka_bootstrap_servers=broker.bootstrap_servers,
            kafka_partitions=1,
        )
        async with TopicAdmin(settings) as admin:
            await admin.create(settings.topics.specs())
        await fill(settings, options.orders, Console(stderr=True))
        return section(await load(settings))


def section(figures: dict[str, float]) -> Section:
    """Return the figures as a part of docs/benchmarks.md."""
    orders = f"{figures['orders']:,.0f}"
    text = (
        f"A worker takes over a partition with the state of {orders} orders, read from the "
        "compacted topic; then the same again in a new group generation, as at any rebalance."
    )
    part = Section("state", "Recovery", text)
    part.add(f"state of {orders} orders loaded", "s", [figures["load_seconds"]])
    part.add("orders loaded", "orders/s", [figures["orders"] / figures["load_seconds"]])
    part.add("again at the next rebalance", "s", [figures["reload_seconds"]])
    part.add("memory per order", "bytes", [figures["bytes_per_order"]])
    part.add("memory of the process", "MB", [figures["resident_mb"]])
    return part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    run(measure, parser)


if __name__ == "__main__":
    main()
