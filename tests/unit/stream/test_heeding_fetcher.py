"""What a broker says of a partition instead of records is heeded, where aiokafka asks on for ever."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher, FetchError
from aiokafka.errors import (
    BrokerResponseError,
    CorruptRecordException,
    KafkaStorageError,
    NoError,
    NotLeaderForPartitionError,
    UnknownError,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

from stream.kafka.any_records import UnreadableError
from stream.kafka.heeding_fetcher import HeedingFetcher, Steps, _Answers

TP = TopicPartition("magento.orders", 3)
POSITION = 12


class Client:
    """A broker that answers each fetch with one code."""

    def __init__(self) -> None:
        self.code = NoError.errno
        self.looks_for_leaders = 0

    async def send(self, _node_id, _request):
        return SimpleNamespace(topics=[(TP.topic, [(TP.partition, self.code, 0, b"")])])

    def force_metadata_update(self):
        self.looks_for_leaders += 1


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def fetcher(client, monkeypatch):
    async def passes_over(self, _assignment, node_id, request):
        await self._client.send(node_id, request)
        return False

    monkeypatch.setattr(Fetcher, "_proc_fetch_request", passes_over)
    fetcher = object.__new__(HeedingFetcher)
    fetcher._client = fetcher._answers = _Answers(client)
    fetcher._steps = {}
    fetcher._records, fetcher._retry_backoff, fetcher._prefetch_backoff = {}, 0, 0
    return fetcher


def assignment(**state):
    held = SimpleNamespace(**{"has_valid_position": True, "position": POSITION} | state)
    return SimpleNamespace(active=True, state_value=lambda _pair: held)


def fetch(fetcher, **state):
    asked = [(TP.topic, [(TP.partition, POSITION, 1_000)])]
    return fetcher._proc_fetch_request(assignment(**state), 1, FetchRequest(0, 1, 1, 0, asked))


async def test_a_batch_that_the_broker_cannot_pass_is_an_error_of_its_reader(fetcher, client):
    client.code = CorruptRecordException.errno
    assert await fetch(fetcher)
    with pytest.raises(UnreadableError, match=r"magento\.orders/3 at offset 12.*from 13 on"):
        fetcher._records[TP].check_raise()
    assert not client.looks_for_leaders


@pytest.mark.parametrize(
    "state", [{"has_valid_position": False}, {"position": POSITION + 1}, {"records": True}]
)
async def test_who_reads_elsewhere_by_now_or_has_something_yet_is_not_told(fetcher, client, state):
    client.code = CorruptRecordException.errno
    there = FetchError(error=UnknownError(), backoff=0)
    if state.pop("records", False):
        fetcher._records[TP] = there
    assert not await fetch(fetcher, **state)
    assert fetcher._records.get(TP) in (None, there)


@pytest.mark.parametrize(
    ("error", "looks"),
    [(KafkaStorageError, 1), (UnknownError, 1), (NotLeaderForPartitionError, 0), (NoError, 0)],
)
async def test_where_a_leaders_disk_failed_the_next_one_is_looked_for(
    fetcher, client, error: type[BrokerResponseError], looks
):
    client.code = error.errno
    assert not await fetch(fetcher)
    assert (client.looks_for_leaders, fetcher._records) == (looks, {})
    assert not fetcher._answers._by_request


async def test_who_closes_in_the_rest_behind_a_failure_closes_in_full(fetcher, client):
    """aiokafka's `close` awaits what it cancels: an error there leaves its connections open."""
    client.code, fetcher._retry_backoff = KafkaStorageError.errno, 3600
    asking = asyncio.ensure_future(fetch(fetcher))
    while not client.looks_for_leaders:
        await asyncio.sleep(0)
    asking.cancel()
    assert await asking is False


async def test_answers_to_other_questions_are_not_kept(fetcher):
    for _ in range(3):
        await fetcher._client.send(1, OffsetRequest(-1, 0, []))
    assert not fetcher._answers._by_request


APART = 0.01


def test_what_comes_after_a_quiet_moment_is_fetched_at_once_and_so_is_the_next():
    steps = Steps()
    assert steps.rest_seconds(0.0, APART) <= 0
    for now in (0.0, 0.5, 1.0):
        steps.note(now, APART, 9)
        assert steps.rest_seconds(now, APART) <= 0


@pytest.mark.parametrize(("partitions", "length"), [(1, 1), (3, 1), (4, 2), (12, 2)])
def test_a_stream_is_fetched_in_steps_until_it_ends(partitions, length):
    steps, now, step = Steps(), 1.0, length * APART
    steps.note(now - APART, APART, partitions)
    steps.note(now, APART, partitions)
    for _ in range(6):
        now += 1.2 * step  # an answer takes a moment itself: the steps are a little longer
        steps.note(now, APART, partitions)
        assert steps.rest_seconds(now + 0.004, APART) == pytest.approx(step - 0.004)
        assert steps.rest_seconds(now + 2 * step, APART) <= 0
    now += 3 * step
    steps.note(now, APART, partitions)
    assert steps.rest_seconds(now, APART) <= 0


def test_nobody_rests_who_was_not_told_to():
    steps = Steps()
    for now in (1.0, 1.0, 1.001):
        steps.note(now, 0.0, 9)
        assert steps.rest_seconds(now, 0.0) <= 0


async def test_who_is_closed_between_two_steps_of_a_stream_asks_no_more(fetcher, client):
    fetcher.seconds_apart, fetcher._steps[1] = 3600.0, (steps := Steps())
    for _ in range(2):
        steps.note(time.monotonic(), fetcher.seconds_apart, 1)
    client.code = KafkaStorageError.errno
    asking = asyncio.ensure_future(fetch(fetcher))
    await asyncio.sleep(0)
    asking.cancel()
    assert await asking is False
    assert not client.looks_for_leaders
