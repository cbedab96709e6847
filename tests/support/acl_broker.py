"""A broker that grants every user what `stream.kafka.access` says, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from sandbox.broker import Broker, BrokerError
from stream.config import Settings
from stream.kafka.access import Process, grants, user_of
from stream.kafka.connection import kafka_connection

LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
ROOT, PASSWORD = "root", "a-password-of-these-tests"
# As Kafka numbers them (org.apache.kafka.common.acl, .resource).
RESOURCES = {"topic": 2, "group": 3, "cluster": 4}
OPERATIONS = {
    "Read": 3,
    "Write": 4,
    "Create": 5,
    "Alter": 7,
    "Describe": 8,
    "DescribeConfigs": 10,
    "AlterConfigs": 11,
}
LITERAL, ALLOW = 3, 3


@contextmanager
def acl_broker() -> Iterator[dict[str, Any]]:
    """Yield the connection settings of the superuser; skips where no broker can be started."""
    users = [ROOT, *(f"orderstream-{process.value}" for process in Process)]
    passwords = " ".join(f'user_{name}="{PASSWORD}"' for name in users)
    properties = {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENT:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": (
            f'{LOGIN} required username="{ROOT}" password="{PASSWORD}" {passwords};'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ROOT};User:ANONYMOUS",  # the controller's listener has no login
    }
    try:
        broker = Broker.start(extra_properties=properties)
    except BrokerError as error:
        pytest.skip(f"needs a broker of its own: {error}")
    with broker:
        yield {
            "kafka_bootstrap_servers": broker.bootstrap_servers,
            "kafka_security_protocol": "SASL_PLAINTEXT",
            "kafka_sasl_username": ROOT,
            "kafka_sasl_password": PASSWORD,
        }


async def grant_all(settings: Settings, *, copy_from: str | None = None) -> None:
    """Grant every process what its row of the table says; `copy_from`: to copy an old state."""
    admin = AIOKafkaAdminClient(**kafka_connection(settings))
    await admin.start()
    try:
        for process in Process:
            principal = f"User:{user_of(process, settings)}"
            for grant in grants(settings, process, copy_from=copy_from):
                for operation in grant.operations:
                    request = CreateAclsRequest(
                        RESOURCES[grant.resource],
                        grant.name or "kafka-cluster",
                        LITERAL,
                        principal,
                        "*",
                        OPERATIONS[operation],
                        ALLOW,
                    )
                    answer = await admin._send_request(request)
                    assert [code for code, *_ in answer.creation_responses] == [0], answer
    finally:
        await admin.close()


def env_of(process: Process) -> dict[str, str]:
    """Return the environment that makes a process its own user."""
    return {
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_USERNAME": f"orderstream-{process.value}",
        "KAFKA_SASL_PASSWORD": PASSWORD,
    }
