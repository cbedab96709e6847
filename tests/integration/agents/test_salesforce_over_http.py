"""The client's calls as they go over the wire, and the life of its token."""

from __future__ import annotations

import asyncio
import gzip

import orjson
import pytest
from support.salesforce_bench import EXPIRED, ID, Bench, accounts, bench, server, the_error, written
from support.scripted_server import Reply, Request, reply

from agents.salesforce.api.composite import Collection
from agents.salesforce.api.send_right import asked_before_requests
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.answers import SALESFORCE_ID
from schemas.salesforce import Row
from stream.errors import FrozenError
from stream.ops.alerts import Alert

__all__ = ["bench", "server"]


async def test_one_collection_goes_by_itself_with_our_headers(bench):
    bench.script(reply(200, written(1)))
    (answer,) = await bench.client.composite([accounts("a")])
    assert answer.results
    assert answer.results[0].id == ID
    (request,) = bench.server.requests
    assert (request.method, request.path) == (
        "PATCH",
        "/services/data/v58.0/composite/sobjects/Account/Ext__c",
    )
    assert request.headers["authorization"] == "Bearer t1"
    assert request.headers["sforce-auto-assign"] == "FALSE"
    assert request.headers["sforce-call-options"] == "client=orderstream"
    assert "x-prettyprint" not in request.headers


async def test_several_collections_are_one_call(bench):
    parts = [{"referenceId": f"c{n}", "httpStatusCode": 200, "body": written(1)} for n in range(3)]
    bench.script(reply(200, {"compositeResponse": parts}))
    answers = await bench.client.composite([accounts("a"), accounts("b"), accounts("c")])
    assert all(answer.results for answer in answers)
    assert [request.path for request in bench.server.requests] == ["/services/data/v58.0/composite"]


async def test_a_collection_that_is_no_json_costs_no_call_and_spares_the_others(bench):
    bad = Collection(
        "Account", "Ext__c", "upsert", (Row("Account", "Ext__c", "x", {"A": object()}),)
    )
    bench.script(reply(200, written(1)))
    first, second = await bench.client.composite([bad, accounts("a")])
    assert first.error
    assert first.error.kind is ErrorKind.PERMANENT
    assert second.results
    (alone,) = await bench.client.composite([bad])
    assert alone.error
    assert len(bench.server.requests) == 1


@pytest.mark.parametrize("count", [0, 6])
async def test_too_few_or_too_many_collections_are_a_mistake(bench, count):
    with pytest.raises(ValueError, match="collections"):
        await bench.client.composite([accounts("a")] * count)


async def test_an_expired_token_costs_one_login_and_one_repetition_with_the_same_headers(bench):
    bench.script(EXPIRED, reply(200, written(1)))
    (answer,) = await bench.client.composite([accounts("a")])
    assert answer.results
    first, second = bench.server.requests
    assert second.headers["authorization"] == "Bearer t2"
    assert second.headers["sforce-auto-assign"] == "FALSE"
    assert second.body == first.body
    assert bench.flow.logins == 2


async def test_twenty_calls_that_expire_together_make_one_login_and_lose_no_row(bench):
    def by_token(request: Request) -> Reply:
        is_old = request.headers["authorization"] == "Bearer t1"
        return EXPIRED if is_old else reply(200, written(1))

    bench.server.answer = by_token
    answers = await asyncio.gather(
        *(bench.client.composite([accounts(f"k{n}")]) for n in range(20))
    )
    assert all(answer.results[0].success for (answer,) in answers)
    assert bench.flow.logins == 2
    keys = [orjson.loads(r.body)["records"][0]["Ext__c"] for r in bench.server.requests]
    assert sorted(set(keys)) == sorted(f"k{n}" for n in range(20))


async def test_a_401_that_a_new_token_does_not_cure_stops_the_logins(bench):
    bench.script(EXPIRED, EXPIRED)
    error = await the_error(bench)
    assert (error.kind, error.status) == (ErrorKind.AUTH, 401)
    assert Alert.AUTH_BROKEN in bench.alerts.active
    again = await the_error(bench)
    assert again.kind is ErrorKind.AUTH
    assert again.retry_after_seconds
    assert len(bench.server.requests) == 2
    assert bench.flow.logins == 2


@pytest.mark.parametrize("body", [b"<html>expired</html>", b"", b'{"error":"x"}', b"[]"])
async def test_a_401_of_any_shape_is_an_expired_token(bench, body):
    bench.script(reply(401, body), reply(200, written(1)))
    (answer,) = await bench.client.composite([accounts("a")])
    assert answer.results


async def test_a_quota_refusal_is_told_from_a_speed_limit(bench):
    total = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    bench.script(reply(403, total), reply(429, b"", Retry_After="7"))
    assert (await the_error(bench)).kind is ErrorKind.QUOTA
    slow = await the_error(bench)
    assert (slow.kind, slow.retry_after_seconds) == (ErrorKind.CONCURRENCY, 7.0)


async def test_a_request_level_400_is_the_collections_own(bench):
    bench.script(reply(400, [{"errorCode": "JSON_PARSER_ERROR", "message": "Cannot deserialize"}]))
    (answer,) = await bench.client.composite([accounts("a", "b")])
    assert answer.error
    assert (answer.error.kind, answer.error.status) == (ErrorKind.PERMANENT, 400)
    assert not answer.error.is_outcome_unknown


async def test_usage_is_read_from_answers_and_errors(bench):
    bench.script(
        reply(200, written(1), Sforce_Limit_Info="api-usage=18/5000"),
        reply(503, b"", Sforce_Limit_Info="api-usage=19/5000; api-bursts=1/750"),
        reply(200, written(1), Sforce_Limit_Info="nonsense"),
    )
    await bench.client.composite([accounts("a")])
    await the_error(bench)
    await bench.client.composite([accounts("a")])
    assert [usage.used for usage in bench.usages] == [18, 19]


