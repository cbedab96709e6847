"""doctor asks the running worker's page which host of the org it calls."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from support.salesforce_bench import Bench, bench, server

from agents.doctor.org_facts import worker_host
from sandbox.ports import free_port
from stream.ops import metrics
from stream.ops.status_server import status_server
from stream.settings.worker import WorkerSettings

__all__ = ["bench", "server"]


async def test_the_host_of_the_present_token_is_on_the_page(bench: Bench) -> None:
    async with status_server("127.0.0.1", 0, not_ready=lambda: None) as url:
        settings = WorkerSettings(status_host="", status_port=int(url.rpartition(":")[2]))
        metrics.SALESFORCE_HOST.clear()
        assert await worker_host(settings) == ""
        token = await bench.client.token()
        assert await worker_host(settings) == token.instance_url.removeprefix("http://")


async def test_without_a_page_nothing_is_known() -> None:
    assert await worker_host(WorkerSettings()) is None
    assert await worker_host(WorkerSettings(status_port=free_port())) is None


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_where_there_is_ipv6_alone_the_page_has_an_address_that_can_be_asked() -> None:
    async with status_server("::1", 0, not_ready=lambda: None) as url:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/livez") as answer:
            assert answer.status == 200
        port = int(url.rpartition(":")[2])
        metrics.SALESFORCE_HOST.clear()
        for host in ("::", "::1"):
            assert await worker_host(WorkerSettings(status_host=host, status_port=port)) == ""
