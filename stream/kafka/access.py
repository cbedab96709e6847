"""Who may do what in Kafka: one user per process, and no more rights than it uses.

The table is data; `orderstream topics acls` prints it for kafka-acls.sh and for Strimzi.

Where workers write to the topics of accepted events: an event that belongs to another key goes on
as a new one (`agents.handling.outcome.moved`). Write implies Describe, and since Kafka 3.0 the
idempotent producer needs no right of its own.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from stream.settings.kafka import KafkaSettings
from stream.topics import Topics

R, W, RW, D = "Read", "Write", "Read Write", "Describe"
ADMIN = "Create Alter Describe DescribeConfigs AlterConfigs"
LOOK = "Read DescribeConfigs"
LOOK_AND_WRITE = f"{W} {LOOK}"


class Process(StrEnum):
    """A process that has a Kafka user of its own."""

    INGRESS = "ingress"
    WORKER = "worker"
    RELAY = "relay"
    LAG = "lag"
    DASHBOARD = "dashboard"
    OPERATOR = "operator"  # whoever runs commands, and the gap detector
    TOPICS = "topics"  # `orderstream topics apply` and `copy-state`


ROLES = (
    "orders",
    "customers",
    "due",
    "retry",
    "settle",
    "dead_letters",
    "results",
    "state",
    "operator_audit",
)
# What commands and pages do: look everywhere, and put events, letters and actions on record.
BY_PEOPLE = tuple(
    LOOK_AND_WRITE if may_write else LOOK for may_write in (1, 1, 1, 0, 0, 1, 0, 0, 1)
)
# In the order of ROLES; '' = nothing.
ACCESS: dict[Process, tuple[str, ...]] = {
    Process.INGRESS: (W, W, "", "", "", "", "", "", ""),
    Process.WORKER: (RW, RW, R, W, W, W, W, RW, R),
    Process.RELAY: ("", "", W, R, R, "", "", "", ""),
    Process.LAG: (LOOK,) * 6 + (D,) * 3,
    Process.DASHBOARD: BY_PEOPLE,
    Process.OPERATOR: BY_PEOPLE,
    Process.TOPICS: (ADMIN,) * 7 + (f"{ADMIN} {RW}", ADMIN),
}
WORKERS, RELAYS = "worker_group", "relay_group"
GROUPS: dict[Process, dict[str, str]] = {
    Process.INGRESS: {},
    Process.WORKER: {WORKERS: R},
    Process.RELAY: {RELAYS: R},
    Process.LAG: {WORKERS: D, RELAYS: D},
    Process.DASHBOARD: {WORKERS: D, RELAYS: D},
    Process.OPERATOR: {WORKERS: D, RELAYS: D},
    Process.TOPICS: {WORKERS: D},  # copy-state asks whether workers have begun
}
# `orderstream doctor` and the page of its checks ask for the brokers and their settings.
CLUSTER: dict[Process, str] = dict.fromkeys(
    (Process.DASHBOARD, Process.OPERATOR), "Describe DescribeConfigs"
)


@dataclass(frozen=True, slots=True)
class Grant:
    """Operations that one process may carry out on one resource; a cluster has no name."""

    process: Process
    resource: str
    name: str
    operations: tuple[str, ...]


def grants(
    settings: KafkaSettings, process: Process, *, copy_from: str | None = None
) -> list[Grant]:
    """Return what a process is granted, topics first. `copy_from`: the prefix of `copy-state`."""
    topics = settings.topics
    found = [
        Grant(process, "topic", name, _operations(allowed))
        for role, allowed in zip(ROLES, ACCESS[process], strict=True)
        for name in _names(topics, role)
        if allowed
    ]
    if process is Process.TOPICS and copy_from is not None:
        found.append(Grant(process, "topic", Topics(prefix=copy_from).state, (R,)))
    found += [
        Grant(process, "group", getattr(settings, group), _operations(allowed))
        for group, allowed in GROUPS[process].items()
    ]
    if allowed := CLUSTER.get(process):
        found.append(Grant(process, "cluster", "", _operations(allowed)))
    return found


def user_of(process: Process, settings: KafkaSettings) -> str:
    """Return the user's name: the topics' prefix keeps installations apart here, too."""
    return f"{settings.kafka_topic_prefix}orderstream-{process.value}"


def kafka_acls(grants_of: list[Grant], user: str) -> Iterator[str]:
    """Yield commands of kafka-acls.sh: one for all resources with the same operations."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for grant in grants_of:
        alike.setdefault((grant.resource, grant.operations), []).append(grant.name)
    for (resource, operations), names in alike.items():
        option = f"--{resource}"
        yield " ".join(
            (
                'kafka-acls.sh --bootstrap-server "$KAFKA" --command-config admin.properties --add',
                f"--allow-principal {shlex.quote(f'User:{user}')}",
                *(f"--operation {name}" for name in operations),
                *(f"{option} {shlex.quote(name)}" if name else option for name in names),
            )
        )


def strimzi_user(
    grants_of: list[Grant], user: str, *, cluster: str, authentication: str
) -> Iterator[str]:
    """Yield the lines of a Strimzi KafkaUser."""
    yield from (
        "apiVersion: kafka.strimzi.io/v1beta2",
        "kind: KafkaUser",
        "metadata:",
        f"  name: {user}",
        f"  labels: {{strimzi.io/cluster: {cluster}}}",
        "spec:",
        f"  authentication: {{type: {authentication}}}",
        "  authorization:",
        "    type: simple",
        "    acls:",
    )
    for grant in grants_of:
        named = f", name: {grant.name}, patternType: literal" if grant.name else ""
        yield f"      - resource: {{type: {grant.resource}{named}}}"
        yield f"        operations: [{', '.join(grant.operations)}]"


def markdown() -> str:
    """Return the table for docs/topics.md."""
    head = ["| topic |" + "".join(f" {process.value} |" for process in Process)]
    head.append("|---|" + "---|" * len(Process))
    short = {R: "R", W: "W", RW: "RW", D: "D", LOOK: "R", LOOK_AND_WRITE: "RW"}
    rows = [
        f"| {_label(role)} |"
        + "".join(
            f" {short.get(ACCESS[process][column], 'admin' if ACCESS[process][column] else '')} |"
            for process in Process
        )
        for column, role in enumerate(ROLES)
    ]
    return "\n".join([*head, *rows])


def _label(role: str) -> str:
    return "`salesforce.retry.*`" if role == "retry" else f"`{getattr(Topics(), role)}`"


def _names(topics: Topics, role: str) -> tuple[str, ...]:
    return topics.retry_tiers if role == "retry" else (getattr(topics, role),)


def _operations(allowed: str) -> tuple[str, ...]:
    return tuple(allowed.split())
