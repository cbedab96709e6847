"""The token endpoint of Kafka's OAUTHBEARER, as networks and proxies cut it."""

from __future__ import annotations

import asyncio
import gzip

import orjson
import pytest
from aiokafka.errors import KafkaConnectionError
from support.scripted_server import CUT, Reply, ScriptedServer, reply

from stream.kafka import oauth

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n"
TOKEN = orjson.dumps({"access_token": "t", "expires_in": 100})


async def fetched(answer: Reply) -> oauth.BrokerToken:
    async with ScriptedServer.serve() as server:
        server.replies.append(answer)
        source = oauth.ClientCredentials(f"{server.url}/token", "a-client", "a-secret")
        return await asyncio.to_thread(source.fetch)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(CUT, id="no answer"),
        pytest.param(Reply([HEAD + b'\r\n{"access_'], is_cut=True), id="cut in the middle"),
        pytest.param(
            Reply([HEAD + b"Content-Encoding: gzip\r\n\r\n" + b"x" * 500]), id="not what it says"
        ),
        pytest.param(Reply([HEAD + b"\r\n{"]), id="nothing more"),
        pytest.param(Reply([HEAD + b"\r\n", *[b" "] * 500], pause_seconds=0.05), id="byte by byte"),
        pytest.param(reply(302, b"", Location="http://127.0.0.1:1/"), id="elsewhere"),
    ],
)
async def test_whatever_the_network_does_is_an_outage_that_the_client_knows(answer, monkeypatch):
    """Anything else ends a task of aiokafka's that nobody looks at."""
    monkeypatch.setattr(oauth, "ANSWER_SECONDS", 0.5)
    with pytest.raises(KafkaConnectionError, match=r"Error|Timeout|HTTP 302"):
        await fetched(answer)


async def test_a_token_comes_packed_and_in_pieces():
    body = gzip.compress(TOKEN)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nContent-Encoding: gzip\r\n\r\n"
    pieces = [head.encode(), body[:7], body[7:]]
    assert (await fetched(Reply(pieces))).text == "t"
