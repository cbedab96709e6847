"""What a scenario is: a name, a sentence, what it does to the pipe, and what must hold after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.load import Document
from sandbox.magento.numbered import numbered_webhook

if TYPE_CHECKING:
    from chaos.stage import Stage

BATCH_MAX_EVENTS = 100

# Short, so that recovery is quick to see; no promise depends on them.
QUICK_ENV = {
    "KAFKA_PARTITIONS": "4",
    "KAFKA_SESSION_TIMEOUT_SECONDS": "6",
    "RETRY_DELAYS": "1s,2s,4s,8s",
    "BREAKER_PROBE_SECONDS": "1",
    "SALESFORCE_AUTH_PROBE_SECONDS": "1",
    "SALESFORCE_CALLS_PER_SECOND": "100",
    "WORKER_BATCH_MAX_EVENTS": str(BATCH_MAX_EVENTS),
    "WORKER_STOP_DEADLINE_SECONDS": "10",
}


class NotHereError(Exception):
    """A scenario cannot be run on this machine; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to hurt the pipe.

    `act` does it, under a steady load of `rate_per_second` webhooks. `evidence`: what must have
    been seen, or the run proves nothing. `has_stale_rule`: the org's own validation rule refuses
    older versions; off, so that the product alone is judged, except where it takes the rule.
    `env_of` makes files in the run's directory and returns settings that name them; `broker_disk`
    gives the broker a disk of its own. `brokers`: three are a cluster, with topics of replication 3
    and min.insync 2; the disk is the first one's then. `has_links`: what they say to each other
    goes through proxies that a scenario can cut. `document` writes what the store sends.
    `is_alone`: what it leaves behind would be in the way of another one in the same pipe.
    """

    name: str
    story: str
    act: Callable[[Stage], Awaitable[None]]
    evidence: Mapping[str, int] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    broker_properties: Mapping[str, str] = field(default_factory=dict)
    needs_own_broker: bool = False
    brokers: int = 1
    has_links: bool = False
    env_of: Callable[[Path], Mapping[str, str]] | None = None
    broker_disk: Callable[[Path], AbstractContextManager[Path]] | None = None
    document: Document = numbered_webhook
    workers: int = 2
    rate_per_second: float = 30.0
    least_accepted: int = 200
    customers: int = 500
    latency_ms: int = 20
    has_stale_rule: bool = False
    may_delete_unread: bool = False
    recovers_within_seconds: float = 90.0
    ack_p99_seconds: float | None = None
    run_seconds: float = 600.0
    is_alone: bool = False
