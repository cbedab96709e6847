"""HTTP as bytes: what well-behaved clients will not send, and answers read without their help."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import orjson

WEBHOOK = "/magento/webhook"
READ_SECONDS = 10.0


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(body: bytes, *headers: str, path: str = WEBHOOK) -> bytes:
    """A POST with a length; `headers` are whole lines."""
    return head("POST", path, f"Content-Length: {len(body)}", *headers) + body


def chunked(body: bytes, *headers: str, size: int = 1000) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    return head("POST", WEBHOOK, "Transfer-Encoding: chunked", *headers) + framed


def head(method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: ingress", *headers]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def exchange(url: str, request: bytes) -> Answer:
    """Send a request on a connection of its own and return the answer."""
    reader, writer = await connect(url)
    try:
        writer.write(request)
        return await read_answer(reader)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read one answer; raises IncompleteReadError when the connection ends instead."""
    async with asyncio.timeout(READ_SECONDS):
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        pairs = [line.partition(":") for line in lines if line]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    cookies = [value.strip() for name, _, value in pairs if name.lower() == "set-cookie"]
    return Answer(int(first.split()[1]), headers, body, tuple(cookies))
