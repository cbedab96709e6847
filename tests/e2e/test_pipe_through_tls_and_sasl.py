"""The whole pipe against a broker that wants TLS and SASL: ingress, worker, retry and relay."""

from __future__ import annotations

import asyncio

import pytest
from support.secured_broker import secured_broker

from cli.demo.outcomes import Outcomes
from sandbox.magento.sender import Sender
from sandbox.magento.store import Store
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import Pipeline
from sandbox.processes import Processes
from schemas.event import Kind
from schemas.result import Outcome
from stream.config import load_settings

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.timeout(300)]

DEADLINE_SECONDS = 60


@pytest.mark.proof
async def test_an_order_that_is_retried_once_arrives_through_tls_and_sasl(tmp_path):
    (tmp_path / "pem").mkdir()
    with secured_broker(tmp_path / "pem") as settings:
        env = {name.upper(): str(value) for name, value in settings.items()}
        servers = env.pop("KAFKA_BOOTSTRAP_SERVERS")
        env |= {"RETRY_DELAYS": "1s,2s,4s", "WORKER_STOP_DEADLINE_SECONDS": "8"}
        number, hooks = Store(seed=5).place()
        order = [hook for hook in hooks if hook.kind is Kind.ORDER][-1]
        async with Processes(tmp_path / "run") as processes:
            pipeline = await Pipeline.start(processes, bootstrap_servers=servers, env=env)
            reading = load_settings(env_file=None, retry_delays="1s,2s,4s", **settings)
            async with (
                OrgRemote(pipeline.salesforce_url) as org,
                Outcomes(reading) as outcomes,
                Sender(pipeline.webhook_url, pipeline.secret) as sender,
                asyncio.timeout(DEADLINE_SECONDS),
            ):
                lock = {"kind": "row_error", "sobject": "Opportunity", "external_id": number}
                armed = await org.arm(lock | {"code": "UNABLE_TO_LOCK_ROW", "message": "locked"})
                receipt = await sender.send(order)
                assert receipt.is_accepted
                await outcomes.until(lambda now: bool(now.retried))
                await org.disarm(armed)
                await outcomes.until_final([receipt.answer["event_id"]])
                (result,) = outcomes.of(number)
                (record,) = await org.records("Opportunity")
            assert result.outcome is Outcome.SYNCED
            assert result.attempt >= 1
            assert record["Magento_Order_ID__c"] == number
