"""Balance, jobs and erasure tell what is known, and which partitions do not answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from support.silent_cluster import SETTINGS, TOPICS, Reader

from dashboard.data.overview import overview
from schemas.operator import OperatorAction
from schemas.person import Person
from stream import job_service
from stream.audit.live_totals import LiveTotals
from stream.erasure import search
from stream.erasure.proof import Proof
from stream.errors import BrokerError, JobError, NotKnownError
from stream.jobs.operator_log import read_actions
from stream.jobs.spec import find_job


@pytest.fixture
def reader(monkeypatch) -> Reader:
    reader = Reader()
    monkeypatch.setattr(job_service, "PassingReader", lambda _settings: reader)
    monkeypatch.setattr(search, "PassingReader", lambda _settings: reader)
    return reader


def counted(totals: LiveTotals) -> tuple[int, int, int]:
    return totals.balance.accepted, totals.balance.synced, totals.balance.pending


@pytest.mark.parametrize("topic", [TOPICS.orders, TOPICS.results])
async def test_one_silent_partition_hides_no_other_of_the_balance(reader, topic: str) -> None:
    totals = LiveTotals(SETTINGS)
    for number in (0, 1):
        reader.accept(number, f"event {number}")
    await totals.refresh(reader)
    assert counted(totals) == (2, 0, 2)

    reader.silent = {(topic, 1)}
    for number in (0, 1):
        reader.settle(number, f"event {number}")
    await totals.refresh(reader)
    stays = int(topic == TOPICS.results)  # the outcome of event 1 is not known yet
    assert counted(totals) == (2, 2 - stays, stays)
    assert totals.unread == {(topic, 1): "no leader"}

    reader.silent = set()
    await totals.refresh(reader)
    assert counted(totals) == (2, 2, 0)
    assert not totals.unread


@pytest.mark.parametrize("topic", [TOPICS.orders, TOPICS.results])
async def test_who_was_silent_from_the_first_is_counted_when_it_answers(reader, topic) -> None:
    totals = LiveTotals(SETTINGS)
    for number in (0, 1):
        reader.accept(number, f"event {number}")
        reader.settle(number, f"event {number}")
    reader.silent = {(topic, 1)}
    await totals.refresh(reader)
    assert counted(totals) == (1, 1, 0)
    reader.silent = set()
    await totals.refresh(reader)
    assert counted(totals) == (2, 2, 0)
    assert not totals.rate_out.per_second  # what comes late came not now


async def test_where_nothing_answers_nothing_is_counted(reader) -> None:
    reader.accept(0, "event 0")
    reader.silent = {(TOPICS.orders, 0)}
    totals = LiveTotals(SETTINGS)
    with pytest.raises(BrokerError, match=r"no leader: magento\.orders-0"):
        await totals.refresh(reader)
    assert totals.refreshed_ms is None


async def test_the_first_screen_does_not_say_that_all_is_accounted_for(reader) -> None:
    totals = LiveTotals(SETTINGS)
    for number in (0, 1):
        reader.accept(number, f"event {number}")
    watch = SimpleNamespace(balance=totals, snapshot=None, scrapes=(), lag_points=())
    await totals.refresh(reader)
    assert overview(watch, now_ms=1, has_metrics=False)["is_whole"]
    reader.silent = {(TOPICS.results, 1)}
    await totals.refresh(reader)
    shown = overview(watch, now_ms=1, has_metrics=False)
    assert not shown["is_whole"]
    assert any("salesforce.results-1" in alert for alert in shown["alerts"])


def on_record(reader: Reader, number: int, job_id: str) -> None:
    detail = {
        "job_id": job_id,
        "kind": job_id.partition("-")[0],
        "spans": [],
        "due": [],
        "selection": {},
        "rate": 1.0,
        "total": 3,
    }
    action = OperatorAction("job-started", "me", 1, job_id=job_id, detail=detail)
    reader.put(TOPICS.operator_audit, number, action.to_bytes(), key=job_id.encode())


async def test_jobs_are_listed_beside_a_silent_partition(reader) -> None:
    on_record(reader, 0, "replay-1")
    on_record(reader, 1, "replay-2")
    reader.silent = {(TOPICS.operator_audit, 1)}
    jobs, unread = await job_service.read_jobs(SETTINGS)
    assert [job["job_id"] for job in jobs] == ["replay-1"]
    assert unread == "no leader: orderstream.audit-1"
    assert (await find_job(SETTINGS, reader, "replay-1")).total == 3
    with pytest.raises(NotKnownError, match=r"not known whether.*orderstream\.audit-1"):
        await find_job(SETTINGS, reader, "replay-2")
    reader.silent = set()
    with pytest.raises(JobError, match="no job replay-3"):
        await find_job(SETTINGS, reader, "replay-3")


async def test_a_job_is_where_its_log_says_whatever_the_clocks_of_its_machines_say(reader) -> None:
    """Begun on a machine whose clock is an hour ahead, and ended on another."""
    on_record(reader, 0, "replay-2")
    on_record(reader, 0, "replay-1")
    for name, at_ms in (("job-stopped", 3_600_000), ("job-started", 20), ("job-done", 30)):
        done = OperatorAction(name, "me", at_ms, job_id="replay-1", detail={"copied": at_ms})
        reader.put(TOPICS.operator_audit, 0, done.to_bytes(), key=b"replay-1")
    jobs, _ = await job_service.read_jobs(SETTINGS)
    (job,) = [job for job in jobs if job["job_id"] == "replay-1"]
    assert (job["state"], job["done"]) == ("done", 30)
    actions = await read_actions(reader, TOPICS, job_id="replay-1")
    assert actions[-1].action == "job-done"  # a backfill goes on from the last cursor


async def test_a_person_is_found_in_what_answers_and_the_rest_is_named(reader) -> None:
    for number in (0, 1):
        order = b'{"entity_id":%d,"increment_id":"%d","customer_email":"jane@example.com"}'
        reader.put(TOPICS.orders, number, order % (number + 7, number + 7), key=b"7")
    reader.put(TOPICS.state, 0, b"{}", key=b"order:7")
    reader.silent = {(TOPICS.orders, 1), (TOPICS.state, 0)}
    found = await search.find_person(SETTINGS, Person(("jane@example.com",)))
    assert list(found.orders) == ["7"]
    assert found.unread == dict.fromkeys(reader.silent, "no leader")


def test_a_proof_holds_for_nothing_that_was_not_read() -> None:
    assert Proof().holds
    assert not Proof(unread={("salesforce.state", 1): "no leader"}).holds
