"""The platform's own rules for a record, met over HTTP by a client that shares no code with us."""

from __future__ import annotations

import pytest
from support.salesforce_fixtures import (
    ACCOUNT_KEY,
    ORDER_KEY,
    PlainClient,
    an_account,
    an_opportunity,
)

from sandbox.salesforce.server import SalesforceOrg

VERSION = "Magento_Updated_At__c"


async def first_error(client: PlainClient, **fields):
    (result,) = await client.upsert("Opportunity", ORDER_KEY, an_opportunity("1") | fields)
    assert result["success"] is False
    (error,) = result["errors"]
    return error


async def test_a_new_external_id_creates_and_the_same_one_updates_whatever_its_case(plain_client):
    (created,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("Jane@Doe.example"))
    (updated,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("jane@doe.EXAMPLE"))
    assert (created["success"], created["created"]) == (True, True)
    assert (updated["success"], updated["created"]) == (True, False)
    assert created["id"] == updated["id"]
    assert len(created["id"]) == 18
    assert created["id"].startswith("001")


async def test_results_come_in_request_order_and_a_bad_row_costs_only_itself(plain_client):
    rows = [an_account("a"), {ACCOUNT_KEY: "b"}, an_account("c")]
    results = await plain_client.upsert("Account", ACCOUNT_KEY, *rows)
    assert [result["success"] for result in results] == [True, False, True]
    error = results[1]["errors"][0]
    assert error["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert error["message"] == "Required fields are missing: [Name]"
    assert error["fields"] == ["Name"]


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"Name": "x" * 121}, "STRING_TOO_LONG", f"Name: data value too large: {'x' * 121} (max length=120)"),
        ({"Magento_Customer_Email__c": "no-at-sign"}, "INVALID_EMAIL_ADDRESS", "Magento Customer Email: invalid email address: no-at-sign"),
        ({"Amount": 10**17}, "NUMBER_OUTSIDE_VALID_RANGE", f"Amount: value outside of valid range on numeric field: {10**17}"),
        ({"AccountId": "001"}, "MALFORMED_ID", "Account ID: id value of incorrect type: 001"),
        ({"AccountId": "001Os0000000999AAA"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        ({"AccountId": "003Os0000000001AAA"}, "FIELD_INTEGRITY_EXCEPTION", "Account ID: id value of incorrect type: 003Os0000000001AAA"),
        ({"Account": {ACCOUNT_KEY: "nobody"}}, "INVALID_FIELD", f"Foreign key external ID: nobody not found for field {ACCOUNT_KEY} in entity Account"),
        ({"HasOpportunityLineItem": True}, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: HasOpportunityLineItem. Please check the security settings of this field and verify that it is read/write for your profile or permission set."),
        ({"StageName": ""}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [StageName]"),
    ],
)  # fmt: skip
async def test_a_row_is_refused_with_the_platforms_code_and_text(
    plain_client, fields, code, message
):
    error = await first_error(plain_client, **fields)
    assert (error["statusCode"], error["message"]) == (code, message)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Nothing__c": 1}, "INVALID_FIELD"),
        ({"Amount": "a lot"}, "JSON_PARSER_ERROR"),
        ({"Amount": True}, "JSON_PARSER_ERROR"),
        ({"Name": 7}, "JSON_PARSER_ERROR"),
        ({"CloseDate": "2026-02-30"}, "JSON_PARSER_ERROR"),
        ({"CloseDate": "01.02.2026"}, "JSON_PARSER_ERROR"),
        ({VERSION: "2026-01-01 10:00:00"}, "JSON_PARSER_ERROR"),
        ({"Account": "a@b.c"}, "INVALID_FIELD"),
        ({"Account": {"Phone": "1"}}, "INVALID_FIELD"),
    ],
)
async def test_what_cannot_be_read_refuses_the_whole_call_and_writes_nothing(
    plain_client, salesforce_org: SalesforceOrg, fields, code
):
    records = [
        {"attributes": {"type": "Opportunity"}, **an_opportunity("good")},
        {"attributes": {"type": "Opportunity"}, **an_opportunity("bad"), **fields},
    ]
    answer = await plain_client.call(
        "PATCH", f"/composite/sobjects/Opportunity/{ORDER_KEY}", {"records": records}
    )
    assert answer.status == 400
    assert answer.json[0]["errorCode"] == code
    assert salesforce_org.org.summary()["writes"] == 0


