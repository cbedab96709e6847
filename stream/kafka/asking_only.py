"""Topics are made by `orderstream topics apply`, and by nobody who only asks for one.

A broker makes a topic for whoever asks for its metadata, unless the question says not to or the
cluster does not (`auto.create.topics.enable`, which Kafka has switched on). aiokafka's questions
never say so (Java's clients can: KIP-361, KIP-487). Such a topic has the cluster's partitions,
replicas and retention: behind a mistyped KAFKA_TOPIC_PREFIX events were acknowledged that nobody
reads, and a state that was deleted came back uncompacted.
"""

from __future__ import annotations

from typing import Any

from aiokafka.protocol.metadata import MetadataRequest

_made: Any = MetadataRequest.__init__


def make_no_topics() -> None:
    """Have all Kafka clients of this process ask so. May be called again."""
    request: Any = MetadataRequest
    request.__init__ = _asking_only


def _asking_only(self: Any, topics: Any = None, allow_auto_topic_creation: bool = False) -> None:
    _made(self, topics, allow_auto_topic_creation)
