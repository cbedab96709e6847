"""Faults armed over the back door, and what the history says about them afterwards."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest
from support.salesforce_fixtures import (
    ACCOUNT_KEY,
    ORDER_KEY,
    PlainClient,
    an_account,
    an_opportunity,
)

from sandbox.salesforce.server import SalesforceOrg


async def try_upsert(client: PlainClient, key: str = "a"):
    body = {"records": [{"attributes": {"type": "Account"}, **an_account(key)}]}
    return await client.call("PATCH", f"/composite/sobjects/Account/{ACCOUNT_KEY}", body)


@pytest.mark.parametrize(
    ("kind", "status", "part"),
    [
        ("unavailable", 503, "SERVER_UNAVAILABLE"),
        ("unavailable_html", 503, "<html>"),
        ("bad_gateway", 502, "no healthy upstream"),
        ("unknown_exception", 500, "UNKNOWN_EXCEPTION"),
        ("rate_limited", 429, "REQUEST_LIMIT_EXCEEDED"),
        ("quota", 403, "TotalRequests Limit exceeded."),
        ("concurrency", 403, "ConcurrentRequests"),
        ("edge", 420, "routing information"),
        ("not_acceptable", 406, ""),
        ("html", 200, "<html>"),
        ("session_expired", 401, "INVALID_SESSION_ID"),
        ("not_valid_for_rest", 401, "This session is not valid for use with the REST API"),
        ("storage_full", 400, "STORAGE_LIMIT_EXCEEDED"),
        ("firewall", 400, "<html>"),
        ("wrapped", 503, '{"errors":['),
        ("no_under_yes", 200, "INVALID_SESSION_ID"),
        ("moved", 404, "URL_NOT_RESET"),
        ("redirect", 302, ""),
    ],
)
async def test_the_next_calls_fail_as_told_nothing_is_written_and_then_all_is_well(
    plain_client, salesforce_org: SalesforceOrg, kind, status, part
):
    await plain_client.arm(kind, times=2)
    for _ in range(2):
        answer = await try_upsert(plain_client)
        assert answer.status == status
        assert part in answer.text
    assert salesforce_org.org.summary()["writes"] == 0
    assert (await try_upsert(plain_client)).json[0]["success"] is True
    assert await plain_client.back_door("GET", "/faults") == (200, [])


async def test_a_fault_hits_only_what_it_matches(plain_client):
    await plain_client.arm("unavailable", match={"sobject": "Opportunity", "method": "PATCH"})
    assert (await try_upsert(plain_client)).status == 200
    path = f"/composite/sobjects/Opportunity/{ORDER_KEY}"
    assert (await plain_client.call("PATCH", path, {"records": []})).status == 503
    assert (await plain_client.call("GET", "/sobjects/Opportunity/describe")).status == 200
    status, armed = await plain_client.back_door("GET", "/faults")
    assert (status, armed[0]["fired"]) == (200, 1)
    assert await plain_client.back_door("DELETE", f"/faults/{armed[0]['id']}") == (
        200,
        {"removed": 1},
    )
    assert (await plain_client.call("PATCH", path, {"records": []})).status == 200


async def test_any_answer_can_be_given_with_retry_after(plain_client):
    headers = {"Retry-After": "7"}
    await plain_client.arm("respond", times=1, status=503, body="later", headers=headers)
    answer = await try_upsert(plain_client)
    assert (answer.status, answer.text, answer.headers["Retry-After"]) == (503, "later", "7")


@pytest.mark.parametrize(
    ("kind", "writes"), [("cut_before", 0), ("cut_after", 1), ("truncated", 1)]
)
async def test_a_connection_is_cut_before_or_after_the_write(
    plain_client, salesforce_org: SalesforceOrg, kind, writes
):
    await plain_client.arm(kind, times=1)
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)):
        await try_upsert(plain_client)
    assert salesforce_org.org.summary()["writes"] == writes


@pytest.mark.parametrize(("kind", "writes"), [("stall_before", 0), ("stall_after", 1)])
async def test_a_call_can_stay_without_answer(
    plain_client, salesforce_org: SalesforceOrg, kind, writes
):
    await plain_client.arm(kind, times=1, seconds=30)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(try_upsert(plain_client), 0.3)
    assert salesforce_org.org.summary()["writes"] == writes


async def test_a_result_array_can_be_too_short_though_all_is_written(
    plain_client, salesforce_org: SalesforceOrg
):
    await plain_client.arm("wrong_length", times=1)
    results = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a"), an_account("b"))
    assert len(results) == 1
    assert salesforce_org.org.summary()["writes"] == 2


async def test_results_can_name_other_records_or_come_in_another_order(plain_client):
    for kind in ("foreign_ids", "shuffled"):
        await plain_client.arm(kind, times=1)
        rows = (an_account("a"), an_account("b"))
        wrong = [one["id"] for one in await plain_client.upsert("Account", ACCOUNT_KEY, *rows)]
        right = [one["id"] for one in await plain_client.upsert("Account", ACCOUNT_KEY, *rows)]
        assert wrong == (right[::-1] if kind == "shuffled" else [f"005{i[3:]}" for i in right])


async def test_results_can_claim_created_without_success(
    plain_client, salesforce_org: SalesforceOrg
):
    await plain_client.arm("created_not_success", times=1)
    (result,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a"))
    assert (result["success"], result["created"]) == (False, True)
    assert salesforce_org.org.summary()["writes"] == 0


async def test_an_empty_answer_comes_after_the_write(plain_client, salesforce_org: SalesforceOrg):
    await plain_client.arm("empty", times=1)
    answer = await try_upsert(plain_client)
    assert (answer.status, answer.text) == (200, "")
    assert salesforce_org.org.summary()["writes"] == 1


async def test_a_locked_account_refuses_itself_and_its_children_by_its_own_id(plain_client):
    (account,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a"))
    await plain_client.arm("lock", sobject="Account", external_id="a", times=2)
    child = an_opportunity("1", Account={ACCOUNT_KEY: "a"})
    other = an_opportunity("2")
    first, second = await plain_client.upsert("Opportunity", ORDER_KEY, child, other)
    assert first["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert account["id"] in first["errors"][0]["message"]
    assert second["success"]
    (own,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("A"))
    assert own["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    (released,) = await plain_client.upsert("Opportunity", ORDER_KEY, child)
    assert released["success"]


async def test_rows_fail_by_pattern_with_any_code(plain_client):
    await plain_client.arm(
        "row_error",
        external_id_pattern="^bad-",
        code="FIELD_INTEGRITY_EXCEPTION",
        message="There's a problem with this state",
        fields=["BillingState"],
    )
    results = await plain_client.upsert(
        "Account", ACCOUNT_KEY, an_account("good"), an_account("bad-1")
    )
    assert [result["success"] for result in results] == [True, False]
    assert results[1]["errors"] == [
        {
            "statusCode": "FIELD_INTEGRITY_EXCEPTION",
            "message": "There's a problem with this state",
            "fields": ["BillingState"],
        }
    ]


async def test_rows_fail_by_chance(plain_client):
    await plain_client.arm("row_error", code="UNABLE_TO_LOCK_ROW", probability=0.5)
    rows = [an_account(str(i)) for i in range(100)]
    results = await plain_client.upsert("Account", ACCOUNT_KEY, *rows)
    assert 20 < sum(not result["success"] for result in results) < 80


async def test_a_poisoned_row_takes_its_whole_request_down(
    plain_client, salesforce_org: SalesforceOrg
):
    await plain_client.arm("poison", external_id="p", message="cannot read this")
    body = {
        "records": [{"attributes": {"type": "Account"}, **an_account(key)} for key in ("a", "p")]
    }
    path = f"/composite/sobjects/Account/{ACCOUNT_KEY}"
    answer = await plain_client.call("PATCH", path, body)
    assert (answer.status, answer.json[0]["message"]) == (400, "cannot read this")
    assert salesforce_org.org.summary()["writes"] == 0
    assert (await try_upsert(plain_client, "a")).status == 200


async def test_tokens_expire_and_the_quota_is_spent_at_once(plain_client):
    assert (await plain_client.arm("expire_tokens"))["count"] == 1
    assert (await try_upsert(plain_client)).status == 401
    await plain_client.log_in()
    await plain_client.arm("spend_quota")
    refused = await try_upsert(plain_client)
    assert (refused.status, refused.json[0]["message"]) == (403, "TotalRequests Limit exceeded.")
    await plain_client.back_door("PATCH", "/settings", {"calls_used": 0})
    assert (await try_upsert(plain_client)).status == 200


async def test_the_token_endpoint_can_fail_too(plain_client):
    await plain_client.arm("unavailable_html", times=1, match={"path": "oauth2/token"})
    answer = await plain_client.token_request(grant_type="client_credentials")
    assert answer.status == 503


async def test_latency_is_set_for_some_calls_or_for_good(plain_client):
    await plain_client.arm("latency", times=1, latency_ms=200)
    began = time.monotonic()
    await try_upsert(plain_client)
    assert time.monotonic() - began >= 0.2
    await plain_client.back_door("PATCH", "/settings", {"latency_ms": 100})
    began = time.monotonic()
    await asyncio.gather(*(try_upsert(plain_client, str(i)) for i in range(5)))
    assert time.monotonic() - began >= 0.1
    _, calls = await plain_client.back_door("GET", "/calls")
    assert calls["max_concurrent"] == 5  # they wait at the same time


async def test_the_concurrent_limit_has_its_own_message(plain_client):
    changes = {"latency_ms": 200, "concurrent_limit": 2, "concurrent_after_ms": 0}
    await plain_client.back_door("PATCH", "/settings", changes)
    answers = await asyncio.gather(*(try_upsert(plain_client, str(i)) for i in range(3)))
    assert sorted(answer.status for answer in answers) == [200, 200, 403]
    refused = next(answer for answer in answers if answer.status == 403)
    assert "ConcurrentRequests" in refused.json[0]["message"]


async def test_calls_in_flight_that_touch_one_account_are_counted_and_on_demand_refused(
    plain_client, salesforce_org: SalesforceOrg
):
    await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a"))
    salesforce_org.org.settings.change({"latency_ms": 100})

    async def both():
        return await asyncio.gather(
            *(
                plain_client.upsert(
                    "Opportunity", ORDER_KEY, an_opportunity(key, Account={ACCOUNT_KEY: "a"})
                )
                for key in ("1", "2")
            )
        )

    assert all(result["success"] for (result,) in await both())
    assert salesforce_org.org.summary()["lock_collisions"] == 1
    salesforce_org.org.settings.change({"lock_contention": True})
    results = [result for (result,) in await both()]
    assert sorted(result["success"] for result in results) == [False, True]
    refused = next(result for result in results if not result["success"])
    assert refused["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "nonsense"},
        {"kind": "lock", "tims": 1},
        {"kind": "lock", "times": 0},
        {"kind": "unavailable", "match": {"url": "x"}},
        {"kind": "row_error", "external_id_pattern": "("},
        {},
        7,
    ],
)
async def test_a_fault_that_means_nothing_is_refused_with_what_it_may_be(plain_client, spec):
    status, body = await plain_client.back_door("POST", "/faults", spec)
    assert status == 400
    assert body["error"]


async def test_a_fault_of_calls_leaves_the_token_endpoint_alone(plain_client):
    await plain_client.arm("unavailable", times=1)
    await plain_client.log_in()
    assert (await try_upsert(plain_client)).status == 503


async def test_one_subrequest_of_a_composite_can_fail_alone(plain_client):
    await plain_client.arm("subrequest", times=1, match={"sobject": "Account"})
    subs = [
        {
            "method": "POST",
            "url": f"/services/data/v60.0/sobjects/{name}",
            "referenceId": name,
            "body": {"Name": "A"},
        }
        for name in ("Account", "Product2")
    ]
    answer = await plain_client.call("POST", "/composite", {"compositeRequest": subs})
    failed, written = answer.json["compositeResponse"]
    assert (failed["httpStatusCode"], failed["body"][0]["errorCode"]) == (500, "UNKNOWN_EXCEPTION")
    assert written["httpStatusCode"] == 201
