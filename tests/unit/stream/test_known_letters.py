"""Dead letters: what is known is told, and nothing of what is not read is said or skipped."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest
from support.silent_cluster import DEAD, SETTINGS, Reader

from schemas.operator import mark_of
from schemas.operator_signature import UNTRUSTED
from stream.dlq.index import DeadLetterIndex, LetterFilter, find_letter, read_letter
from stream.dlq.requeue import new_requeue, plan_requeue, run_requeue
from stream.errors import BrokerError, JobError, NotKnownError
from stream.jobs.run import JobReport
from stream.lag.sampler import LagSampler


@pytest.fixture
def reader() -> Reader:
    return Reader()


def names(index: DeadLetterIndex) -> list[str]:
    return [letter.key for letter in index.letters()]


@pytest.fixture
async def index(reader) -> DeadLetterIndex:
    """An index of one letter in each of two partitions."""
    index = DeadLetterIndex(SETTINGS, reader)
    for number in (0, 1):
        reader.bury(number, f"event {number}")
    await index.refresh()
    return index


async def test_a_silent_partition_hides_no_letter_of_another(reader, index) -> None:
    reader.silent = {(DEAD, 1)}
    reader.resolve(0, 0)
    reader.resolve(1, 0)
    reader.bury(0, "event 2")
    reader.bury(1, "event 3")
    await index.refresh()
    assert names(index) == ["event 2", "event 1"]  # as it was last read
    assert index.unread == {(DEAD, 1): "no leader"}
    reader.silent = set()
    await index.refresh()
    assert (names(index), index.unread) == (["event 2", "event 3"], {})


async def test_a_log_that_went_back_is_read_anew_beside_a_silent_one(reader, index) -> None:
    reader.silent = {(DEAD, 1)}
    reader.logs[DEAD, 0].clear()
    reader.bury(0, "another event")
    await index.refresh()
    assert (names(index), index.unread) == (["another event"], {(DEAD, 1): "no leader"})
    reader.silent = set()
    await index.refresh()
    assert (names(index), index.unread) == (["another event", "event 1"], {})


async def test_what_could_not_be_compared_is_not_read_on(reader, index, monkeypatch) -> None:
    """It may be another log, in which the offsets that were read are those of other letters."""
    reader.bury(1, "event 2")
    with monkeypatch.context() as patched:
        patched.setattr(reader, "first_records", AsyncMock(return_value={}))
        await index.refresh()
    assert names(index) == ["event 0", "event 1"]
    assert index.unread == dict.fromkeys([(DEAD, 0), (DEAD, 1)], "no record came")
    await index.refresh()
    assert (names(index), index.unread) == (["event 0", "event 1", "event 2"], {})


async def test_a_letter_that_is_not_found_may_be_where_nobody_answers(reader) -> None:
    reader.bury(0, "event 0")
    reader.bury(1, "event 1")
    reader.silent = {(DEAD, 1)}
    index = DeadLetterIndex(SETTINGS, reader)
    await index.refresh()
    assert find_letter(index, "event 0").id == "0-0"
    with pytest.raises(NotKnownError, match=r"not known whether.*no leader: salesforce\.dlq-1"):
        find_letter(index, "event 1")
    reader.silent = set()
    await index.refresh()
    assert find_letter(index, "event 1").id == "1-0"
    with pytest.raises(JobError, match="no open dead letter event 9"):
        find_letter(index, "event 9")


async def test_a_letter_of_which_nothing_comes_is_not_gone(reader, index) -> None:
    letter = find_letter(index, "event 1")
    reader.silent = {(DEAD, 0), (DEAD, 1)}
    with pytest.raises(NotKnownError, match=r"1-0 cannot be read now: no leader: [\w.]+-1$"):
        await read_letter(SETTINGS, reader, letter)
    reader.silent = set()
    assert (await read_letter(SETTINGS, reader, letter)).key == "event 1"
    reader.begins[DEAD, 1] = 1
    with pytest.raises(JobError, match="retention has deleted it"):
        await read_letter(SETTINGS, reader, letter)


async def test_open_letters_have_no_sum_while_not_all_are_read(reader, index) -> None:
    sampler = SimpleNamespace(_letters=index)
    assert (await LagSampler._letters_depth(sampler)).count == 2
    reader.silent = {(DEAD, 1)}
    assert await LagSampler._letters_depth(sampler) == "no leader: salesforce.dlq-1"


OURS = (("kind", b"order"), ("received-at-ms", b"1"))


class Operator:
    """An operator log of which the marks matter."""

    def __init__(self) -> None:
        self.who, self.publisher = "me", self
        self.marked: list[tuple[int, tuple[int, ...]]] = []

    async def publish(self, record, **_options):
        mark = mark_of(record.headers, record.value)
        self.marked.append((record.partition, mark.offsets))


class Run:
    """A job's run that publishes nothing."""

    def __init__(self, spec) -> None:
        self.spec, self.report = spec, JobReport(spec.job_id, spec.total)
        self.stop, self.operator, self.chunk_size, self.copies = asyncio.Event(), None, 10, 0
        self.copied: list[str] = []
        self.after_copy = lambda: None
        self.takes = False

    async def begin(self):
        pass

    async def copy(self, copies):
        self.copied += [copy.record.key.decode() for copy in copies]
        self.after_copy()
        return [copy.source for copy in copies if self.takes]

    async def end(self):
        return self.report

    def is_copied(self, _source):
        return False


