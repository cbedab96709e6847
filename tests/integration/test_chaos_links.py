"""The proxies between brokers: they carry, cut, hush and heal. Real sockets, no Kafka."""

import asyncio

import pytest

from chaos.links import Links
from sandbox.ports import HOST, free_port

BROKER = 1


@pytest.fixture
async def linked():
    """A server that answers in capitals, behind a link; yields (links, the link's port)."""

    async def shout(reader, writer):
        while data := await reader.read(100):
            writer.write(data.upper())
            await writer.drain()
        writer.close()

    port = free_port()
    async with await asyncio.start_server(shout, HOST, port), Links() as links:
        yield links, await asyncio.to_thread(links.add, BROKER, port)


async def say(port, word=b"hello"):
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(word)
        return await reader.read(100)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_link_carries_both_ways(linked):
    _, port = linked
    assert await say(port) == b"HELLO"


async def test_a_cut_breaks_what_is_open_and_refuses_what_comes_until_it_is_healed(linked):
    links, port = linked
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(b"a")
    assert await reader.read(100) == b"A"
    await links.cut(BROKER)
    assert await reader.read(100) == b""
    writer.close()
    assert await say(port) == b""
    links.heal()
    assert await say(port) == b"HELLO"


async def test_a_hushed_link_keeps_its_connections_and_delivers_when_it_is_healed(linked):
    links, port = linked
    reader, writer = await asyncio.open_connection(HOST, port)
    links.hush(BROKER)
    writer.write(b"late")
    answer = asyncio.create_task(reader.read(100))
    done, _ = await asyncio.wait({answer}, timeout=0.2)
    assert not done
    links.heal()
    assert await answer == b"LATE"
    writer.close()
