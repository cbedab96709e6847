"""What the brokers know of a consumer group: its offsets, and who holds which partition."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.structs import OffsetAndMetadata

from stream.errors import BrokerError
from stream.kafka.closing import closed
from stream.kafka.connection import kafka_connection
from stream.kafka.error_text import error_text
from stream.kafka.group_answers import refuse
from stream.kafka.log_witness import Reading, Witness
from stream.settings.kafka import KafkaSettings

COORDINATOR_POLL_SECONDS = 0.1
REBALANCING = frozenset({"PreparingRebalance", "CompletingRebalance"})


async def committed_offsets(
    admin: AIOKafkaAdminClient, group: str, *, timeout_seconds: float
) -> dict[tuple[str, int], int]:
    """Return what a group has committed, by (topic, partition). Raises BrokerError.

    A cluster makes its offsets topic when the first group asks for a coordinator; that is waited
    for.
    """
    give_up_at = time.monotonic() + timeout_seconds
    while True:
        try:
            async with asyncio.timeout(max(0.0, give_up_at - time.monotonic())):
                offsets = await _offsets(admin, group)
            break
        except (TimeoutError, KafkaError) as error:
            is_over = not getattr(error, "retriable", True) or time.monotonic() >= give_up_at
            if is_over:
                said = error_text(error, operation="Describe")
                raise BrokerError(f"no offsets of group {group}: {said}") from None
            await asyncio.sleep(COORDINATOR_POLL_SECONDS)
    return {
        (pair.topic, pair.partition): found.offset
        for pair, found in offsets.items()
        if found.offset >= 0
    }


async def committed_readings(settings: KafkaSettings, group: str) -> dict[tuple[str, int], Reading]:
    """Return what a group has committed, with what it remembers of it. Raises KafkaError."""
    admin = AIOKafkaAdminClient(**kafka_connection(settings))
    try:
        await admin.start()
        found = await _offsets(admin, group)
    finally:
        await closed(admin.close())
    return {
        (pair.topic, pair.partition): Reading(said.offset, Witness.from_metadata(said.metadata))
        for pair, said in found.items()
        if said.offset > 0
    }


async def held_partitions(
    admin: AIOKafkaAdminClient, group: str
) -> frozenset[tuple[str, int]] | None:
    """Return the (topic, partition) pairs that members hold; None while the group rebalances.

    Raises KafkaError.
    """
    held: set[tuple[str, int]] = set()
    place = await _coordinator(admin, group)
    responses: list[Any] = await admin.describe_consumer_groups([group], group_coordinator_id=place)
    for response in responses:
        for error, _, state, _, _, members, *_ in response.groups:
            refuse(error, group)
            if state in REBALANCING:
                return None
            for member in (m for m in members if m[-1]):
                assignment = ConsumerProtocolMemberAssignment.decode(member[-1])
                held.update((pair.topic, pair.partition) for pair in assignment.partitions())
    return frozenset(held)


async def _coordinator(admin: AIOKafkaAdminClient, group: str) -> int:
    try:
        return int(await admin.find_coordinator(group))
    except GroupAuthorizationFailedError:
        raise GroupAuthorizationFailedError(group) from None  # aiokafka has a sentence there


async def _offsets(
    admin: AIOKafkaAdminClient, group: str
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return what a group has committed. Raises KafkaError, also for the whole answer.

    aiokafka's own question passes over that one: see `group_answers`.
    """
    coordinator = await _coordinator(admin, group)
    request = OffsetFetchRequest(group, None)
    answer: Any = await admin._send_request(request, coordinator)  # noqa: SLF001 - test_private_names.py holds the name
    refuse(getattr(answer, "error_code", 0), group)
    found = {}
    for topic, partitions in answer.topics:
        for partition, offset, metadata, error in partitions:
            refuse(error, group)
            found[TopicPartition(topic, partition)] = OffsetAndMetadata(offset, metadata)
    return found
