"""SOQL over HTTP: what it finds, how it shows it, and how it refuses nonsense."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from support.salesforce_fixtures import ACCOUNT_KEY, API, ORDER_KEY, an_account, an_opportunity

from sandbox.salesforce.server import SalesforceOrg


@pytest.fixture
async def stocked(plain_client):
    """Three opportunities: 1 and 2 of Jane, 3 of nobody."""
    await plain_client.upsert("Account", ACCOUNT_KEY, an_account("jane@x.y", Name="Jane O'Doe"))
    owner = {"Account": {ACCOUNT_KEY: "jane@x.y"}}
    rows = [
        an_opportunity("1", Amount=10, CloseDate="2026-01-01", **owner),
        an_opportunity("2", Amount=20, CloseDate="2026-02-01", StageName="Closed Won", **owner),
        an_opportunity("3", Amount=None, CloseDate="2026-03-01"),
    ]
    results = await plain_client.upsert("Opportunity", ORDER_KEY, *rows)
    assert all(result["success"] for result in results)
    return plain_client


async def ask(client, soql: str):
    return await client.call("GET", f"/query?q={quote(soql)}")


async def keys(client, where: str) -> list[str]:
    answer = await ask(client, f"SELECT {ORDER_KEY} FROM Opportunity {where}")
    assert answer.status == 200, answer.text
    return [record[ORDER_KEY] for record in answer.json["records"]]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("WHERE Magento_Order_ID__c = '2'", ["2"]),
        ("WHERE Magento_Order_ID__c IN ('3', '1', 'x') ORDER BY Magento_Order_ID__c", ["1", "3"]),
        ("WHERE Magento_Order_ID__c NOT IN ('3')", ["1", "2"]),
        ("WHERE Amount > 10", ["2"]),
        ("WHERE Amount <= 20 AND Amount >= 10.0", ["1", "2"]),
        ("WHERE Amount = null", ["3"]),
        ("WHERE Amount != null", ["1", "2"]),
        ("WHERE NOT StageName = 'closed won'", ["1", "3"]),
        ("WHERE Name LIKE 'order %' AND (Amount < 15 OR Amount = null)", ["1", "3"]),
        ("WHERE CloseDate >= 2026-02-01", ["2", "3"]),
        ("WHERE CreatedDate > 2020-01-01T00:00:00Z AND CloseDate < 2026-02-01", ["1"]),
        ("WHERE Account.Name = 'Jane O\\'Doe'", ["1", "2"]),
        (f"WHERE Account.{ACCOUNT_KEY} = 'JANE@x.y'", ["1", "2"]),
        ("WHERE AccountId = null", ["3"]),
        ("ORDER BY Amount DESC NULLS LAST", ["2", "1", "3"]),
        ("ORDER BY Amount ASC", ["3", "1", "2"]),
        ("ORDER BY CloseDate DESC LIMIT 1 OFFSET 1", ["2"]),
        ("WHERE Magento_Order_ID__c = 'nothing'", []),
    ],
)
async def test_where_and_order_find_what_the_platform_would(stocked, where, found):
    assert await keys(stocked, where) == found


async def test_parents_are_shown_as_nested_objects_and_null_without_parent(stocked):
    answer = await ask(stocked, "SELECT Id, Account.Name FROM Opportunity ORDER BY CloseDate")
    first, _, last = answer.json["records"]
    assert first["Account"]["Name"] == "Jane O'Doe"
    assert first["Account"]["attributes"]["type"] == "Account"
    assert last["Account"] is None
    assert first["attributes"]["url"] == f"{API}/sobjects/Opportunity/{first['Id']}"


async def test_counting(stocked):
    bare = await ask(stocked, "SELECT COUNT() FROM Opportunity WHERE Amount != null")
    assert bare.json == {"totalSize": 2, "done": True, "records": []}
    counted = await ask(stocked, "SELECT COUNT(Id) FROM Opportunity")
    assert counted.json["records"][0]["expr0"] == 3
    grouped = await ask(
        stocked,
        "SELECT AccountId, COUNT(Id) n FROM Opportunity GROUP BY AccountId HAVING COUNT(Id) > 1",
    )
    (row,) = grouped.json["records"]
    assert row["n"] == 2


async def test_long_answers_come_in_pages(stocked, salesforce_org: SalesforceOrg):
    salesforce_org.org.settings.change({"query_page_size": 2})
    first = await ask(stocked, f"SELECT {ORDER_KEY} FROM Opportunity ORDER BY CloseDate")
    assert (first.json["totalSize"], first.json["done"]) == (3, False)
    second = await stocked.call("GET", first.json["nextRecordsUrl"])
    assert second.json["done"] is True
    assert "nextRecordsUrl" not in second.json
    shown = [row[ORDER_KEY] for row in first.json["records"] + second.json["records"]]
    assert shown == ["1", "2", "3"]
    gone = await stocked.call("GET", "/query/01gOs0000000000099-2")
    assert (gone.status, gone.json[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT FROM Opportunity", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE Name = 'open", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE (Amount = 1", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity LIMIT x", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity; DROP", "MALFORMED_QUERY"),
        ("UPDATE Opportunity", "MALFORMED_QUERY"),
        ("SELECT Nothing__c FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Nothing__c = 1", "INVALID_FIELD"),
        ("SELECT Nobody.Name FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Amount = '1'", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Magento_Order_ID__c = 1", "INVALID_FIELD"),
        ("SELECT Name, COUNT(Id) FROM Opportunity", "MALFORMED_QUERY"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
    ],
)
async def test_nonsense_is_refused_with_the_platforms_code(stocked, soql, code):
    answer = await ask(stocked, soql)
    assert (answer.status, answer.json[0]["errorCode"]) == (400, code)


async def test_the_place_of_an_unknown_column_is_shown_with_the_values_beside_it(stocked):
    """As Salesforce does: who logs the message has logged whom the query looked for."""
    answer = await ask(stocked, "SELECT Id FROM Contact WHERE Nothing__c IN ('+49 151 2345678')")
    message = answer.json[0]["message"]
    assert "Nothing__c IN ('+49 151 2345678')" in message
    assert "^\nERROR at Row:1:Column:30\nNo such column 'Nothing__c'" in message
