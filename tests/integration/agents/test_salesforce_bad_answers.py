"""Servers, proxies and networks that fail in every way HTTP allows."""

from __future__ import annotations

import gzip

import pytest
from prometheus_client import REGISTRY
from support.salesforce_bench import Bench, accounts, bench, server, the_error, written
from support.scripted_server import CUT, Reply, reply

from agents.salesforce.api.composite import Collection
from agents.salesforce.errors.error_kind import ErrorKind
from schemas.salesforce import Row

__all__ = ["bench", "server"]


def large(size: int) -> Collection:
    row = Row("Account", "Ext__c", "a", fields={"Name": "x" * size})
    return Collection("Account", "Ext__c", "upsert", (row,))


@pytest.mark.parametrize("body", [b"<html>503</html>", b"", b"no healthy upstream"])
async def test_a_failing_server_is_an_outage_whatever_it_says(bench, body):
    bench.script(reply(503, body))
    error = await the_error(bench)
    assert (error.kind, error.status, error.is_outcome_unknown) == (ErrorKind.TRANSIENT, 503, True)


@pytest.mark.parametrize("body", [b"<html>proxy</html>", b"", b"[", b"ok"])
async def test_a_success_without_an_answer_is_an_unknown_outcome(bench, body):
    bench.script(reply(200, body))
    error = await the_error(bench)
    assert (error.kind, error.is_outcome_unknown) == (ErrorKind.TRANSIENT, True)


@pytest.mark.parametrize("rows", [[], written(1), written(3), {}])
async def test_a_list_of_another_length_is_never_matched_to_rows(bench, rows):
    bench.script(reply(200, rows))
    (answer,) = await bench.client.composite([accounts("a", "b")])
    assert answer.results is None
    assert answer.error
    assert answer.error.is_outcome_unknown


@pytest.mark.parametrize("is_packed", [False, True])
async def test_an_answer_that_would_not_fit_into_memory_is_given_up(bench, monkeypatch, is_packed):
    """Counted as it is unpacked: 400 KB of gzip became 850 MB."""
    monkeypatch.setattr("agents.salesforce.http.http_session.MAX_ANSWER_BYTES", 1_000_000)
    body = b" " * 3_000_000 + b"[]"
    if is_packed:
        bench.script(reply(200, gzip.compress(body), Content_Encoding="gzip"))
    else:
        bench.script(reply(200, body))
    error = await the_error(bench)
    assert (error.kind, error.is_outcome_unknown) == (ErrorKind.TRANSIENT, True)


async def test_a_redirect_is_refused_and_the_token_stays_home(bench):
    bench.script(reply(302, b"", Location="http://127.0.0.1:1/elsewhere"))
    error = await the_error(bench)
    assert error.kind is ErrorKind.TRANSIENT
    assert "redirect" in str(error)
    assert len(bench.server.requests) == 1


async def test_a_cut_connection_is_an_unknown_outcome_and_counted(bench):
    name = "orderstream_salesforce_unknown_outcomes_total"
    before = REGISTRY.get_sample_value(name, {"operation": "collection"}) or 0
    bench.script(CUT)
    error = await the_error(bench)
    assert (error.kind, error.status, error.is_outcome_unknown) == (ErrorKind.TRANSIENT, 0, True)
    assert REGISTRY.get_sample_value(name, {"operation": "collection"}) == before + 1


async def test_an_answer_that_breaks_off_is_an_unknown_outcome(bench):
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"
    bench.script(Reply([whole + b'[{"success"'], is_cut=True))
    assert (await the_error(bench)).is_outcome_unknown


async def test_a_refused_connection_was_not_sent(bench):
    bench.flow.url = "http://127.0.0.1:1"
    error = await the_error(bench)
    assert (error.kind, error.is_outcome_unknown) == (ErrorKind.TRANSIENT, False)


async def test_a_server_that_says_nothing_is_given_up(server):
    bench = Bench(server, timeout_seconds=0.3)
    error = await the_error(bench)
    assert error.is_outcome_unknown


async def test_a_body_may_be_sent_for_as_long_as_the_call_may_take(server, monkeypatch):
    """A Bulk file of 100 MB on an ordinary line: the ten seconds are for the connection alone."""
    monkeypatch.setattr("agents.salesforce.http.http_session.CONNECT_SECONDS", 1.0)
    bench = Bench(server, timeout_seconds=60.0)
    server.pause_seconds, server.portion_bytes = 0.1, 2**19
    bench.script(reply(200, written(1)))
    (answer,) = await bench.client.composite([large(2**24)])
    assert answer.results
    assert len(server.requests[0].body) > 2**24


async def test_a_server_that_reads_too_slowly_is_given_up_at_the_deadline(server):
    bench = Bench(server, timeout_seconds=0.5)
    server.pause_seconds, server.portion_bytes = 0.1, 2**10
    error = await the_error(bench, large(2**24))
    assert error.is_outcome_unknown
    assert "SALESFORCE_TIMEOUT_SECONDS" not in error.fix  # its own deadline, not the thread's


async def test_a_server_that_trickles_is_given_up_at_the_deadline(server):
    bench = Bench(server, timeout_seconds=0.5)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"
    bench.script(Reply([head, *[b" "] * 10_000], pause_seconds=0.1))
    error = await the_error(bench)
    assert error.is_outcome_unknown
