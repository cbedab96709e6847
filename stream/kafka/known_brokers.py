"""Brokers are looked for again where none that is known answers (as KIP-899 asks of clients).

aiokafka asks for metadata at the brokers of its last metadata only. An outage in which those were
few (a controller under load counts as gone who is late) and then moved or stayed away left a client
that asked one dead address for ever, with the cluster well: a worker stood still until somebody
started it again. Here the configured addresses are asked again, and their names resolved anew.

Addresses at which brokers were seen before are not asked: they may be another cluster's by now.
"""

from __future__ import annotations

import time
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

LEAST_SECONDS_APART = 1.0  # aiokafka asks ten times a second

_ask_known: Any = AIOKafkaClient._metadata_update  # noqa: SLF001 - test_private_names.py holds the name


def find_brokers_again() -> None:
    """Have all Kafka clients of this process look so. May be called again."""
    client: Any = AIOKafkaClient
    client._metadata_update = _ask_known_or_configured  # noqa: SLF001 - it, too


async def _ask_known_or_configured(client: Any, cluster: Any, topics: Any) -> bool:
    if await _ask_known(client, cluster, topics):
        return True
    now = time.monotonic()
    if now < getattr(client, "looks_again_at", now):
        return False
    client.looks_again_at = now + LEAST_SECONDS_APART
    try:
        await client.bootstrap()
    except KafkaError:
        return False
    return bool(await _ask_known(client, cluster, topics))
