"""doctor asks the running worker's page which host of the org it calls."""

from __future__ import annotations

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
