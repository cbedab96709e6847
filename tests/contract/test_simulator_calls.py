"""The REST calls: single records, collections, composites, describe and limits."""

from __future__ import annotations

import pytest
from support.salesforce_fixtures import ACCOUNT_KEY, API, ORDER_KEY, an_account, an_opportunity

from sandbox.salesforce.server import SalesforceOrg


def upsert_call(sobject: str, key_field: str, reference: str, *rows):
    records = [{"attributes": {"type": sobject}, **row} for row in rows]
    return {
        "method": "PATCH",
        "url": f"{API}/composite/sobjects/{sobject}/{key_field}",
        "referenceId": reference,
        "body": {"allOrNone": False, "records": records},
    }


async def test_upsert_of_one_record_answers_201_200_and_204_before_v46(plain_client):
    fields = {"Name": "Jane"}
    path = f"/sobjects/Account/{ACCOUNT_KEY}/a%2Fb%3F%23"
    created = await plain_client.call("PATCH", path, fields)
    updated = await plain_client.call("PATCH", path, fields)
    old = await plain_client.call("PATCH", f"/services/data/v45.0{path}", fields)
    assert created.status == 201
    assert created.json["created"] is True
    assert updated.status == 200
    assert updated.json == created.json | {"created": False}
    assert (old.status, old.text) == (204, "")
    read = await plain_client.call("GET", path)
    assert read.json[ACCOUNT_KEY] == "a/b?#"


