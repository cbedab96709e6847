"""Every process as a Kafka user of its own, with the rights that `topics acls` prints and no more."""

from __future__ import annotations

import asyncio

import pytest
from support.acl_broker import acl_broker, env_of, grant_all

from cli.demo.outcomes import Outcomes
from sandbox.magento.sender import Sender
from sandbox.magento.store import Store
from sandbox.org_remote import OrgRemote
from sandbox.pipeline import Pipeline
from sandbox.processes import Processes, orderstream, surroundings
from schemas.event import Kind
from schemas.result import Outcome
from stream.config import load_settings
from stream.kafka.access import Process
from stream.kafka.topic_admin import TopicAdmin

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.timeout(300), pytest.mark.proof]

COMMAND_SECONDS = 60
OLD = "old."  # the prefix of topics that were left
REFUSED = "FIELD_CUSTOM_VALIDATION_EXCEPTION"


# Who may not, what, and what the sentence must name.
WRONG = (
    (Process.INGRESS, ("audit",), "salesforce.results"),
    (Process.RELAY, ("trace", "1"), "salesforce.state"),
    (Process.WORKER, ("audit",), "no Read on topic salesforce.results"),
    (
        Process.LAG,
        ("replay", "--from", "1h", "--run", "--why", "x"),
        "no Write on any topic",
    ),
    (
        Process.INGRESS,
        ("topics", "copy-state", "--from-prefix", OLD),
        "no Describe on group orderstream: `orderstream topics acls`",
    ),
    (Process.INGRESS, ("lag",), "no right to see it: salesforce.due, salesforce.settle"),
)


def placed(store):
    """Return the number of a new order, and the webhook of its last save."""
    number, hooks = store.place()
    return number, [hook for hook in hooks if hook.kind is Kind.ORDER][-1]


class Installation:
    """A pipe whose processes are users, and commands beside it."""

    def __init__(self, pipeline):
        self.pipeline = pipeline

    async def run(self, process, *arguments):
        """Run a command as the user of a process; return exit code and output."""
        env = surroundings() | self.pipeline.env | env_of(process)
        running = await asyncio.create_subprocess_exec(
            *orderstream(*arguments),
            env=env,
            cwd=self.pipeline.processes.directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                output, _ = await running.communicate()
        except TimeoutError:
            running.kill()
            output, _ = await running.communicate()
            raise AssertionError(f"{arguments} hung: {output.decode()}") from None
        return running.returncode, output.decode()

    async def operate(self, *arguments):
        """Run a command as the operator: it must do what it is for."""
        code, output = await self.run(Process.OPERATOR, *arguments)
        assert code == 0, f"{arguments}: {output}"
        return output


async def test_every_process_does_its_work_with_its_own_rights_and_no_others(tmp_path):
    with acl_broker() as root:
        settings = load_settings(env_file=None, retry_delays="1s,2s,4s", kafka_partitions=8, **root)
        old = settings.model_copy(update={"kafka_topic_prefix": OLD})
        async with TopicAdmin(old) as admin:
            await admin.create(old.topics.specs())
        await grant_all(settings, copy_from=OLD)
        store = Store(seed=5)
        (number, order), (wrong, wrong_order) = placed(store), placed(store)
        async with Processes(tmp_path / "run") as processes:
            pipeline = await Pipeline.start(
                processes,
                bootstrap_servers=settings.kafka_bootstrap_servers,
                env={"RETRY_DELAYS": "1s,2s,4s", "WORKER_STOP_DEADLINE_SECONDS": "8"},
                own_env={process.value: env_of(process) for process in Process},
            )
            site = Installation(pipeline)
            await pipeline.start_dashboard()
            copy = ("topics", "copy-state", "--from-prefix", OLD)
            code, said = await site.run(Process.TOPICS, *copy)
            assert code == 0, said
            async with (
                OrgRemote(pipeline.salesforce_url) as org,
                Outcomes(settings) as outcomes,
                Sender(pipeline.webhook_url, pipeline.secret) as sender,
                asyncio.timeout(60),
            ):
                # Through worker, retry tier, relay and worker again; then a dead letter.
                lock = {"kind": "row_error", "sobject": "Opportunity", "external_id": number}
                armed = await org.arm(lock | {"code": "UNABLE_TO_LOCK_ROW", "message": "locked"})
                receipt = await sender.send(order)
                await outcomes.until(lambda now: bool(now.retried))
                await org.disarm(armed)
                await outcomes.until_final([receipt.answer["event_id"]])
                assert outcomes.of(number)[-1].outcome is Outcome.SYNCED
                rule = {"kind": "row_error", "sobject": "Opportunity", "external_id": wrong}
                armed = await org.arm(rule | {"code": REFUSED, "message": "no"})
                receipt = await sender.send(wrong_order)
                await outcomes.until_final([receipt.answer["event_id"]])
                await org.disarm(armed)
                assert outcomes.of(wrong)[-1].outcome is Outcome.DEAD

            assert "synced" in await site.operate("trace", number)
            await site.operate("audit", "--grace", "1h")
            await site.operate("replay", "--order", number, "--force", "--run", "--why", "a test")
            await site.operate("jobs")
            await site.operate("dlq", "list")
            await site.operate("dlq", "requeue", "--all", "--yes", "--why", "a test")
            await site.operate("erase", "--email", "ann@example.com", "--dry-run", "--why", "test")
            code, said = await site.run(Process.OPERATOR, "doctor", "--live")
            assert "uthoriz" not in said, said
            code, said = await site.run(Process.LAG, "lag", "--json")
            assert code == 0, said

            for process, command, missing in WRONG:
                code, said = await site.run(process, *command)
                assert code == 2, (command, said)
                assert missing in said, (command, said)
