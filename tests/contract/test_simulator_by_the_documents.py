"""Where the simulated org was found to differ from Salesforce's documents, and what real orgs say.

Sources: REST API guide (allOrNone in Composite and Collections; status codes), SOQL guide
(relationship queries), public reports of METHOD_NOT_ALLOWED bodies.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest
from support.salesforce_fixtures import ACCOUNT_KEY, API, ORDER_KEY, an_account, an_opportunity

UNKNOWN_ACCOUNT = "001Os0000000zzzAAA"


def sub(method: str, path: str, reference: str, body=None) -> dict:
    return {"method": method, "url": f"{API}{path}", "referenceId": reference, "body": body}


def collection(reference: str, *rows: dict, is_all_or_none: bool = False) -> dict:
    records = [{"attributes": {"type": "Account"}, **row} for row in rows]
    body = {"allOrNone": is_all_or_none, "records": records}
    return sub("PATCH", f"/composite/sobjects/Account/{ACCOUNT_KEY}", reference, body)


async def composite(client, *requests: dict, is_all_or_none: bool = False) -> list[dict]:
    body = {
        "allOrNone": is_all_or_none,
        "collateSubrequests": False,
        "compositeRequest": list(requests),
    }
    answer = await client.call("POST", "/composite", body)
    assert answer.status == 200, answer.text
    return answer.json["compositeResponse"]


async def test_the_outer_all_or_none_overrides_that_of_collections_inside(plain_client):
    good, bad = an_account("a"), {ACCOUNT_KEY: "b"}  # without the required Name
    rows, lone = await composite(
        plain_client,
        collection("rows", good, bad),
        sub("POST", "/sobjects/Account", "lone", {"Name": "Lone"}),
        is_all_or_none=True,
    )
    codes = [row["errors"][0]["statusCode"] for row in rows["body"]]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert lone["body"][0]["errorCode"] == "PROCESSING_HALTED"
    _, shown = await plain_client.back_door("GET", "/records/Account")
    assert shown["total"] == 0


async def test_without_the_outer_flag_each_collection_goes_by_its_own(plain_client):
    bad = {ACCOUNT_KEY: "b"}
    await composite(
        plain_client,
        collection("strict", an_account("a"), bad, is_all_or_none=True),
        collection("loose", an_account("c"), bad),
    )
    _, shown = await plain_client.back_door("GET", "/records/Account")
    assert [record[ACCOUNT_KEY] for record in shown["records"]] == ["c"]


async def test_a_subrequest_may_end_in_a_slash_as_a_call_may(plain_client):
    await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a"))
    soql = quote("SELECT Id FROM Account")
    found, listed, limits = await composite(
        plain_client,
        sub("GET", f"/query/?q={soql}", "found"),
        sub("GET", "/sobjects/", "listed"),
        sub("GET", "/limits/", "limits"),
    )
    assert found["body"]["totalSize"] == 1
    assert listed["body"]["sobjects"]
    assert limits["httpStatusCode"] == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "message"),
    [
        ("GET", f"/{UNKNOWN_ACCOUNT}", 404, "NOT_FOUND", "The requested resource does not exist"),
        ("PATCH", f"/{UNKNOWN_ACCOUNT}", 404, "NOT_FOUND", "The requested resource does not exist"),
        (
            "DELETE",
            f"/{UNKNOWN_ACCOUNT}",
            404,
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
        ),
        *(
            (
                method,
                "/4711",
                404,
                "NOT_FOUND",
                "Provided external ID field does not exist or is not accessible: 4711",
            )
            for method in ("GET", "PATCH", "DELETE")
        ),
        (
            "PATCH",
            "",
            405,
            "METHOD_NOT_ALLOWED",
            "HTTP Method 'PATCH' not allowed. Allowed are HEAD,GET,POST",
        ),
    ],
)
async def test_what_a_path_cannot_be_is_told_as_salesforce_tells_it(
    plain_client, method, path, *, status, code, message
):
    answer = await plain_client.call(method, f"/sobjects/Account{path}", {"Name": "X"})
    assert (answer.status, answer.json[0]["errorCode"]) == (status, code)
    assert answer.json[0]["message"] == message


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/query"),
        ("POST", "/limits"),
        ("DELETE", "/composite"),
        ("PUT", "/composite/sobjects"),
        ("PUT", "/jobs/ingest"),
        ("POST", f"/sobjects/Account/{ACCOUNT_KEY}/k"),
    ],
)
async def test_a_wrong_method_is_405_on_every_resource(plain_client, method, path):
    answer = await plain_client.call(method, path, {})
    assert answer.status == 405
    assert answer.json[0]["errorCode"] == "METHOD_NOT_ALLOWED"


async def test_a_resource_that_does_not_exist_stays_404_and_head_is_served(plain_client):
    assert (await plain_client.call("POST", "/nowhere", {})).status == 404
    assert (await plain_client.call("HEAD", "/limits")).status == 200


async def test_parents_are_read_with_their_children(plain_client):
    await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a"), an_account("lonely"))
    parent = {"Account": {ACCOUNT_KEY: "a"}}
    rows = [an_opportunity(str(n), Amount=n, **parent) for n in range(1, 5)]
    await plain_client.upsert("Opportunity", ORDER_KEY, *rows)
    inner = "SELECT Name, Amount FROM Opportunities WHERE Amount > 1 ORDER BY Amount DESC LIMIT 2"
    soql = f"SELECT {ACCOUNT_KEY}, ({inner}) FROM Account ORDER BY {ACCOUNT_KEY}"
    answer = await plain_client.call("GET", f"/query?q={quote(soql)}")
    first, second = answer.json["records"]
    children = first["Opportunities"]
    assert [record["Amount"] for record in children["records"]] == [4, 3]
    assert children["records"][0]["attributes"]["type"] == "Opportunity"
    assert (children["totalSize"], children["done"]) == (2, True)
    assert second["Opportunities"] is None


async def test_an_unknown_relationship_is_refused_and_describe_lists_the_known_ones(plain_client):
    soql = quote("SELECT Id, (SELECT Id FROM Payments) FROM Account")
    answer = await plain_client.call("GET", f"/query?q={soql}")
    assert (answer.status, answer.json[0]["errorCode"]) == (400, "INVALID_TYPE")
    described = await plain_client.call("GET", "/sobjects/Account/describe")
    names = {child["relationshipName"] for child in described.json["childRelationships"]}
    assert {"Contacts", "Opportunities", "Orders", "ChildAccounts"} <= names


@pytest.mark.parametrize(
    ("formula", "refused"),
    [
        ('AND(ISPICKVAL(StageName, "Closed Won"), ISBLANK(Amount))', {"Amount": None}),
        ("Amount < 0 || Amount > 1000", {"Amount": 1001}),
        ("NOT(ISNEW()) && ISCHANGED(Amount)", None),
        ('LEN(Name) < 3 && Name <> "ok"', {"Name": "x"}),
    ],
)
async def test_a_validation_rule_given_from_outside_refuses_the_rows_it_is_true_for(
    plain_client, formula, refused
):
    rule = {"sobject": "Opportunity", "name": "R", "formula": formula, "message": "Não assim."}
    status, _ = await plain_client.back_door("POST", "/rules", rule | {"field": "Amount"})
    assert status == 201
    fine = an_opportunity("1", StageName="Closed Won")
    (first,) = await plain_client.upsert("Opportunity", ORDER_KEY, fine)
    assert first["success"], first
    changed = fine | (refused or {"Amount": 5})
    (second,) = await plain_client.upsert("Opportunity", ORDER_KEY, changed)
    (error,) = second["errors"]
    assert error == {
        "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "message": "Não assim.",
        "fields": ["Amount"],
    }
    await plain_client.back_door("DELETE", "/rules/Opportunity/R")
    (third,) = await plain_client.upsert("Opportunity", ORDER_KEY, changed)
    assert third["success"], third


@pytest.mark.parametrize("formula", ["Amount <", "Nothing__c = 1", "NOSUCH(Amount)", "(Amount"])
async def test_a_rule_the_org_could_not_evaluate_is_refused_at_once(plain_client, formula):
    rule = {"sobject": "Opportunity", "name": "R", "formula": formula, "message": "no"}
    status, answer = await plain_client.back_door("POST", "/rules", rule)
    assert status == 400, answer


async def test_one_record_may_be_named_in_twelve_rows_of_an_update(plain_client):
    """SOAP API guide, update(): further ones are marked with an error, the others are processed."""
    (made,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a"))
    rows = [
        {"attributes": {"type": "Account"}, "id": made["id"], "Phone": str(n)} for n in range(14)
    ]
    answer = await plain_client.call("PATCH", "/composite/sobjects", {"records": rows})
    assert [row["success"] for row in answer.json] == [True] * 12 + [False] * 2
    assert answer.json[-1]["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
