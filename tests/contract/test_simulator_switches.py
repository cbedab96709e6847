"""What real orgs have switched on: each switch of the simulated org does what it says."""

from __future__ import annotations

import aiohttp
import pytest
from support.salesforce_fixtures import (
    ACCOUNT_KEY,
    API,
    ORDER_KEY,
    PlainClient,
    an_account,
    an_opportunity,
)

from sandbox.salesforce.messages import LANGUAGES
from sandbox.salesforce.profiles import PROFILES
from sandbox.salesforce.server import SalesforceOrg
from sandbox.salesforce.settings import Settings


async def switch(client: PlainClient, **settings) -> None:
    status, answer = await client.back_door("PATCH", "/settings", settings)
    assert status == 200, answer


async def refusals(client: PlainClient) -> list[dict]:
    """Return refusals of several kinds: of a row, of a call, of a session."""
    (missing,) = await client.upsert("Account", ACCOUNT_KEY, {ACCOUNT_KEY: "x"})
    orphan = an_opportunity("o", Account={ACCOUNT_KEY: "nobody"})
    (parent,) = await client.upsert("Opportunity", ORDER_KEY, orphan)
    query = await client.call("GET", "/query?q=SELECT+Nothing__c+FROM+Account")
    path = await client.call("GET", "/sobjects/Account/4711")
    return [missing["errors"][0], parent["errors"][0], query.json[0], path.json[0]]


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "en_US"])
async def test_messages_speak_the_users_language_and_nothing_else_changes(plain_client, language):
    english = await refusals(plain_client)
    await switch(plain_client, language=language)
    foreign = await refusals(plain_client)
    for before, after in zip(english, foreign, strict=True):
        assert after["message"] != before["message"]
        assert {k: v for k, v in after.items() if k != "message"} == {
            k: v for k, v in before.items() if k != "message"
        }