async def test_the_alive_check_stops_the_call_before_it_is_sent(bench):
    def frozen() -> None:
        raise FrozenError("slept")

    with pytest.raises(FrozenError), asked_before_requests(frozen):
        await bench.client.composite([accounts("a")])
    assert bench.server.requests == []


async def test_the_alive_check_is_repeated_after_a_new_login(bench):
    checks: list[int] = []

    def alive_once() -> None:
        checks.append(len(bench.server.requests))
        if len(checks) == 2:
            raise FrozenError("slept")

    bench.script(EXPIRED)
    with pytest.raises(FrozenError), asked_before_requests(alive_once):
        await bench.client.composite([accounts("a")])
    assert checks == [0, 1]


async def test_bodies_are_gzipped_when_wished(server):
    bench = Bench(server, is_compressed=True)
    bench.script(reply(200, gzip.compress(orjson.dumps(written(1))), Content_Encoding="gzip"))
    (answer,) = await bench.client.composite([accounts("a")])
    assert answer.results
    (request,) = server.requests
    assert request.headers["content-encoding"] == "gzip"
    assert orjson.loads(gzip.decompress(request.body))["records"]


async def test_a_chunked_answer_is_read(bench):
    body = orjson.dumps(written(1))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:10], body[10:])]
    bench.script(Reply([head, *chunks, b"0\r\n\r\n"], pause_seconds=0.01))
    (answer,) = await bench.client.composite([accounts("a")])
    assert answer.results


async def test_an_external_id_is_escaped_in_a_url(bench):
    bench.script(reply(200, {"Id": ID, "Name": "x"}))
    record = await bench.client.retrieve("Account", "Ext__c", "a/b?c#d e%2F")
    assert record["Name"] == "x"
    (request,) = bench.server.requests
    assert request.path == "/services/data/v58.0/sobjects/Account/Ext__c/a%2Fb%3Fc%23d%20e%252F"


@pytest.mark.parametrize("value", ["", ".", ".."])
async def test_an_external_id_that_would_change_the_path_is_refused(bench, value):
    with pytest.raises(SalesforceError) as caught:
        await bench.client.retrieve("Account", "Ext__c", value)
    assert caught.value.kind is ErrorKind.PERMANENT
    assert bench.server.requests == []


async def test_a_missing_record_is_none(bench):
    bench.script(reply(404, [{"errorCode": "NOT_FOUND", "message": "m"}]))
    assert await bench.client.retrieve("Account", "Ext__c", "k") is None


async def test_a_query_follows_its_pages(bench):
    following = "/services/data/v58.0/query/01gxx-2000"
    bench.script(
        reply(200, {"records": [{"Id": "1"}], "done": False, "nextRecordsUrl": following}),
        reply(200, {"records": [{"Id": "2"}], "done": True}),
    )
    found = [record["Id"] async for record in bench.client.query("SELECT Id FROM Account")]
    assert found == ["1", "2"]
    assert bench.server.requests[0].path.endswith("/query?q=SELECT%20Id%20FROM%20Account")
    assert bench.server.requests[1].path == following


async def test_several_queries_are_one_call_and_what_one_is_refused_for_is_its_own(bench):
    following = "/services/data/v58.0/query/01gxx-2000"
    refused = [{"errorCode": "INVALID_FIELD", "message": "No such column"}]
    answers = [
        (200, {"records": [{"Id": "1"}], "done": False, "nextRecordsUrl": following}),
        (400, refused),
        (200, {"records": [], "done": True}),
    ]
    parts = [
        {"referenceId": f"c{n}", "httpStatusCode": status, "httpHeaders": {}, "body": body}
        for n, (status, body) in enumerate(answers)
    ]
    bench.script(
        reply(200, {"compositeResponse": parts[::-1]}),
        reply(200, {"records": [{"Id": "2"}], "done": True}),
    )
    first, second, third = await bench.client.queries(
        ["SELECT Id FROM Account", "SELECT X FROM Contact", "SELECT Id FROM Lead"]
    )
    assert first == [{"Id": "1"}, {"Id": "2"}]
    assert isinstance(second, SalesforceError)
    assert (second.kind, second.status) == (ErrorKind.CONFIG, 400)
    assert third == []
    asked, page = bench.server.requests
    assert page.path == following
    sent = [one["url"] for one in orjson.loads(asked.body)["compositeRequest"]]
    assert sent[0] == "/services/data/v58.0/query?q=SELECT%20Id%20FROM%20Account"
    assert len(sent) == 3


@pytest.mark.parametrize(
    ("setting", "fields", "guarded"),
    [
        ("auto", [{"name": "Magento_Updated_At__c", "updateable": True}], {"Account"}),
        ("auto", [{"name": "Magento_Updated_At__c", "updateable": False}], set()),
        ("auto", [{"name": "Name", "updateable": True}], set()),
    ],
)
async def test_the_stale_guard_follows_describe(server, setting, fields, guarded):
    bench = Bench(server, stale_guard=setting)
    bench.script(reply(200, {"name": "Account", "fields": fields}))
    assert await bench.client.guard(["Account"]) == guarded


@pytest.mark.parametrize(("setting", "guarded"), [("on", {"Account"}), ("off", set())])
async def test_the_stale_guard_can_be_set_without_a_call(server, setting, guarded):
    bench = Bench(server, stale_guard=setting)
    assert await bench.client.guard(["Account"]) == guarded
    assert server.requests == []


def test_a_salesforce_id_has_15_or_18_characters():
    assert SALESFORCE_ID.fullmatch(ID)
    assert not SALESFORCE_ID.fullmatch(ID[:16])
