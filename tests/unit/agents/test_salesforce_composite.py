"""Bodies of Collections and Composite calls, and answers back to their rows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
import pytest
import requests

from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.composite import (
    STALE_GUARD_FIELD,
    Collection,
    collection_body,
    collection_call,
    composite_body,
    read_collection,
    read_composite,
    row_bytes,
)
from agents.salesforce.api.deploy import Deployer
from agents.salesforce.api.org_session import OrgApi
from agents.salesforce.api.query import read_queries
from agents.salesforce.auth.oauth_flows import Token
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import BadAnswerError, SalesforceError
from schemas.salesforce import Row

ORDER = Row(
    "Opportunity",
    "Magento_Order_ID__c",
    "100",
    fields={"Name": "Order 100", "Account": {"Magento_Customer_Key__c": "j@x.test"}},
    insert_fields={"LeadSource": "Web"},
    version="2026-01-02T03:04:05Z",
)


def a_collection(size: int = 2, sobject: str = "Account", method: str = "upsert") -> Collection:
    rows = tuple(Row(sobject, "Ext__c", f"k{n}", fields={"Name": str(n)}) for n in range(size))
    return Collection(sobject, "Ext__c", method, rows)  # type: ignore[arg-type]


def the_records(collection: Collection, *guarded: str) -> list[dict[str, object]]:
    return orjson.loads(collection_body(collection, guarded))["records"]


def results(size: int, code: str = "") -> list[dict[str, object]]:
    if code:
        return [{"success": False, "errors": [{"statusCode": code, "message": "m"}]}] * size
    return [{"success": True, "id": f"00100000000000{n}AAA", "created": True} for n in range(size)]


def an_answer(reference: str, body: object, status: object = 200) -> dict[str, object]:
    return {"referenceId": reference, "httpStatusCode": status, "httpHeaders": {}, "body": body}


def test_an_upsert_names_type_external_id_and_parent_but_not_the_insert_fields():
    collection = Collection("Opportunity", "Magento_Order_ID__c", "upsert", (ORDER,))
    assert the_records(collection) == [
        {
            "attributes": {"type": "Opportunity"},
            "Magento_Order_ID__c": "100",
            "Name": "Order 100",
            "Account": {"Magento_Customer_Key__c": "j@x.test"},
        }
    ]
    assert collection_call(collection) == (
        "PATCH",
        "composite/sobjects/Opportunity/Magento_Order_ID__c",
    )


def test_a_create_sends_the_insert_fields_too():
    collection = Collection("Opportunity", "Magento_Order_ID__c", "create", (ORDER,))
    assert the_records(collection)[0]["LeadSource"] == "Web"
    assert collection_call(collection) == ("POST", "composite/sobjects")


def test_the_version_goes_along_where_the_org_guards_against_stale_writes():
    collection = Collection("Opportunity", "Magento_Order_ID__c", "upsert", (ORDER,))
    assert the_records(collection, "Opportunity")[0][STALE_GUARD_FIELD] == "2026-01-02T03:04:05Z"
    assert STALE_GUARD_FIELD not in the_records(collection, "Account")[0]
    assert STALE_GUARD_FIELD not in the_records(a_collection(), "Account")[0]


def test_a_decimal_keeps_its_digits():
    row = Row("Account", "Ext__c", "k", fields={"Amount": Decimal("10.10")})
    body = collection_body(Collection("Account", "Ext__c", "upsert", (row,)), ())
    assert b'"Amount":10.10' in body


@pytest.mark.parametrize("value", [Decimal("NaN"), object(), 2**70, "\ud800"])
def test_a_value_that_json_cannot_hold_is_the_collections_own_fault(value):
    row = Row("Account", "Ext__c", "k", fields={"Name": value})
    with pytest.raises(SalesforceError) as caught:
        collection_body(Collection("Account", "Ext__c", "upsert", (row,)), ())
    assert caught.value.kind is ErrorKind.PERMANENT
    assert caught.value.fix


def test_a_composite_keeps_the_order_and_forbids_the_platform_to_change_it():
    first, second = a_collection(), a_collection(sobject="Contact", method="create")
    body = composite_body(
        [(first, collection_body(first, ())), (second, collection_body(second, ()))],
        version="v58.0",
        headers={"Sforce-Auto-Assign": "FALSE"},
    )
    value = orjson.loads(body)
    assert value["collateSubrequests"] is False
    assert value["allOrNone"] is False
    assert [(r["method"], r["url"], r["referenceId"]) for r in value["compositeRequest"]] == [
        ("PATCH", "/services/data/v58.0/composite/sobjects/Account/Ext__c", "c0"),
        ("POST", "/services/data/v58.0/composite/sobjects", "c1"),
    ]
    assert value["compositeRequest"][0]["httpHeaders"] == {"Sforce-Auto-Assign": "FALSE"}
    assert value["compositeRequest"][0]["body"]["allOrNone"] is False
    assert len(value["compositeRequest"][0]["body"]["records"]) == 2


def test_the_weight_of_a_row_is_never_less_than_what_it_adds_to_a_body():
    collection = Collection("Opportunity", "Magento_Order_ID__c", "create", (ORDER,) * 3)
    one = Collection("Opportunity", "Magento_Order_ID__c", "create", (ORDER,))
    added = len(collection_body(collection, ("Opportunity",))) - len(
        collection_body(one, ("Opportunity",))
    )
    assert row_bytes(ORDER) * 2 >= added


def test_answers_are_found_by_reference_not_by_position():
    collections = [a_collection(1), a_collection(2)]
    value = {
        "compositeResponse": [
            an_answer("c1", results(2, "UNABLE_TO_LOCK_ROW")),
            an_answer("c0", results(1)),
        ]
    }
    first, second = read_composite(value, collections)
    assert first.results
    assert first.results[0].success
    assert second.results
    assert [r.errors[0].code for r in second.results] == ["UNABLE_TO_LOCK_ROW"] * 2


def test_a_refused_collection_does_not_touch_the_others():
    error = [{"errorCode": "INVALID_FIELD", "message": "No such column 'X' on sobject"}]
    value = {"compositeResponse": [an_answer("c0", error, 400), an_answer("c1", results(2))]}
    first, second = read_composite(value, [a_collection(), a_collection()])
    assert first.results is None
    assert first.error
    assert (first.error.kind, first.error.status) == (ErrorKind.CONFIG, 400)
    assert second.results
    assert second.error is None


def test_a_row_that_a_create_accepted_is_a_new_one():
    accepted = {"success": True, "id": "001000000000001AAA", "errors": []}
    refused = {"success": False, "errors": [{"statusCode": "DUPLICATE_VALUE", "message": "m"}]}
    answer = read_collection([accepted, refused], a_collection(2, method="create"))
    assert answer.results
    assert [result.created for result in answer.results] == [True, False]


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [an_answer("c9", results(2))],
        [an_answer("c0", results(2)), an_answer("c0", results(2))],
        [an_answer("c0", results(1))],
        [an_answer("c0", results(3))],
        [an_answer("c0", {"success": True})],
        [an_answer("c0", None)],
        [an_answer("c0", results(2), "200")],
        [an_answer("c0", results(2), None)],
        ["c0"],
    ],
)
def test_an_answer_that_cannot_be_tied_to_its_rows_is_no_answer(entries):
    (answer,) = read_composite({"compositeResponse": entries}, [a_collection()])
    assert answer.results is None
    assert answer.error
    assert answer.error.is_outcome_unknown
    assert answer.error.kind is ErrorKind.TRANSIENT


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"records": [{}], "done": False},
        {"records": ["x"], "done": True},
        {"records": [], "nextRecordsUrl": 7},
    ],
)
def test_a_page_without_its_records_or_the_way_to_the_next_is_not_taken_for_the_end(body):
    good = an_answer("c0", {"records": [], "done": True})
    with pytest.raises(BadAnswerError):
        read_queries({"compositeResponse": [good, an_answer("c1", body)]}, 2)


@pytest.mark.parametrize("value", [None, [], {}, {"compositeResponse": {}}, "x"])
def test_a_body_that_is_no_composite_answer_is_refused_as_a_whole(value):
    with pytest.raises(BadAnswerError):
        read_composite(value, [a_collection()])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'[{"errorCode":"INVALID_SESSION_ID","message":"sesja"}]', ErrorKind.AUTH),
        (b'{"error":"server_error"}', ErrorKind.TRANSIENT),
        (b"<html>Zaloguj</html>", ErrorKind.TRANSIENT),
        (b"", ErrorKind.TRANSIENT),
        (b'[{"errorCode":"X","success":false}]', None),
        (b'{"fields":[]}', None),
    ],
)
def test_a_no_under_the_status_of_a_yes_is_a_no(body, kind):
    answer = requests.Response()
    answer.status_code, answer._content = 200, body
    org = OrgApi(Token("t", "https://x.my.salesforce.com"), requests.Session(), "v60.0")
    if kind is None:
        org.parse_result_to_json(answer)
    else:
        with pytest.raises(SalesforceError) as caught:
            org.parse_result_to_json(answer)
        assert caught.value.kind is kind


DEPLOYS = [
    {"details": [], "numberComponentsTotal": "3"},
    {"details": {"componentFailures": {"fullName": "A", "problem": "é"}}},
    {"details": {"componentFailures": ["x"]}, "done": "true"},
]


@pytest.mark.parametrize("result", DEPLOYS)
async def test_an_odd_answer_about_a_deployment_is_read_as_far_as_it_goes(result):
    org = Deployer(Told({"deployResult": result}))
    assert not (await org.look("0Af")).is_success


@dataclass
class Told:
    """A caller that is told the same whatever it asks."""

    value: Any

    async def call(self, _operation: str, _work: Any, **_options: Any) -> Any:
        return self.value


@pytest.mark.parametrize(
    "page",
    [
        *[None, [], {}, {"records": None}, {"records": {"Id": "1"}}, {"records": ["x"]}],
        *[{"records": [], "done": False}, {"records": [], "nextRecordsUrl": 7}],
    ],
)
async def test_a_page_without_records_finds_no_nothing(page):
    org = OrgClient(Told(page), version="v60.0", headers={})
    with pytest.raises(BadAnswerError):
        _ = [record async for record in org.query("SELECT Id FROM Contact")]
    with pytest.raises(BadAnswerError):
        await org.describe("Contact")
