"""Page times of the dashboard with much to show: 100,000 dead letters and 1,000,000 results.

    python -m bench.dashboard                      # a broker of its own, about three minutes
    python -m bench.dashboard --letters 1000 --results 10000

Fills the topics as workers do, starts `orderstream dashboard` as a process, waits until it has read
everything, and asks for every page again and again over HTTP. The time of a page is from request to
the last byte on loopback: the server's time and a little more.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import orjson
from aiokafka import AIOKafkaProducer

from bench.command import run
from bench.figures import Section
from sandbox.broker import Broker
from sandbox.ports import free_port
from sandbox.process import Process
from sandbox.processes import Processes, answers, orderstream
from schemas.event import Envelope, ErrorInfo, Kind, Origin, new_event_id
from schemas.headers import headers_of
from schemas.result import Outcome, result_of
from stream.config import Settings, load_settings
from stream.kafka.topic_admin import TopicAdmin

PASSWORD = "bench-operators-0123456789"  # noqa: S105 - of this run only
LIMIT_MS = 200
ROUNDS = 40
READ_TIMEOUT_SECONDS = 600.0
PARTITIONS = 8
BATCH_BYTES = 900_000
CODES = [
    ("STRING_TOO_LONG", "Name", "Order Name: data value too large"),
    ("MAPPING_ERROR", "Opportunity.CloseDate", "Opportunity.CloseDate is empty and required"),
    ("INVALID_EMAIL_ADDRESS", "Email", "invalid email address"),
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "StageName", "A won opportunity is closed"),
    ("DUPLICATES_DETECTED", "", "Use one of these records?"),
]
Raw = tuple[bytes | None, bytes, list[tuple[str, bytes]]]


def envelope(number: int, now_ms: int, topics_orders: str) -> Envelope:
    """Event `number`: in partition `number % PARTITIONS`, at offset `number // PARTITIONS`."""
    at_ms = now_ms - (1_000_000 - number) // 20
    origin = Origin(topics_orders, number % PARTITIONS, number // PARTITIONS, at_ms)
    body = orjson.dumps({"order": {"increment_id": f"{number:09d}", "store_id": number % 3}})
    return Envelope(
        event_id=new_event_id(at_ms),
        event="sales_order_save_commit_after",
        kind=Kind.ORDER,
        key=f"{number:09d}",
        received_at_ms=at_ms,
        value=body,
        origin=origin,
        mapping_version="m1",
    )


def results_of(partition: int, count: int, letters: int, now_ms: int, topic: str) -> Iterator[Raw]:
    for number in range(partition, count, PARTITIONS):
        event = envelope(number, now_ms, topic)
        outcome = Outcome.DEAD if number < letters else list(Outcome)[number % 3]
        result = result_of(event, outcome, at_ms=event.received_at_ms + 700)
        yield event.key.encode(), result.to_bytes(), []


def letters_of(partition: int, count: int, now_ms: int, topic: str) -> Iterator[Raw]:
    for number in range(partition, count, PARTITIONS):
        code, field, message = CODES[number % len(CODES)]
        event = envelope(number, now_ms, topic)
        error = ErrorInfo(
            "permanent", code, f"{message} ({number % 50})", (field,) if field else ()
        )
        yield event.key.encode(), event.value, headers_of(event) + headers_of_error(error)


def headers_of_error(error: ErrorInfo) -> list[tuple[str, bytes]]:
    story = Envelope("", "", Kind.ORDER, "", 0, b"", attempt=1, error=error)
    return [header for header in headers_of(story) if header[0].startswith(("error", "attempt"))]


async def fill(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Iterable[Raw]
) -> int:
    """Publish records to a partition in large batches; returns how many."""
    batch, count = producer.create_batch(), 0
    for key, value, headers in records:
        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            batch.close()
            await (await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None, headers=headers)
        count += 1
    batch.close()
    await (await producer.send_batch(batch, topic, partition=partition))
    return count


async def fill_topics(settings: Settings, letters: int, results: int) -> None:
    topics, now_ms = settings.topics, int(time.time() * 1000)
    async with TopicAdmin(settings) as admin:
        await admin.create(topics.specs())
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        max_batch_size=BATCH_BYTES,
        max_request_size=2 * BATCH_BYTES,
    )
    await producer.start()
    try:
        for partition in range(PARTITIONS):
            per = len(range(partition, results, PARTITIONS))
            # Pages count events by their offsets and never read them: empty ones will do.
            await fill(producer, topics.orders, partition, ((None, b"", []) for _ in range(per)))
            made = results_of(partition, results, letters, now_ms, topics.orders)
            await fill(producer, topics.results, partition, made)
            dead = letters_of(partition, letters, now_ms, topics.orders)
            await fill(producer, topics.dead_letters, partition, dead)
    finally:
        await producer.stop()


async def page_times(session: aiohttp.ClientSession, url: str, rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        async with session.get(url, allow_redirects=False) as answer:
            await answer.read()
            assert answer.status == 200, f"{url}: {answer.status}"
        times.append(time.perf_counter() - began)
    return sorted(times)


async def log_in(session: aiohttp.ClientSession, url: str) -> None:
    form = {"name": "bench", "password": PASSWORD}
    async with session.post(
        f"{url}/login", data=form, headers={"Origin": url}, allow_redirects=False
    ) as answer:
        assert answer.status == 303


async def pages_of(session: aiohttp.ClientSession, url: str, letters: int) -> list[str]:
    async with session.get(f"{url}/letters?code=STRING_TOO_LONG") as answer:
        first = re.search(r"/letters/(\d+-\d+)\"", await answer.text())
    assert first
    last_page = letters // len(CODES) // 50
    return [
        *("/", "/part/overview", "/lag", "/letters", "/letters?all=1"),
        *("/letters?code=STRING_TOO_LONG", f"/letters?code=STRING_TOO_LONG&page={last_page}"),
        *("/letters?all=1&order=000000042", "/letters?all=1&since=1h&store=1"),
        *("/letters/drop?code=MAPPING_ERROR", f"/letters/{first[1]}"),
        *("/replay", "/jobs", "/trace", "/tail"),
    ]


async def until_read(url: str, process: Process) -> float:
    began = time.monotonic()
    ready = answers(f"{url}/readyz")
    while not await ready(process):
        if time.monotonic() - began > READ_TIMEOUT_SECONDS:
            raise TimeoutError("the dashboard has not read everything in time")
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def measure(options: argparse.Namespace) -> Section:
    """Fill, start, ask."""
    with ExitStack() as stack:
        servers = options.bootstrap_servers
        if not servers:
            servers = stack.enter_context(Broker.start()).bootstrap_servers
        return await measure_on(
            servers, letters=options.letters, results=options.results, rounds=options.runs
        )


async def measure_on(servers: str, *, letters: int, results: int, rounds: int) -> Section:
    prefix = f"bench{os.getpid()}."
    settings = load_settings(
        env_file=None, kafka_bootstrap_servers=servers, kafka_topic_prefix=prefix,
        kafka_partitions=PARTITIONS,
    )  # fmt: skip
    await fill_topics(settings, letters, results)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "KAFKA_TOPIC_PREFIX": prefix,
        "KAFKA_PARTITIONS": str(PARTITIONS),
        "DASHBOARD_PORT": str(port),
        "DASHBOARD_OPERATOR_PASSWORD": PASSWORD,
    }
    section = Section("dashboard", "Dashboard", TEXT.format(letters, results))
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Processes(Path(folder)) as processes,
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        ):
            process = await processes.start(
                "dashboard", *orderstream("dashboard"), env=env, ready=answers(f"{url}/livez")
            )
            await log_in(session, url)
            loading = await page_times(session, f"{url}/", 20)
            section.add("first screen while it reads, worst", "ms", [loading[-1] * 1000])
            section.add("everything read after", "s", [await until_read(url, process)])
            section.add("memory", "MB", [resident_mb(process.pid)])
            for path in await pages_of(session, url, letters):
                times = await page_times(session, url + path, rounds)
                high_ms = times[int(len(times) * 0.95)] * 1000
                section.add(f"p95 of `{path}`", "ms", [high_ms], most=LIMIT_MS)
    return section


TEXT = (
    "Pages of the dashboard with {:,} dead letters and {:,} results behind them, asked again and "
    "again over HTTP: from request to the last byte."
)


def resident_mb(pid: int) -> float:
    """Memory of the process that the tether started, its only child."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    status = Path(f"/proc/{(children or [str(pid)])[0]}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--letters", type=int, default=100_000)
    parser.add_argument("--results", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=ROUNDS, help="how often a page is asked for")
    parser.add_argument("--bootstrap-servers", default="")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    run(measure, parser)


if __name__ == "__main__":
    main()
