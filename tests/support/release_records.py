"""Every record of an installation as a file, and back: what a release wrote, for those after it.

A line is a record, in the order of its log; the first is how far each group had read. Names of
topics stand in headers and values, too: the prefix of the installation is one word everywhere.
"""

from __future__ import annotations

import json
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stream.config import Settings
from stream.kafka.log.range_reader import RangeReader

PREFIX = "<prefix>"


async def dump(settings: Settings, path: Path) -> None:
    """Write all records and commits."""
    lines = []
    topics = [spec.name for spec in settings.topics.specs()]
    async with RangeReader(settings) as reader:
        async for batch in reader.read(await reader.spans(topics)):
            for record in batch:
                place = (record.topic, record.partition, record.offset)
                key, value = (raw and raw.decode() for raw in (record.key, record.value))
                headers = [(name, raw.decode()) for name, raw in record.headers]
                lines.append((place, (*place[:2], key, value, headers)))
        groups = {
            group: [
                (*where, offset)
                for where, offset in sorted((await reader.committed(group)).items())
                if where[0] in topics
            ]
            for group in (settings.worker_group, settings.relay_group)
        }
    written = [groups, *(line for _, line in sorted(lines))]
    text = "".join(json.dumps(line) + "\n" for line in written)
    path.write_text(text.replace(settings.kafka_topic_prefix, PREFIX))


async def load(settings: Settings, path: Path) -> None:
    """Publish the records of a file into empty topics: each gets the offset it had."""
    text = path.read_text().replace(PREFIX, settings.kafka_topic_prefix)
    groups, *records = map(json.loads, text.splitlines())
    servers = settings.kafka_bootstrap_servers
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for topic, partition, key, value, headers in records:
            await producer.send(
                topic,
                value=None if value is None else value.encode(),
                key=None if key is None else key.encode(),
                partition=partition,
                headers=[(name, text.encode()) for name, text in headers],
            )
    for group, commits in groups.items():
        read = {TopicPartition(topic, partition): offset for topic, partition, offset in commits}
        async with AIOKafkaConsumer(
            bootstrap_servers=servers, group_id=group, enable_auto_commit=False
        ) as consumer:
            consumer.assign(list(read))
            await consumer.commit(read)
