"""The back door: settings, schema edits, the history and the counters."""

from __future__ import annotations

from support.salesforce_fixtures import ACCOUNT_KEY, an_account


async def test_settings_and_schema_edits_name_their_mistakes(plain_client):
    status, body = await plain_client.back_door("PATCH", "/settings", {"latency": 1})
    assert status == 400
    assert "latency_ms" in body["error"]
    status, body = await plain_client.back_door("PATCH", "/settings", {"latency_ms": "1"})
    assert status == 400
    status, body = await plain_client.back_door("PATCH", "/schema/Account/Name", {"size": 1})
    assert status == 400
    assert "length" in body["error"]
    status, _ = await plain_client.back_door("DELETE", "/schema/Account/Nothing")
    assert status == 404


async def test_a_misconfigured_org_is_played_by_editing_its_schema(plain_client):
    async def codes(**fields):
        (result,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a") | fields)
        return [error["statusCode"] for error in result["errors"]]

    await plain_client.back_door(
        "PATCH", "/schema/Account/Phone", {"updateable": False, "createable": False}
    )
    assert await codes(Phone="1") == ["INVALID_FIELD_FOR_INSERT_UPDATE"]
    await plain_client.back_door("PATCH", "/schema/Account/Name", {"length": 3})
    assert await codes(Name="Jane") == ["STRING_TOO_LONG"]
    await plain_client.back_door("DELETE", "/schema/Account/Magento_Updated_At__c")
    answer = await plain_client.call("GET", "/sobjects/Account/describe")
    assert "Magento_Updated_At__c" not in [item["name"] for item in answer.json["fields"]]
    await plain_client.back_door("POST", "/reset", {"keep_tokens": True})
    assert await codes(Name="Jane", Phone="1") == []


async def test_the_history_says_once_in_this_order_and_by_which_call(plain_client):
    version = {"Magento_Updated_At__c": "2026-01-01T00:00:00Z"}
    await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a", **version), an_account("b"))
    await plain_client.upsert("Account", ACCOUNT_KEY, an_account("A", Name="New"))
    await plain_client.upsert("Account", ACCOUNT_KEY, an_account("A", Name="New"))
    _, every = await plain_client.back_door("GET", "/history?sobject=Account")
    assert [entry["seq"] for entry in every] == [1, 2, 3, 4]
    assert every[0]["call_id"] == every[1]["call_id"] != every[2]["call_id"]
    _, of_a = await plain_client.back_door("GET", "/history?sobject=Account&external_id=A")
    assert [(entry["operation"], entry["changed"]) for entry in of_a] == [
        ("create", True),
        ("update", True),
        ("update", False),
    ]
    assert of_a[0]["version"] == "2026-01-01T00:00:00.000+0000"
    assert of_a[1]["fields"]["Name"] == "New"
    _, later = await plain_client.back_door("GET", "/history?since=3")
    assert [entry["seq"] for entry in later] == [4]
    _, summary = await plain_client.back_door("GET", "/summary")
    assert (summary["writes"], summary["creates"], summary["redundant_writes"]) == (4, 2, 1)
    assert (summary["duplicates"], summary["stale_writes"]) == ([], 0)


async def test_a_short_history_keeps_its_judgement(plain_client):
    await plain_client.back_door("PATCH", "/settings", {"history_limit": 1})
    await plain_client.upsert("Account", ACCOUNT_KEY, *(an_account(str(i)) for i in range(3)))
    _, summary = await plain_client.back_door("GET", "/summary")
    assert (summary["writes"], summary["history_kept"], summary["history_dropped"]) == (3, 1, 2)
    _, digests = await plain_client.back_door("GET", "/digests?sobject=Account")
    assert [digest["writes"] for digest in digests] == [1, 1, 1]


async def test_calls_are_counted_by_name(plain_client):
    await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a"))
    await plain_client.call("GET", "/sobjects/Account/001Os0000000zzzAAA")
    _, calls = await plain_client.back_door("GET", "/calls?log=1")
    assert calls["token_calls"] == 1
    assert calls["by_path"][f"PATCH composite/sobjects/Account/{ACCOUNT_KEY}"] == 1
    assert calls["by_path"]["GET sobjects/Account/*"] == 1
    assert calls["rows"] == 1
    assert calls["log"][-1]["status"] == 404