async def test_a_restricted_picklist_refuses_what_an_open_one_accepts(
    plain_client, salesforce_org: SalesforceOrg
):
    (accepted,) = await plain_client.upsert(
        "Opportunity", ORDER_KEY, an_opportunity("1", StageName="Our own stage")
    )
    assert accepted["success"]
    async with plain_client.http.patch(
        f"{salesforce_org.url}/__sim__/schema/Opportunity/StageName",
        json={"restrictedPicklist": True},
    ) as response:
        assert response.status == 200
    (refused,) = await plain_client.upsert(
        "Opportunity", ORDER_KEY, an_opportunity("1", StageName="Our own stage")
    )
    assert refused["errors"][0]["statusCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert refused["errors"][0]["message"] == (
        "Stage: bad value for restricted picklist field: Our own stage"
    )


async def test_rich_text_is_kept_as_html_and_counts_as_that(plain_client, salesforce_org):
    place = f"{salesforce_org.url}/__sim__/schema/Opportunity/Description"
    async with plain_client.http.patch(place, json={"htmlFormatted": True, "length": 24}) as answer:
        assert answer.status == 200
    row = an_opportunity("1", Description="O'Hara & Son &amp; x")
    (written,) = await plain_client.upsert("Opportunity", ORDER_KEY, row)
    assert written["errors"][0]["statusCode"] == "STRING_TOO_LONG"
    row = an_opportunity("1", Description="O'Hara & Son")
    (written,) = await plain_client.upsert("Opportunity", ORDER_KEY, row)
    assert written["success"]
    read = await plain_client.call("GET", f"/sobjects/Opportunity/{ORDER_KEY}/1")
    assert read.json["Description"] == "O&#39;Hara &amp; Son"


