"""What time the cluster has. Kafka has no question for that, but one whose answer tells it.

DescribeQuorum (KIP-836, Kafka 3.3) lists when each replica of the metadata log fetched last, by the
active controller's clock; of the controller itself that is now. It reads nothing but that and
needs Describe on the cluster. aiokafka does not know the request: this is it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

TAGS = ("tags", TaggedFields)
METADATA_LOG = "__cluster_metadata"
REPLICA = CompactArray(
    ("replica_id", Int32),
    ("log_end_offset", Int64),
    ("last_fetch_timestamp", Int64),
    ("last_caught_up_timestamp", Int64),
    TAGS,
)


class DescribeQuorumResponse_v1(Response):  # noqa: N801 - as aiokafka names its structs
    """Topics with their partitions, and of each partition who fetched when."""

    API_KEY = 55
    API_VERSION = 1
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("current_voters", REPLICA),
                        ("observers", REPLICA),
                        TAGS,
                    ),
                ),
                TAGS,
            ),
        ),
        TAGS,
    )


class DescribeQuorumRequest_v1(RequestStruct):  # noqa: N801 - as aiokafka names its structs
    """Topics with the numbers of their partitions."""

    FLEXIBLE_VERSION = True
    API_KEY = 55
    API_VERSION = 1
    RESPONSE_TYPE = DescribeQuorumResponse_v1
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("partitions", CompactArray(("partition", Int32), TAGS)),
                TAGS,
            ),
        ),
        TAGS,
    )


class DescribeQuorum(Request[DescribeQuorumRequest_v1]):
    """The question about the metadata log."""

    API_KEY: ClassVar[int] = 55

    def build(self, request_struct_class: type[DescribeQuorumRequest_v1]) -> Any:
        """Return the struct that goes over the wire."""
        return request_struct_class([(METADATA_LOG, [(0, {})], {})], {})


async def controller_time_ms(connection: Any) -> int | None:
    """Return the controller's time; None where it is not told (no KRaft, no right, too old)."""
    try:
        answer: Any = await connection.send(DescribeQuorum())
    except (KafkaError, NotImplementedError):
        return None
    times = [
        replica["last_fetch_timestamp"]
        for topic in answer.to_object()["topics"]
        for part in topic["partitions"]
        for replica in (*part["current_voters"], *part["observers"])
    ]
    return max((at for at in times if at > 0), default=None)
