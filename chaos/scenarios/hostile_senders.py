"""Senders that are slow on purpose, and bodies that are wrong on purpose, beside honest ones."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp

from chaos.scenario import Scenario
from chaos.stage import Stage
from chaos.verdict import Delivery
from sandbox.magento.numbered import numbered_webhook, order_number
from sandbox.magento.sender import OK, SERVER_ERROR, SIGNATURE_HEADER, sign

CONNECTIONS = 500
ATTACK_SECONDS = 30.0
DRIP_SECONDS = 0.5
OVERSIZED_BYTES = 6 * 1024 * 1024
DEPTH = 100_000
TURNS = 20
BUFFER_BYTES = 4096
HOSTILE_ORDER = 800_000
ACK_P99_SECONDS = 5.0

Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def slow_headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"POST /magento/webhook HTTP/1.1\r\nHost: ingress\r\n")
    await _drip(writer, b"X-More: 1\r\n")


async def slow_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    signature = f"{SIGNATURE_HEADER}: sha256={'0' * 64}\r\n"
    head = (
        f"POST /magento/webhook HTTP/1.1\r\nHost: ingress\r\n{signature}Content-Length: 90000\r\n"
    )
    writer.write(f"{head}\r\n".encode())
    await _drip(writer, b" ")


async def unread_answers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # Nobody reads: the stream stops reading the socket when its buffer is full.
    await _drip(writer, b"GET /metrics HTTP/1.1\r\nHost: ingress\r\n\r\n" * 10)


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def _connect(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect with small buffers: what is not read is soon felt at the other end."""
    plug = socket.socket()
    try:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        plug.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plug, (host, port))
        return await asyncio.open_connection(sock=plug, limit=BUFFER_BYTES)
    except BaseException:
        plug.close()
        raise


async def _drip(writer: asyncio.StreamWriter, drop: bytes) -> None:
    while True:
        writer.write(drop)
        await writer.drain()
        await asyncio.sleep(DRIP_SECONDS)


def loris(play: Play) -> Callable[[Stage], Awaitable[None]]:
    """Return the act: many connections that play this way; one that is cut comes again."""

    async def one(stage: Stage, host: str, port: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await _connect(host, port)
                stage.seen["slow connections"] += 1
                try:
                    await play(reader, writer)
                finally:
                    writer.close()
            stage.seen["cut by the ingress"] += 1
            await asyncio.sleep(DRIP_SECONDS)

    async def act(stage: Stage) -> None:
        url = urlsplit(stage.pipeline.ingress_url)
        count = int(CONNECTIONS * min(1.0, stage.scale * 2))
        async with stage.hurting():
            attack = [
                asyncio.create_task(one(stage, url.hostname or "", url.port or 0))
                for _ in range(count)
            ]
            await stage.rest(ATTACK_SECONDS)
            for task in attack:
                task.cancel()
            await asyncio.gather(*attack, return_exceptions=True)

    return act


async def hostile_bodies(stage: Stage) -> None:
    """Send every kind of wrong body, again and again; a 2xx must be accounted for here, too."""
    async with stage.hurting(), aiohttp.ClientSession() as session:
        for turn in range(stage.times(TURNS)):
            for kind, body, headers in _bodies(turn):
                status = await _post(stage, session, body, headers)
                stage.seen[f"{kind}: {status}"] += 1
                stage.seen["hostile bodies"] += 1
                stage.seen["answered 5xx"] += status >= SERVER_ERROR
                if status == OK and kind == "chunked":
                    order = order_number(HOSTILE_ORDER + turn)
                    now = time.monotonic()
                    stage.load.deliveries.append(Delivery(order, 1, True, now, 0.0, 1))
            await stage.rest(1)


def _bodies(turn: int) -> list[tuple[str, bytes | list[bytes], dict[str, str]]]:
    good = numbered_webhook(HOSTILE_ORDER + turn, 1).body
    return [
        ("oversized", b'{"order":"' + b"x" * OVERSIZED_BYTES + b'"}', {}),
        ("chunked", [good[:100], good[100:]], {}),
        ("compressed", gzip.compress(good), {"Content-Encoding": "gzip"}),
        ("malformed", good[:-20], {}),
        ("no JSON", b"\xff\xfe\x00", {}),
        ("deeply nested", b'{"order":' * DEPTH + b"1" + b"}" * DEPTH, {}),
        ("deeply nested list", b"[" * DEPTH + b"]" * DEPTH, {}),
        ("empty", b"", {}),
    ]


async def _post(
    stage: Stage,
    session: aiohttp.ClientSession,
    body: bytes | list[bytes],
    headers: dict[str, str],
) -> int:
    whole = body if isinstance(body, bytes) else b"".join(body)
    signed = headers | {SIGNATURE_HEADER: sign(whole, stage.pipeline.secret)}

    async def chunks() -> object:
        for part in body:
            yield part

    data = body if isinstance(body, bytes) else chunks()
    try:
        async with session.post(stage.pipeline.webhook_url, data=data, headers=signed) as response:
            return response.status
    except aiohttp.ClientError:
        return 0  # cut off in mid-body: an answer, too


def _loris(name: str, story: str, play: Play) -> Scenario:
    return Scenario(
        f"slow-loris-{name}",
        f"500 connections {story}, for 30 s",
        loris(play),
        evidence={"slow connections": 100, "cut by the ingress": 1},
        ack_p99_seconds=ACK_P99_SECONDS,
    )


SCENARIOS = (
    _loris("headers", "that send a header line now and then", slow_headers),
    _loris("body", "that send a byte of their body now and then", slow_body),
    _loris("unread", "that ask and never read an answer", unread_answers),
    _loris("silent", "that say nothing at all", silence),
    Scenario(
        "hostile-bodies",
        "oversized, chunked, compressed, malformed, empty and deeply nested bodies, well signed",
        hostile_bodies,
        evidence={"hostile bodies": 8},
        ack_p99_seconds=ACK_P99_SECONDS,
    ),
)
