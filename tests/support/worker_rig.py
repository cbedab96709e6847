"""Real workers and a real relay on a real broker, with a simulated org: the rig of worker stories.

Events are written straight into `magento.orders`, as the ingress would, so that a story decides
what is in which order; the judge is the org's own history of writes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment as MemberAssignment

from sandbox.magento.numbered import numbered_webhook
from sandbox.ports import free_port
from sandbox.process import Process
from sandbox.processes import Processes, answers, orderstream
from sandbox.salesforce.process import OrgProcess
from schemas.event import Envelope, Kind, new_event_id
from schemas.headers import headers_of
from stream.audit.audit import AuditReport, run_audit
from stream.config import Settings
from stream.errors import BrokerError
from stream.kafka.blocking_publish import BlockingPublish
from stream.kafka.log.range_reader import RangeReader
from stream.kafka.publisher import Ack, KafkaPublisher, Record
from stream.ops.alerts import Alerts

POLL_SECONDS = 0.1
SESSION_SECONDS = 6.0  # the least a broker accepts by default: takeovers are quick


class WorkerRig:
    """Starts workers and the relay against one org; everything ends with the block."""

    def __init__(
        self, settings: Settings, org: OrgProcess, directory: Path, env: Mapping[str, str]
    ) -> None:
        self.settings = settings
        self.org = org
        self.processes = Processes(directory)
        self.env = {
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": settings.kafka_topic_prefix,
            "KAFKA_PARTITIONS": str(settings.kafka_partitions),
            "OPERATOR_SIGNING_KEY": settings.operator_signing_key.get_secret_value(),
            "KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
            "RETRY_DELAYS": ",".join(f"{s}s" for s in settings.retry_delays),
            "SALESFORCE_LOGIN_URL": org.url,
            "SALESFORCE_INSECURE_URL": org.url,
            "SALESFORCE_CLIENT_ID": org.consumer_key,
            "SALESFORCE_USERNAME": org.username,
            "SALESFORCE_PRIVATE_KEY_PATH": str(org.private_key_path),
            "SALESFORCE_CALLS_PER_SECOND": "100",
            "BREAKER_PROBE_SECONDS": "1",
            **env,
        }

    async def __aenter__(self) -> Self:
        await self.processes.__aenter__()
        self._publisher = KafkaPublisher(self.settings)
        await self._publisher.start()
        self._publish_all = BlockingPublish(self._publisher, alerts=Alerts())
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._publisher.stop()
        await self.processes.__aexit__(*failure)

    async def worker(self, name: str = "w1", **env: str) -> Process:
        """Start a worker and return it when it has its partitions."""
        return await self._start(name, orderstream("worker", "--worker-id", name), env)

    async def warm_worker(self, name: str = "w1", **env: str) -> Process:
        """Start a worker that is logged in and has written order 0 (version 1)."""
        process = await self.worker(name, **env)
        await self.publish([(0, 1)])
        await self.settled(1)
        return process

    async def relay(self) -> Process:
        return await self._start("relay", orderstream("relay"), {})

    async def _start(self, name: str, command: tuple[str, ...], env: Mapping[str, str]) -> Process:
        port = free_port()
        more = {"STATUS_PORT": str(port), "STATE_DIRECTORY": str(self.processes.directory / name)}
        return await self.processes.start(
            name,
            *command,
            env=self.env | more | dict(env),
            ready=answers(f"http://127.0.0.1:{port}/readyz"),
        )

    async def publish(self, events: Iterable[tuple[int, int]]) -> list[Ack]:
        """Publish (order number, version) events in this order; return their acks."""
        return list(await self._publish_all([self.record(n, version) for n, version in events]))

    async def publish_raw(self, body: bytes, key: str = "raw") -> Ack:
        (ack,) = await self._publish_all([self._record(body, key)])
        return ack

    def record(self, n: int, version: int) -> Record:
        webhook = numbered_webhook(n, version)
        return self._record(webhook.body, webhook.key)

    def _record(self, body: bytes, key: str) -> Record:
        now_ms = time.time_ns() // 1_000_000
        envelope = Envelope(
            event_id=new_event_id(now_ms),
            event="sales_order_save_after",
            kind=Kind.ORDER,
            key=key,
            received_at_ms=now_ms,
            value=body,
        )
        topic = self.settings.topics.orders
        return Record(topic, key.encode(), body, headers_of(envelope))

    async def audit(self) -> AuditReport:
        return await run_audit(self.settings, grace_seconds=3600)

    async def settled(self, accepted: int, *, timeout_seconds: float = 60) -> AuditReport:
        """Return the audit once it balances with nothing pending; fails after the timeout."""
        deadline = time.monotonic() + timeout_seconds
        seen = "nothing yet"
        while (began := time.monotonic()) < deadline:
            with suppress(BrokerError):  # a story may have just taken the broker away
                report = await self.audit()
                seen = report.total.line
                if report.total.accepted >= accepted and report.total.pending == 0:
                    assert report.total.is_balanced
                    return report
            # An audit costs what a worker needs: two cores are left to the story for most of the time.
            await asyncio.sleep(max(POLL_SECONDS, 2 * (time.monotonic() - began)))
        raise AssertionError(f"not settled in time: {seen}")

    async def until(
        self, what: Callable[[], bool | Awaitable[bool]], *, timeout_seconds: float = 30
    ) -> None:
        """Return when something has come true; fails after the timeout."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            answer = what()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            assert time.monotonic() < deadline, "it did not come true in time"
            await asyncio.sleep(POLL_SECONDS)

    async def owners(self) -> dict[tuple[str, int], str]:
        """Return who owns what: (topic, partition) → member; empty while the group rebalances."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka_bootstrap_servers)
        await admin.start()
        try:
            (answer,) = await admin.describe_consumer_groups([self.settings.worker_group])
        finally:
            await admin.close()
        owners: dict[tuple[str, int], str] = {}
        for member in answer.groups[0][5]:
            if not member[4]:
                return {}  # a rebalance is under way
            assignment = MemberAssignment.decode(member[4])
            for topic, partitions in assignment.assignment:
                owners |= {(topic, partition): member[0] for partition in partitions}
        return owners

    async def committed_on(self, ack: Ack) -> int:
        """Return what the workers' group has committed on a record's partition: the next offset."""
        async with RangeReader(self.settings) as reader:
            committed = await reader.committed(self.settings.worker_group)
        return committed.get((ack.topic, ack.partition), 0)

    def versions(self) -> dict[str, float]:
        """Return what the org has: order number → version (its Amount)."""
        found: dict[str, float] = {}
        while True:
            page = self.org.records("Opportunity", offset=len(found), limit=1000)
            for record in page["records"]:
                found[record["Magento_Order_ID__c"]] = record["Amount"]
            if len(found) >= page["total"] or not page["records"]:
                return found
