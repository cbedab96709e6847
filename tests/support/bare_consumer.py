"""The worker's consumer without Kafka: its own rules about what is read, and what it asks of others."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from aiokafka import TopicPartition
from mode import Service

from agents.worker.consumer_thread import NO_GENERATION
from agents.worker.faust_consumer import PromptConsumer
from stream.errors import BrokerError


class Log:
    """What the consumer asks of the log: `first` record at or after an offset, who went back."""

    def __init__(self):
        self.first, self.gone, self.noted, self.suspected = {}, {}, [], []

    async def has_records(self, tp, start, end):
        if self.first.get(tp) == "away":
            raise BrokerError("Kafka is away")
        return self.first.get(tp, start) < end

    async def healed(self, _committed, _metadata):
        return self.gone

    def note(self, _tp, message):
        self.noted.append(message.offset)

    def suspect(self, tp):
        self.suspected.append(tp)


class Bare(PromptConsumer):
    """The consumer as a service, without Kafka."""

    def __init__(self):
        Service.__init__(self)
        self.queued = 0
        self.app = SimpleNamespace(
            consumer_generation_id=1, queued=lambda: self.queued, most_queued_bytes=1_000_000
        )
        self._mean_bytes = 0.0
        self.expected, self._read_offset = {}, {}
        self._seeking = asyncio.Lock()
        self._entered, self._entered_generation, self._returning = {}, NO_GENERATION, set()
        self._is_cleared = False
        self.can_resume_flow, self.suspend_flow = asyncio.Event(), asyncio.Event()
        self.read_log, self.sought = Log(), []
        self._thread = Thread({})

    async def seek_wait(self, partitions):
        self.sought.append(dict(partitions))
        self._read_offset.update(partitions)


class Thread:
    """What the consumer asks of its thread; `error` is what a seek ends with."""

    def __init__(self, committed, error=None):
        self._committed, self._error = committed, error
        self.rewound, self.committed = set(), {}

    async def seek_to_committed(self):
        return self._committed

    async def commit_metadata(self):
        return {}

    async def commit(self, offsets):
        self.committed = dict(offsets)

    async def seek_to_beginning(self, *partitions):
        assert partitions, "no partitions would mean all of them"
        assert all(isinstance(partition, TopicPartition) for partition in partitions)
        self.rewound = set(partitions)
        if self._error:
            raise self._error
