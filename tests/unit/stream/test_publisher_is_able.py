"""Whether an ingress is worth sending to: one partition that is offline is no outage of all."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from stream.config import load_settings
from stream.kafka.publisher import KafkaPublisher

TOPIC = "magento.orders"


@pytest.mark.parametrize(
    ("partitions", "with_leader", "is_able"),
    [
        ({0, 1, 2}, {0, 1, 2}, True),
        ({0, 1, 2}, {0, 2}, True),  # every ingress left its load balancer, and all orders waited
        ({0, 1, 2}, set(), False),
        (None, None, False),  # no such topic
        (None, set(), False),
    ],
)
async def test_a_topic_can_be_written_while_any_partition_can(
    monkeypatch: pytest.MonkeyPatch,
    partitions: set[int] | None,
    with_leader: set[int] | None,
    is_able: bool,
) -> None:
    async def updated() -> bool:
        return True

    async def partitions_for(_topic: str) -> set[int] | None:
        return partitions

    cluster = SimpleNamespace(available_partitions_for_topic=lambda _topic: with_leader)
    client = SimpleNamespace(force_metadata_update=updated, cluster=cluster)

    async def connected(_publisher: KafkaPublisher) -> SimpleNamespace:
        return SimpleNamespace(client=client, partitions_for=partitions_for)

    monkeypatch.setattr(KafkaPublisher, "connected", connected)
    publisher = KafkaPublisher(load_settings(env_file=None, kafka_bootstrap_servers="x:1"))
    assert await publisher.is_able(TOPIC, timeout_seconds=1) is is_able