async def test_an_administrators_own_text_is_not_translated(plain_client):
    await switch(plain_client, language="ja")
    rule = {"sobject": "Account", "name": "R", "formula": "TRUE", "message": "Please ask Bob."}
    await plain_client.back_door("POST", "/rules", rule)
    (refused,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a"))
    assert refused["errors"][0]["message"] == "Please ask Bob."


async def test_maintenance_refuses_every_row_and_still_reads(plain_client):
    await switch(plain_client, read_only=True)
    (row,) = await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a"))
    code = "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"
    assert row["errors"][0]["statusCode"] == code
    assert (await plain_client.call("GET", "/query?q=SELECT+Id+FROM+Account")).status == 200


async def test_full_storage_refuses_creates_while_updates_pass(plain_client):
    await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a"))
    await switch(plain_client, storage_full=True)
    old, new = await plain_client.upsert(
        "Account", ACCOUNT_KEY, an_account("a", Name="Other"), an_account("b")
    )
    assert old["success"]
    assert new["errors"][0]["statusCode"] == "STORAGE_LIMIT_EXCEEDED"


async def test_a_stage_of_no_sales_process_is_refused_though_describe_lists_it(plain_client):
    await switch(plain_client, sales_process="Prospecting,Closed Won")
    describe = await plain_client.call("GET", "/sobjects/Opportunity/describe")
    field = next(f for f in describe.json["fields"] if f["name"] == "StageName")
    assert "Qualification" in {value["value"] for value in field["picklistValues"]}
    fine, refused = await plain_client.upsert(
        "Opportunity",
        ORDER_KEY,
        an_opportunity("1"),
        an_opportunity("2", StageName="Qualification"),
    )
    assert fine["success"]
    assert refused["errors"][0]["fields"] == ["StageName"]


async def test_without_view_setup_limits_are_refused_and_the_rest_works(plain_client):
    await switch(plain_client, view_setup=False)
    assert (await plain_client.call("GET", "/limits")).status == 403
    assert (await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a")))[0]["success"]


async def test_a_retired_version_answers_410_to_everything(plain_client):
    await switch(plain_client, retired_below=61.0)
    answer = await plain_client.call("GET", "/limits")
    assert (answer.status, answer.json[0]["errorCode"]) == (410, "GONE")
    assert (await plain_client.call("GET", "/services/data/v61.0/limits")).status == 200


@pytest.mark.parametrize(("left", "status"), [("gone", 404), ("redirect", 301)])
async def test_a_moved_org_is_not_at_its_old_host_and_a_new_token_names_the_new_one(
    plain_client, left, status
):
    await switch(plain_client, instance_host="localhost", left_instance=left)
    assert (await plain_client.call("GET", "/limits")).status == status
    answer = await plain_client.token_request(
        grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=plain_client.assertion()
    )
    assert answer.json["instance_url"].startswith("http://localhost:")
    headers = {"Authorization": f"Bearer {answer.json['access_token']}"}
    url = f"{answer.json['instance_url']}{API}/limits"
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as moved:
        assert moved.status == 200


async def test_answers_are_packed_for_who_takes_it(plain_client):
    await switch(plain_client, gzip=True)
    answer = await plain_client.call("GET", "/sobjects", **{"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.json["sobjects"]


async def test_a_multi_currency_org_takes_active_currencies_only(plain_client):
    await switch(plain_client, currencies="USD,EUR,-JPY")
    rows = [an_opportunity(c, CurrencyIsoCode=c) for c in ("EUR", "JPY")]
    euro, yen = await plain_client.upsert("Opportunity", ORDER_KEY, *rows)
    assert euro["success"]
    assert yen["errors"][0]["statusCode"] == "INVALID_CURRENCY_ISO"
    (plain,) = await plain_client.upsert("Opportunity", ORDER_KEY, an_opportunity("3"))
    read = await plain_client.call("GET", f"/sobjects/Opportunity/{plain['id']}")
    assert read.json["CurrencyIsoCode"] == "USD"


async def test_address_picklists_refuse_a_state_of_another_country(plain_client):
    await switch(plain_client, address_picklists=True)
    ohio = an_account("a", BillingStateCode="OH", BillingCountryCode="US")
    (first,) = await plain_client.upsert("Account", ACCOUNT_KEY, ohio)
    assert first["success"], first
    (moved,) = await plain_client.upsert(
        "Account", ACCOUNT_KEY, an_account("a", BillingCountryCode="DE")
    )
    assert moved["errors"][0]["statusCode"] == "FIELD_INTEGRITY_EXCEPTION"
    (whole,) = await plain_client.upsert(
        "Account", ACCOUNT_KEY, an_account("a", BillingCountryCode="DE", BillingStateCode=None)
    )
    assert whole["success"], whole


def test_every_profile_is_made_of_settings_that_exist():
    for changes in PROFILES.values():
        Settings().change(changes)


async def test_an_account_with_a_last_name_and_no_name_is_a_person(plain_client):
    await switch(plain_client, person_accounts=True)
    person = {ACCOUNT_KEY: "p", "FirstName": "Ana", "LastName": "Souza", "PersonEmail": "a@b.test"}
    made, business, both = await plain_client.upsert(
        "Account",
        ACCOUNT_KEY,
        person,
        an_account("b"),
        {**person, ACCOUNT_KEY: "x", "Name": "Ana Souza"},
    )
    (late,) = await plain_client.upsert(
        "Account", ACCOUNT_KEY, {ACCOUNT_KEY: "b", "LastName": "Late"}
    )
    assert made["success"], made
    assert business["success"], business
    for refused in (both, late):
        assert refused["errors"][0]["statusCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    read = (await plain_client.call("GET", f"/sobjects/Account/{made['id']}")).json
    assert (read["IsPersonAccount"], read["Name"]) == (True, "Ana Souza")
    contact = await plain_client.call("GET", f"/sobjects/Contact/{read['PersonContactId']}")
    assert contact.json["Email"] == "a@b.test"
    (renamed,) = await plain_client.upsert("Account", ACCOUNT_KEY, {**person, "LastName": "Lima"})
    assert renamed["success"], renamed
    contact = await plain_client.call("GET", f"/sobjects/Contact/{read['PersonContactId']}")
    assert contact.json["Name"] == "Ana Lima"
    nameless = {ACCOUNT_KEY: "p", "LastName": None}
    (refused,) = await plain_client.upsert("Account", ACCOUNT_KEY, nameless)
    assert refused["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"


async def test_a_trigger_refuses_every_row_of_its_collection(
    plain_client, salesforce_org: SalesforceOrg
):
    told = {"code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "no"}
    await plain_client.arm("trigger", external_id="p", **told)
    for method, path in (("PATCH", f"sobjects/Account/{ACCOUNT_KEY}"), ("POST", "sobjects")):
        rows = [{"attributes": {"type": "Account"}, **an_account(key)} for key in ("a", "p")]
        answer = await plain_client.call(method, f"/composite/{path}", {"records": rows})
        assert [row["errors"][0]["statusCode"] for row in answer.json] == [told["code"]] * 2
    assert salesforce_org.org.summary()["writes"] == 0
    assert (await plain_client.upsert("Account", ACCOUNT_KEY, an_account("a")))[0]["success"]