async def test_one_external_id_twice_in_a_request_refuses_both_rows(plain_client):
    rows = [an_account("Twice@x.y"), an_account("once@x.y"), an_account("twice@X.Y")]
    results = await plain_client.upsert("Account", ACCOUNT_KEY, *rows)
    assert [result["success"] for result in results] == [False, True, False]
    for refused in (results[0], results[2]):
        assert refused["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
        assert refused["errors"][0]["message"] == "Duplicate external id specified: twice@x.y"


async def test_a_unique_value_another_record_has_is_named_with_that_record(plain_client):
    (first,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a@b.c"))
    answer = await plain_client.call("POST", "/sobjects/Account", an_account("A@b.c"))
    assert answer.status == 400
    assert answer.json[0]["errorCode"] == "DUPLICATE_VALUE"
    assert answer.json[0]["message"] == (
        f"duplicate value found: {ACCOUNT_KEY} duplicates value on record with id: "
        f"{first['id'][:15]}"
    )


async def test_a_parent_is_found_by_its_external_id_and_null_clears_the_link(plain_client):
    (account,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a@b.c"))
    linked = an_opportunity("1", Account={ACCOUNT_KEY: "A@B.C"})
    await plain_client.upsert("Opportunity", ORDER_KEY, linked)
    read = await plain_client.call("GET", f"/sobjects/Opportunity/{ORDER_KEY}/1")
    assert read.json["AccountId"] == account["id"]
    (cleared,) = await plain_client.upsert(
        "Opportunity", ORDER_KEY, {ORDER_KEY: "1", "AccountId": None}
    )
    assert cleared["success"]
    read = await plain_client.call("GET", f"/sobjects/Opportunity/{ORDER_KEY}/1?fields=AccountId")
    assert read.json["AccountId"] is None


async def test_a_null_parent_object_is_a_missing_argument(plain_client):
    error = await first_error(plain_client, Account=None)
    assert error["statusCode"] == "MISSING_ARGUMENT"


async def test_text_is_trimmed_numbers_keep_their_digits_and_times_are_kept_in_utc(plain_client):
    row = an_opportunity(
        "1",
        Name="  Order 1 ",
        Amount="10.005",
        Magento_Customer_Email__c="Jane@Doe.example",
        **{VERSION: "2026-01-01T12:00:00.9+02:00"},
    )
    await plain_client.upsert("Opportunity", ORDER_KEY, row)
    read = await plain_client.call("GET", f"/sobjects/Opportunity/{ORDER_KEY}/1")
    assert read.json["Name"] == "Order 1"
    assert read.json["Amount"] == 10.005
    assert read.json["Magento_Customer_Email__c"] == "jane@doe.example"
    assert read.json[VERSION] == "2026-01-01T10:00:00.000+0000"


async def test_an_older_state_is_refused_by_the_org_itself(plain_client, salesforce_org):
    newer = an_opportunity("1", **{VERSION: "2026-01-02T00:00:00Z"})
    older = an_opportunity("1", Name="Old", **{VERSION: "2026-01-01T00:00:00Z"})
    await plain_client.upsert("Opportunity", ORDER_KEY, newer)
    (refused,) = await plain_client.upsert("Opportunity", ORDER_KEY, older)
    assert refused["errors"] == [
        {
            "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "message": "orderstream: newer state already stored",
            "fields": ["Magento_Updated_At__c"],
        }
    ]
    (equal,) = await plain_client.upsert("Opportunity", ORDER_KEY, newer)
    assert equal["success"]
    (by_hand,) = await plain_client.upsert(
        "Opportunity", ORDER_KEY, {ORDER_KEY: "1", "Name": "By hand"}
    )
    assert by_hand["success"]
    assert salesforce_org.org.summary()["stale_writes"] == 0


async def test_a_write_that_names_itself_passes_the_rule_once(plain_client):
    def saved(day: str, **more: str) -> dict[str, object]:
        return an_opportunity("1", **{VERSION: f"2026-01-{day}T00:00:00Z"}, **more)

    await plain_client.upsert("Opportunity", ORDER_KEY, saved("09"))
    repair = saved("02", Magento_Overruled_By__c="event-1")
    (passed,) = await plain_client.upsert("Opportunity", ORDER_KEY, repair)
    assert passed["success"]
    await plain_client.upsert("Opportunity", ORDER_KEY, saved("05"))
    for late in (repair, saved("04")):
        (refused,) = await plain_client.upsert("Opportunity", ORDER_KEY, late)
        assert not refused["success"]


async def test_with_the_rule_switched_off_the_judge_still_counts_the_stale_write(
    plain_client, salesforce_org: SalesforceOrg
):
    salesforce_org.org.settings.change({"stale_rule": False})
    for day in ("02", "01", "03"):
        row = an_opportunity("1", **{VERSION: f"2026-01-{day}T00:00:00Z"})
        await plain_client.upsert("Opportunity", ORDER_KEY, row)
    assert salesforce_org.org.summary()["stale_writes"] == 1


async def test_the_amount_of_an_opportunity_with_products_is_their_sum_and_cannot_be_written(
    plain_client,
):
    standard = await plain_client.call(
        "GET", "/query?q=SELECT+Id+FROM+Pricebook2+WHERE+IsStandard=true"
    )
    book = standard.json["records"][0]["Id"]
    (product,) = await plain_client.upsert(
        "Product2", "Magento_SKU__c", {"Magento_SKU__c": "S1", "Name": "Shirt", "IsActive": True}
    )
    entry = {"Magento_SKU__c": "S1", "UnitPrice": 20, "Pricebook2Id": book, "IsActive": True}
    (price,) = await plain_client.upsert(
        "PricebookEntry", "Magento_SKU__c", entry | {"Product2": {"Magento_SKU__c": "S1"}}
    )
    assert price["success"], (product, price)
    await plain_client.upsert("Opportunity", ORDER_KEY, an_opportunity("1", Pricebook2Id=book))
    line = {
        "Magento_Item_ID__c": "1-1",
        "Quantity": 3,
        "UnitPrice": 15,
        "PricebookEntry": {"Magento_SKU__c": "S1"},
        "Opportunity": {ORDER_KEY: "1"},
    }
    (written,) = await plain_client.upsert("OpportunityLineItem", "Magento_Item_ID__c", line)
    assert written["success"], written
    (ignored,) = await plain_client.upsert("Opportunity", ORDER_KEY, an_opportunity("1", Amount=1))
    assert ignored["success"]
    read = await plain_client.call("GET", f"/sobjects/Opportunity/{ORDER_KEY}/1?fields=Amount")
    assert read.json["Amount"] == 45
    (wrong,) = await plain_client.upsert("Opportunity", ORDER_KEY, an_opportunity("2"))
    assert wrong["success"]
    stray = line | {"Magento_Item_ID__c": "2-1", "Opportunity": {ORDER_KEY: "2"}}
    (refused,) = await plain_client.upsert("OpportunityLineItem", "Magento_Item_ID__c", stray)
    assert refused["errors"][0]["statusCode"] == "FIELD_INTEGRITY_EXCEPTION"


async def test_the_contact_duplicate_rule_refuses_unless_the_header_allows_it(
    plain_client, salesforce_org: SalesforceOrg
):
    salesforce_org.org.settings.change({"contact_duplicate_rule": "alert"})
    person = {"LastName": "Doe", "Email": "jane@doe.example"}
    first = await plain_client.call("POST", "/sobjects/Contact", person)
    assert first.status == 201
    refused = await plain_client.call("POST", "/sobjects/Contact", person)
    assert refused.json[0]["errorCode"] == "DUPLICATES_DETECTED"
    assert refused.json[0]["duplicateResut"]["allowSave"] is True
    allowed = await plain_client.call(
        "POST", "/sobjects/Contact", person, **{"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    )
    assert allowed.status == 201
