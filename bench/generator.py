"""The load: signed orders over raw sockets, at a constant arrival rate or as fast as answers come.

    python -m bench.generator --port 8080 --secret-file f --rate 1000 --seconds 10

Open loop (`--rate`): a slow answer slows nothing down; latency counts from the moment a request was
due, also while it waited for a free connection. Without a rate every connection sends the next
request when it has its answer (capacity). A process of its own, so that its CPU time is known
apart. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import uvloop

from bench.orders import FIRST_NUMBER, Template, request_of

TICK_SECONDS = 0.001
DRAIN_SECONDS = 30.0
PREPARED = 2_000
LENGTH = b"content-length:"


class Load:
    """Requests due, connections that are free, and what came back."""

    def __init__(self, requests: Iterator[bytes], *, is_open_loop: bool) -> None:
        self.requests = requests
        self.is_open_loop = is_open_loop
        self.is_over = False
        self.free: deque[Wire] = deque()  # used in turn, so that none is idle for long
        self.waiting: deque[float] = deque()
        self.latencies = array("d")
        self.statuses: Counter[int] = Counter()
        self.sent = 0

    def answered(self, wire: Wire, status: int, now: float) -> None:
        """Note an answer and give its connection the next request, if there is one."""
        self.latencies.append(now - wire.due)
        self.statuses[status] += 1
        if self.waiting:
            wire.send(self.waiting.popleft(), next(self.requests))
        elif self.is_open_loop or self.is_over:
            self.free.append(wire)
        else:
            wire.send(now, next(self.requests))

    def due(self, moment: float) -> None:
        """Send a request that is due, or let it wait for a connection."""
        self.sent += 1
        if self.free:
            self.free.popleft().send(moment, next(self.requests))
        else:
            self.waiting.append(moment)

    @property
    def is_drained(self) -> bool:
        return len(self.latencies) >= self.sent


class Wire(asyncio.Protocol):
    """One keep-alive connection with at most one request on it."""

    def __init__(self, load: Load, clock: Callable[[], float]) -> None:
        self._load = load
        self._clock = clock
        self._received = b""
        self.due = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._load.free.append(self)

    def send(self, due: float, request: bytes) -> None:
        self.due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        end = received.find(b"\r\n\r\n")
        if end >= 0:
            head = received[:end].lower()
            place = head.find(LENGTH)
            if place >= 0:
                length = int(head[place + len(LENGTH) :].split(b"\r", 1)[0])
                if len(received) >= end + 4 + length:
                    self._received = b""
                    self._load.answered(self, int(received[9:12]), self._clock())
                    return
        self._received = received

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._load.is_over:
            print("a connection was closed", file=sys.stderr)
            if self in self._load.free:
                self._load.free.remove(self)


def fresh(options: argparse.Namespace, secret: bytes) -> Iterator[bytes]:
    """Yield requests, one order after the other; from `--orders` on, the next save of each."""
    template = Template.make(first=options.first)
    for index in count():
        version, order = divmod(index, options.orders)
        yield request_of(template.order(order, version + 1), path=options.path, secret=secret)


def prepared(options: argparse.Namespace, secret: bytes) -> Iterator[bytes]:
    """Yield requests made beforehand, again and again: the cheapest load for a server."""
    source = fresh(options, secret)
    ready = [next(source) for _ in range(PREPARED)]
    while True:
        yield from ready


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """Send for the asked time and return the figures."""
    loop = asyncio.get_running_loop()
    secret = Path(options.secret_file).read_bytes()
    make = prepared if options.prepared else fresh
    load = Load(make(options, secret), is_open_loop=options.rate is not None)
    for _ in range(options.connections):
        await loop.create_connection(lambda: Wire(load, loop.time), "127.0.0.1", options.port)
    started, wall = loop.time(), time.time()
    if options.rate is None:
        await _closed_loop(load, options.seconds)
    else:
        await _open_loop(load, options.rate, options.seconds)
    seconds = loop.time() - started
    answers = len(load.latencies)
    load.is_over = True
    deadline = loop.time() + DRAIN_SECONDS
    while load.is_open_loop and not load.is_drained and loop.time() < deadline:
        await asyncio.sleep(TICK_SECONDS)
    return {
        "wall": wall,
        "seconds": seconds,
        "sent": load.sent or answers,
        "unanswered": max(0, load.sent - len(load.latencies)),
        "accepted_per_second": answers / seconds,
        "statuses": {str(status): number for status, number in load.statuses.items()},
        "cpu_seconds": time.process_time(),
        **percentiles(load.latencies),
    }


async def _closed_loop(load: Load, seconds: float) -> None:
    now = asyncio.get_running_loop().time()
    idle, load.free = load.free, deque()
    for wire in idle:
        wire.send(now, next(load.requests))
    await asyncio.sleep(seconds)


async def _open_loop(load: Load, rate: float, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    for index in range(round(rate * seconds)):
        moment = started + index / rate
        while (early := moment - loop.time()) > 0:
            await asyncio.sleep(max(early, TICK_SECONDS))
        load.due(moment)
        if index % 64 == 0:
            await asyncio.sleep(0)  # behind time or not: answers are read


def percentiles(latencies: array[float]) -> dict[str, float]:
    """Return p50, p99, p99.9 and the worst, in milliseconds."""
    ordered = sorted(latencies)
    if not ordered:
        return {}
    last = len(ordered) - 1
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}
    return {name: 1000 * ordered[min(last, int(last * share))] for name, share in shares.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/magento/webhook")
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--rate", type=float, help="requests per second; as fast as can be without")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--first", type=int, default=FIRST_NUMBER, help="number of the first order")
    parser.add_argument("--orders", type=int, default=10**8, help="distinct orders before versions")
    parser.add_argument("--prepared", action="store_true", help="repeat requests made beforehand")
    print(orjson.dumps(uvloop.run(run(parser.parse_args()))).decode())


if __name__ == "__main__":
    main()
