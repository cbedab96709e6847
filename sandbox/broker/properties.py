"""Kafka's server.properties as pure functions: small KRaft nodes on loopback.

The small values follow the ones Kafka's own tests use; everything can be overridden, so that a
test can ask for TLS listeners or for a cleaner that runs every second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.ports import HOST

SMALL = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    # CLIENT becomes `CLIENT:SASL_SSL` for whoever wants to test that.
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENT:PLAINTEXT",
    "inter.broker.listener.name": "CLIENT",
    # A misspelled topic must fail, and a topic with a wrong partition count must not appear.
    "auto.create.topics.enable": "false",
    "num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # After kill -9 the controller refuses the new broker until the old one's session ends (9 s).
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    # The default, 128 MB, does not fit into a heap of 256 MB.
    "log.cleaner.dedupe.buffer.size": "2097152",
    # Tests create and delete many topics: give their files back soon.
    "log.segment.delete.delay.ms": "1000",
}

# What a cluster of three is for: a broker may go, and acks=all still means two copies.
LEAST_IN_SYNC = 2

CLUSTER_PROTOCOLS = "CONTROLLER:PLAINTEXT,CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT"


@dataclass(frozen=True, slots=True)
class Listeners:
    """A broker's ports in a cluster. `advertised`: where other brokers are told to find it."""

    client: int
    internal: int
    advertised: int


def server_properties(
    *,
    port: int,
    controller_port: int,
    data_directory: Path,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the properties of a broker on 127.0.0.1; `extra` wins over every one of them."""
    return {
        **SMALL,
        "listeners": f"CLIENT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"CLIENT://{HOST}:{port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "log.dirs": str(data_directory),
        **(extra or {}),
    }


def controller_properties(
    node_id: int, *, port: int, data_directory: Path, extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the properties of a cluster's only controller."""
    return {
        **SMALL,
        "process.roles": "controller",
        "node.id": str(node_id),
        "listeners": f"CONTROLLER://{HOST}:{port}",
        "listener.security.protocol.map": CLUSTER_PROTOCOLS,
        "inter.broker.listener.name": "INTERNAL",
        "controller.quorum.voters": f"{node_id}@{HOST}:{port}",
        "log.dirs": str(data_directory),
        **extra,
    }


def broker_properties(
    node_id: int,
    listeners: Listeners,
    *,
    controller: tuple[int, int],
    data_directory: Path,
    replicas: int,
    extra: Mapping[str, str],
) -> dict[str, str]:
    """Return the properties of one broker of a cluster; `controller`: (node id, port)."""
    here, internal = f"CLIENT://{HOST}:{listeners.client}", f"INTERNAL://{HOST}"
    in_sync = str(min(LEAST_IN_SYNC, replicas))
    return {
        **SMALL,
        "process.roles": "broker",
        "node.id": str(node_id),
        "listeners": f"{here},{internal}:{listeners.internal}",
        "advertised.listeners": f"{here},{internal}:{listeners.advertised}",
        "listener.security.protocol.map": CLUSTER_PROTOCOLS,
        "inter.broker.listener.name": "INTERNAL",
        "controller.quorum.voters": f"{controller[0]}@{HOST}:{controller[1]}",
        "log.dirs": str(data_directory),
        "default.replication.factor": str(replicas),
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": str(replicas),
        "offsets.topic.num.partitions": str(replicas),
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": in_sync,
        # A follower that is gone leaves the in-sync replicas soon, for whoever wants to see it.
        "replica.lag.time.max.ms": "5000",
        **extra,
    }


def render(properties: Mapping[str, str]) -> str:
    """Return the text of a Java properties file (backslashes escaped, one property a line)."""
    lines = (f"{name}={_escape(value)}" for name, value in sorted(properties.items()))
    return "\n".join(lines) + "\n"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