async def test_several_matches_answer_300_with_their_urls_and_write_nothing(
    plain_client, salesforce_org: SalesforceOrg
):
    schema = salesforce_org.org.store.schema["Account"]
    async with plain_client.http.patch(
        f"{salesforce_org.url}/__sim__/schema/Account/{ACCOUNT_KEY}", json={"unique": False}
    ) as response:
        assert response.status == 200
    assert schema.fields[ACCOUNT_KEY].is_unique is False
    for name in ("One", "Two"):
        await plain_client.call("POST", "/sobjects/Account", an_account("k", Name=name))
    answer = await plain_client.call("PATCH", f"/sobjects/Account/{ACCOUNT_KEY}/k", {"Name": "X"})
    assert answer.status == 300
    assert len(answer.json) == 2
    assert answer.json[0].startswith(f"{API}/sobjects/Account/001")
    (result,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("k"))
    assert result["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"
    (twins,) = salesforce_org.org.duplicates()
    assert twins["external_id"] == "k"


async def test_an_external_id_field_that_is_none_is_404(plain_client):
    answer = await plain_client.call("PATCH", "/sobjects/Account/Phone/1", {"Name": "X"})
    assert answer.status == 404
    assert answer.json[0]["message"] == (
        "Provided external ID field does not exist or is not accessible: Phone"
    )


async def test_the_body_of_a_single_upsert_must_not_repeat_the_external_id(plain_client):
    answer = await plain_client.call("PATCH", f"/sobjects/Account/{ACCOUNT_KEY}/k", an_account("k"))
    assert (answer.status, answer.json[0]["errorCode"]) == (400, "INVALID_FIELD")


async def test_create_read_update_delete_by_id(plain_client):
    created = await plain_client.call("POST", "/sobjects/Account", {"Name": "Jane"})
    path = f"/sobjects/Account/{created.json['id']}"
    assert (await plain_client.call("PATCH", path, {"Phone": "1"})).status == 204
    read = await plain_client.call("GET", f"{path}?fields=Name,Phone")
    assert read.json["Phone"] == "1"
    short = await plain_client.call("GET", path[:-3])
    assert short.json["Id"] == created.json["id"]
    assert (await plain_client.call("DELETE", path)).status == 204
    gone = await plain_client.call("GET", path)
    assert (gone.status, gone.json[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")
    never = await plain_client.call("GET", "/sobjects/Account/001Os0000000zzzAAA")
    assert (never.status, never.json[0]["errorCode"]) == (404, "NOT_FOUND")


async def test_collections_create_update_retrieve_and_delete(plain_client):
    rows = [{"attributes": {"type": "Account"}, "Name": name} for name in ("A", "B")]
    created = (await plain_client.call("POST", "/composite/sobjects", {"records": rows})).json
    ids = [result["id"] for result in created]
    changes = [{"attributes": {"type": "Account"}, "id": key, "Phone": "1"} for key in ids]
    changes.append({"attributes": {"type": "Account"}, "id": "001Os0000000zzzAAA", "Phone": "1"})
    updated = (await plain_client.call("PATCH", "/composite/sobjects", {"records": changes})).json
    assert [result["success"] for result in updated] == [True, True, False]
    path = f"/composite/sobjects/Account?ids={','.join(ids)},001Os0000000zzzAAA&fields=Phone"
    read = (await plain_client.call("GET", path)).json
    assert [record and record["Phone"] for record in read] == ["1", "1", None]
    deleted = await plain_client.call("DELETE", f"/composite/sobjects?ids={','.join(ids)}")
    assert [result["success"] for result in deleted.json] == [True, True]


async def test_more_than_200_rows_or_ten_runs_of_types_refuse_the_call(plain_client):
    many = [{"attributes": {"type": "Account"}, "Name": "A"}] * 201
    answer = await plain_client.call("POST", "/composite/sobjects", {"records": many})
    assert (answer.status, answer.json[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    mixed = [
        {"attributes": {"type": name}, "Name": "A", "LastName": "A"}
        for name in ("Account", "Contact") * 6
    ]
    answer = await plain_client.call("POST", "/composite/sobjects", {"records": mixed})
    assert (answer.status, answer.json[0]["errorCode"]) == (400, "INVALID_INPUT")


async def test_all_or_none_takes_everything_back_and_leaves_created_true(
    plain_client, salesforce_org: SalesforceOrg
):
    records = [{"attributes": {"type": "Account"}, **an_account("a")}]
    records.append({"attributes": {"type": "Account"}, ACCOUNT_KEY: "b"})
    path = f"/composite/sobjects/Account/{ACCOUNT_KEY}"
    body = {"allOrNone": True, "records": records}
    results = (await plain_client.call("PATCH", path, body)).json
    assert [result["success"] for result in results] == [False, False]
    assert results[0]["created"] is True
    assert results[0]["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert salesforce_org.org.summary()["records"]["Account"] == 0
    assert salesforce_org.org.summary()["writes"] == 0


async def test_a_composite_writes_parents_before_children_in_one_call(
    plain_client, salesforce_org: SalesforceOrg
):
    body = {
        "allOrNone": False,
        "collateSubrequests": False,
        "compositeRequest": [
            upsert_call("Account", ACCOUNT_KEY, "accounts", an_account("a@b.c")),
            upsert_call(
                "Opportunity",
                ORDER_KEY,
                "opportunities",
                an_opportunity("1", Account={ACCOUNT_KEY: "a@b.c"}),
                an_opportunity("2", Account={ACCOUNT_KEY: "late@b.c"}),
            ),
        ],
    }
    before = salesforce_org.org.settings.calls_used
    answer = await plain_client.call("POST", "/composite", body)
    accounts, opportunities = answer.json["compositeResponse"]
    assert accounts["referenceId"] == "accounts"
    assert accounts["httpStatusCode"] == opportunities["httpStatusCode"] == 200
    assert [row["success"] for row in opportunities["body"]] == [True, False]
    assert salesforce_org.org.settings.calls_used == before + 1


async def test_a_composite_fills_references_and_halts_what_depends_on_a_failure(plain_client):
    requests = [
        {"method": "POST", "url": f"{API}/sobjects/Account", "referenceId": "a", "body": {"Name": "A"}},
        {"method": "POST", "url": f"{API}/sobjects/Contact", "referenceId": "c",
         "body": {"LastName": "Doe", "AccountId": "@{a.id}"}},
        {"method": "POST", "url": f"{API}/sobjects/Contact", "referenceId": "bad", "body": {}},
        {"method": "GET", "url": f"{API}/sobjects/Contact/@{{bad.id}}", "referenceId": "after"},
    ]  # fmt: skip
    answer = await plain_client.call("POST", "/composite", {"compositeRequest": requests})
    subs = answer.json["compositeResponse"]
    assert [sub["httpStatusCode"] for sub in subs] == [201, 201, 400, 400]
    assert subs[3]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    contact = await plain_client.call("GET", f"/sobjects/Contact/{subs[1]['body']['id']}")
    assert contact.json["AccountId"] == subs[0]["body"]["id"]


async def test_an_all_or_none_composite_and_a_graph_undo_what_went_before_the_failure(
    plain_client, salesforce_org: SalesforceOrg
):
    good = {"method": "POST", "url": f"{API}/sobjects/Account", "referenceId": "a", "body": {"Name": "A"}}  # fmt: skip
    bad = {"method": "POST", "url": f"{API}/sobjects/Account", "referenceId": "b", "body": {}}
    answer = await plain_client.call(
        "POST", "/composite", {"allOrNone": True, "compositeRequest": [good, bad]}
    )
    assert [sub["httpStatusCode"] for sub in answer.json["compositeResponse"]] == [400, 400]
    graphs = [
        {"graphId": "1", "compositeRequest": [good, bad]},
        {"graphId": "2", "compositeRequest": [good]},
    ]
    answer = await plain_client.call("POST", "/composite/graph", {"graphs": graphs})
    assert [graph["isSuccessful"] for graph in answer.json["graphs"]] == [False, True]
    assert salesforce_org.org.summary()["records"]["Account"] == 1


async def test_without_the_collate_switch_independent_subrequests_may_be_regrouped(
    plain_client, salesforce_org: SalesforceOrg
):
    body = {
        "compositeRequest": [
            upsert_call("Account", ACCOUNT_KEY, "one", an_account("a")),
            upsert_call("Opportunity", ORDER_KEY, "two", an_opportunity("1", Account={ACCOUNT_KEY: "b"})),
            upsert_call("Account", ACCOUNT_KEY, "three", an_account("b")),
        ]
    }  # fmt: skip
    answer = await plain_client.call("POST", "/composite", body)
    order = [sub["referenceId"] for sub in answer.json["compositeResponse"]]
    assert order == ["one", "three", "two"]
    salesforce_org.org.reset()
    answer = await plain_client.call("POST", "/composite", body | {"collateSubrequests": False})
    subs = answer.json["compositeResponse"]
    assert [sub["referenceId"] for sub in subs] == ["one", "two", "three"]
    assert subs[1]["body"][0]["success"] is False


@pytest.mark.parametrize(("count", "status"), [(5, 200), (6, 400)])
async def test_a_composite_takes_five_collections_not_six(plain_client, count, status):
    requests = [
        upsert_call("Account", ACCOUNT_KEY, f"r{i}", an_account(str(i))) for i in range(count)
    ]
    answer = await plain_client.call("POST", "/composite", {"compositeRequest": requests})
    assert answer.status == status


async def test_a_batch_counts_each_subrequest_against_the_day(
    plain_client, salesforce_org: SalesforceOrg
):
    before = salesforce_org.org.settings.calls_used
    requests = [
        {"method": "POST", "url": "v60.0/sobjects/Account", "richInput": {"Name": "A"}},
        {"method": "GET", "url": "v60.0/sobjects/Account/001Os0000000zzzAAA"},
    ]
    answer = await plain_client.call("POST", "/composite/batch", {"batchRequests": requests})
    assert answer.json["hasErrors"] is True
    assert [result["statusCode"] for result in answer.json["results"]] == [201, 404]
    assert salesforce_org.org.settings.calls_used == before + 2


async def test_describe_tells_what_a_preflight_needs(plain_client):
    answer = await plain_client.call("GET", "/sobjects/Opportunity/describe")
    fields = {item["name"]: item for item in answer.json["fields"]}
    key = fields[ORDER_KEY]
    assert (key["length"], key["externalId"], key["unique"], key["idLookup"]) == (
        64,
        True,
        True,
        True,
    )
    assert (fields["Amount"]["precision"], fields["Amount"]["scale"]) == (18, 2)
    assert fields["AccountId"]["relationshipName"] == "Account"
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert fields["Name"]["nillable"] is False
    assert "Closed Won" in [item["value"] for item in fields["StageName"]["picklistValues"]]
    unknown = await plain_client.call("GET", "/sobjects/Nothing/describe")
    assert (unknown.status, unknown.json[0]["errorCode"]) == (404, "NOT_FOUND")


async def test_every_answer_says_how_much_of_the_day_is_used_in_either_form(
    plain_client, salesforce_org: SalesforceOrg
):
    answer = await plain_client.call("GET", "/limits")
    used = salesforce_org.org.settings.calls_used
    assert answer.headers["Sforce-Limit-Info"] == f"api-usage={used}/100000"
    assert answer.json["DailyApiRequests"] == {"Max": 100_000, "Remaining": 100_000 - used}
    salesforce_org.org.settings.change({"limit_info_form": "bursts"})
    answer = await plain_client.call("GET", "/sobjects/Nothing/describe")
    assert answer.headers["Sforce-Limit-Info"] == f"api-usage={used + 1}/100000; api-bursts=1/750"


async def test_a_spent_day_refuses_with_403_and_its_own_message(
    plain_client, salesforce_org: SalesforceOrg
):
    salesforce_org.org.settings.change({"daily_limit": 1, "calls_used": 0})
    assert (await plain_client.call("GET", "/limits")).status == 200
    answer = await plain_client.call("GET", "/limits")
    assert answer.status == 403
    assert answer.json == [
        {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    ]


async def test_versions_are_public_and_an_unknown_version_is_not_found(plain_client):
    plain_client.token = ""
    versions = await plain_client.call("GET", "/services/data")
    assert versions.json[-1]["version"] == "67.0"
    assert "Sforce-Limit-Info" not in versions.headers
    unknown = await plain_client.call("GET", "/services/data/v99.0/limits")
    assert (unknown.status, unknown.json[0]["errorCode"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("body", [b"{", b"[1", b'{"records": 1}', b'{"records": [1]}', b"[]"])
async def test_a_body_that_cannot_be_read_is_a_json_parser_error(plain_client, body):
    path = f"/composite/sobjects/Account/{ACCOUNT_KEY}"
    answer = await plain_client.send_raw("PATCH", path, body, "application/json")
    assert (answer.status, answer.json[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