async def test_a_requeue_takes_what_was_read_and_names_the_rest(reader, index) -> None:
    def plan(**wanted):
        return plan_requeue(index, DEAD, LetterFilter(**wanted))

    assert plan().unread == ""
    reader.silent = {(DEAD, 1)}
    index = DeadLetterIndex(SETTINGS, reader)
    await index.refresh()
    assert (plan().events, plan().unread) == (1, "no leader: salesforce.dlq-1")
    names_itself = next(index.letters()).event_id
    assert plan(ids=("0-0",)).unread == plan(ids=(names_itself,)).unread == ""
    assert plan(ids=("0-0", "1-0")).unread
    run = Run(await new_requeue(SETTINGS, reader, plan(), rate=1, why=""))
    await run_requeue(SETTINGS, run, reader, index)
    assert (run.copied, run.report.skipped) == (["event 0"], 0)


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_run_takes_no_letter_for_resolved_that_it_cannot_see(
    reader, index, monkeypatch, *, is_late: bool
) -> None:
    plan = plan_requeue(index, DEAD, LetterFilter())
    run = Run(await new_requeue(SETTINGS, reader, plan, rate=1, why=""))
    sources = Reader()  # it may have read ahead of the silence
    sources.logs = reader.logs
    monkeypatch.setattr("stream.dlq.requeue.REFRESH_SECONDS", -1.0)

    def fall_silent():
        reader.silent = {(DEAD, 1)}

    if is_late:
        run.after_copy = fall_silent
    else:
        fall_silent()
    with pytest.raises(BrokerError, match=r"no leader: salesforce\.dlq-1"):
        await run_requeue(SETTINGS, run, sources, DeadLetterIndex(SETTINGS, reader))
    assert (run.copied, run.report.skipped) == (["event 0"] if is_late else [], 0)


async def test_letters_of_one_event_id_in_two_partitions_are_marked_each_in_its_own(reader) -> None:
    """Only somebody who copies an id can make such two: a mark there would hit another letter."""
    for number, key in ((0, "another"), (0, "first"), (1, "second")):
        headers = [("event-id", key.replace("second", "first").encode()), *OURS]
        reader.put(DEAD, number, b"{}", key=key.encode(), headers=headers)
    index = DeadLetterIndex(SETTINGS, reader)
    await index.refresh()
    plan = plan_requeue(index, DEAD, LetterFilter(ids=("first",)))
    run = Run(await new_requeue(SETTINGS, reader, plan, rate=1, why=""))
    run.takes, run.operator = True, Operator()
    await run_requeue(SETTINGS, run, reader, index)
    assert sorted(run.copied) == ["first", "second"]
    assert sorted(run.operator.marked) == [(0, (1,)), (1, (0,))]


async def test_the_letter_that_is_vouched_for_stands_for_its_event(reader) -> None:
    """Whoever is named by the event's id is copied, and not what somebody wrote under that id."""
    headers = [("event-id", b"e"), *OURS]
    reader.put(DEAD, 0, b"{}", key=b"ours", headers=headers)
    forged = [*headers, ("error-code", UNTRUSTED.encode())]
    reader.put(DEAD, 0, b"{}", key=b"theirs", headers=forged)
    index = DeadLetterIndex(SETTINGS, reader)
    await index.refresh()
    plan = plan_requeue(index, DEAD, LetterFilter(ids=("e",)))
    run = Run(await new_requeue(SETTINGS, reader, plan, rate=1, why=""))
    await run_requeue(SETTINGS, run, reader, index)
    assert run.copied == ["ours"]
    assert [letter.key for letter in plan.samples] == ["ours"]
    assert names(index) == ["ours", "theirs"]  # it hides nothing
    reader.resolve(0, 1)
    await index.refresh()
    assert names(index) == ["ours"]
