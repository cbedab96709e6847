"""The schema check finds what the org would refuse, names the line, and says what to do."""

from __future__ import annotations

import pytest

from agents.mapping.mapping import Mapping, default_text
from agents.mapping.schema_check import SchemaFinding, Severity, check_mapping
from sandbox.salesforce.records.objects import stock_org
from stream.errors import MappingError

ALL = ("Account", "Contact", "Opportunity", "Lead")


@pytest.fixture
def org():
    """Describe answers of an org with the metadata package deployed, free to be spoilt."""
    return {name: sobject.describe("/services/data/v58.0") for name, sobject in stock_org().items()}


def field_of(org: dict, sobject: str, name: str) -> dict:
    return next(field for field in org[sobject]["fields"] if field["name"] == name)


def drop(org: dict, sobject: str, name: str) -> None:
    org[sobject]["fields"] = [f for f in org[sobject]["fields"] if f["name"] != name]


def line_of(text: str, after: str) -> int:
    lines = default_text().splitlines()
    start = next(index for index, line in enumerate(lines) if after in line)
    return next(index + 1 for index, line in enumerate(lines) if index >= start and text in line)


def errors(org: dict, mapping: Mapping | None = None) -> list[SchemaFinding]:
    found = check_mapping(mapping or Mapping.load(), org)
    return [finding for finding in found if finding.severity is Severity.ERROR]


def test_the_default_mapping_fits_an_org_with_the_package(org) -> None:
    assert errors(org) == []
    assert (
        errors(org, Mapping.parse(default_text().replace("target: opportunity", "target: lead", 1)))
        == []
    )


@pytest.mark.parametrize("name", ["email_sent", "payment.send_notification"])
def test_a_field_made_of_what_counts_as_no_content_is_warned_of(org, name) -> None:
    """Where nothing else changed, the event is `unchanged`: the field would keep its old value."""
    text = default_text().replace("{from: billing.city,", f"{{from: {name},", 1)
    found = [one for one in check_mapping(Mapping.parse(text), org) if name in one.problem]
    assert [(one.field, one.severity) for one in found] == [("Billing_City__c", Severity.WARNING)]
    assert [one for one in check_mapping(Mapping.load(), org) if "alone" in one.problem] == []


def test_only_what_the_target_can_reach_is_checked(org) -> None:
    del org["Lead"]
    assert errors(org) == []


def test_an_object_the_user_may_not_see(org) -> None:
    del org["Contact"]
    found = errors(org)
    assert {(f.sobject, f.problem) for f in found} == {("Contact", "the org shows no such object")}
    assert "orderstream_sync" in found[0].fix


def test_an_object_without_create_or_edit_permission(org) -> None:
    org["Opportunity"] |= {"createable": False, "updateable": False}
    assert [f.problem for f in errors(org)] == [
        "the object is not createable and not updateable for this user"
    ]


def test_a_missing_field_names_the_line_and_the_near_name(org) -> None:
    drop(org, "Opportunity", "Amount")
    (found,) = errors(org)
    assert found.place == f"default.yaml:{line_of('Amount:', 'sobject: Opportunity')}"
    assert found.problem == "the org shows no such field"
    mapping = Mapping.parse(default_text().replace("LeadSource: {value", "LeadSorce: {value"))
    (found,) = errors(org | {"Opportunity": org["Opportunity"]}, mapping)[-1:]
    assert found.fix.startswith("did you mean `LeadSource`?")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"createable": False, "updateable": False},
            "the user may not write the field (not createable)",
        ),
        ({"updateable": False}, "the field can be set on create only (not updateable)"),
        ({"calculated": True}, "the field is computed by Salesforce, nobody can write it"),
        ({"type": "base64"}, "fields of type base64 cannot be written"),
        ({"type": "string", "length": 20}, None),
        ({"type": "boolean"}, "is a checkbox in the org, the mapping makes a number"),
        ({"type": "date"}, "is a date in the org, the mapping makes a number"),
    ],
)
def test_a_field_nobody_can_write_as_the_mapping_does(org, change, problem) -> None:
    field_of(org, "Opportunity", "Amount").update(change)
    assert [f.problem for f in errors(org)] == ([problem] if problem else [])


def test_a_field_that_is_set_on_create_only_is_fine_in_an_insert_only_row(org) -> None:
    field_of(org, "Contact", "Phone")["updateable"] = False
    found = errors(org)
    lines = {int(f.place.rpartition(":")[2]) for f in found}
    assert [f.field for f in found] == ["Phone"]
    assert min(lines) > line_of("customer:", "customer:")


def test_a_field_that_is_too_short_is_a_warning_because_values_are_cut(org) -> None:
    field_of(org, "Opportunity", "Name")["length"] = 40
    found = [f for f in check_mapping(Mapping.load(), org) if f.field == "Name"]
    assert [(f.severity, f.problem) for f in found] == [
        (Severity.WARNING, "holds 40 characters, the mapping counts on 120")
    ]


def test_a_number_field_that_is_too_short(org) -> None:
    field_of(org, "Opportunity", "Amount").update(precision=8, scale=2)
    found = [f for f in check_mapping(Mapping.load(), org) if f.field == "Amount"]
    assert [f.problem for f in found] == ["is a number(8,2): too short for large values"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"externalId": False}, "is not an External ID: no upsert is possible"),
        ({"unique": False}, "is not Unique: two upserts at once would leave twins"),
        ({"length": 10}, "holds 10 characters, the mapping counts on 64"),
    ],
)
def test_an_external_id_must_be_external_unique_and_long_enough(org, change, problem) -> None:
    field_of(org, "Opportunity", "Magento_Order_ID__c").update(change)
    assert [f.problem for f in errors(org)] == [problem]


def test_a_parent_must_be_found_by_its_external_id(org) -> None:
    field_of(org, "Account", "Magento_Customer_Key__c")["idLookup"] = False
    found = errors(org)
    assert {f.sobject for f in found} == {"Contact", "Opportunity"}
    assert all("no idLookup" in f.problem for f in found)


def test_a_parent_that_does_not_exist_is_named_with_what_does(org) -> None:
    mapping = Mapping.parse(default_text().replace("Account: {field", "Acount: {field"))
    found = [f for f in errors(org, mapping) if f.field == "Acount"]
    assert found
    assert found[0].fix == "did you mean `Account`?"


def test_the_link_field_must_be_writable(org) -> None:
    field_of(org, "Opportunity", "AccountId")["updateable"] = False
    assert [f.problem for f in errors(org)] == ["the user may not write AccountId (not updateable)"]


def test_a_stage_the_org_does_not_have_names_the_line_of_the_map(org) -> None:
    stage = field_of(org, "Opportunity", "StageName")
    stage["picklistValues"] = [v for v in stage["picklistValues"] if v["value"] != "Closed Won"]
    found = [f for f in check_mapping(Mapping.load(), org) if f.field == "StageName"]
    assert [(f.severity, f.place) for f in found] == [
        (Severity.WARNING, f"default.yaml:{line_of('complete: Closed Won', 'StageName')}")
    ]
    stage["restrictedPicklist"] = True
    (error,) = errors(org)
    assert error.problem == "`Closed Won` is not a value of the restricted picklist"
    assert error.fix == "did you mean `Closed Lost`? Or add the value to the picklist in Setup"


def test_a_stage_in_other_letters_is_the_orgs_stage(org) -> None:
    stage = field_of(org, "Opportunity", "StageName")
    stage["restrictedPicklist"] = True
    for value in stage["picklistValues"]:
        value["value"] = value["value"].upper()
    assert errors(org) == []


def test_a_field_the_org_requires_and_nobody_fills(org) -> None:
    field_of(org, "Opportunity", "NextStep").update(nillable=False, defaultedOnCreate=False)
    (error,) = errors(org)
    assert (error.field, error.fix) == ("NextStep", "add `NextStep:` to the fields")


def test_an_org_without_the_stale_guard_is_warned_about() -> None:
    bare = {n: s.describe("") for n, s in stock_org(has_version_field=False).items()}
    found = check_mapping(Mapping.load(), bare)
    assert {f.sobject for f in found if f.field == "Magento_Updated_At__c"} == set(ALL) - {"Lead"}
    assert not [f for f in found if f.severity is Severity.ERROR]


def with_country_picklists(org: dict) -> dict:
    for sobject in ("Account", "Contact"):
        prefix = "Billing" if sobject == "Account" else "Mailing"
        for part, values in (("Country", ["US", "FR"]), ("State", ["CA"])):
            org[sobject]["fields"].append(
                field_of(org, sobject, f"{prefix}{part}")
                | {
                    "name": f"{prefix}{part}Code",
                    "type": "picklist",
                    "restrictedPicklist": True,
                    "picklistValues": [{"value": value, "active": True} for value in values],
                }
            )
    return org


def test_state_and_country_picklists_are_warned_about_and_lived_with(org, document, order) -> None:
    with_country_picklists(org)
    found = [f for f in check_mapping(Mapping.load(), org) if "picklists are on" in f.problem]
    assert {f.severity for f in found} == {Severity.WARNING}
    assert {f.field for f in found} == {
        "BillingState",
        "BillingCountry",
        "MailingState",
        "MailingCountry",
    }
    mapped = Mapping.load().refined(org).apply(document(order))
    account = mapped.rows[0].insert_fields
    assert account["BillingCountryCode"] == "FR"
    assert not {"BillingCountry", "BillingState"} & {*account}
    assert account["BillingStateCode"] is None
    what = "emptied, the org has no such state of the country"
    assert f"Account.BillingStateCode: {what}" in mapped.notes


def test_refined_by_the_org_values_follow_its_lengths_and_picklists(org, document, order) -> None:
    field_of(org, "Opportunity", "Name")["length"] = 10
    field_of(org, "Opportunity", "LeadSource")["restrictedPicklist"] = True
    mapped = Mapping.load().refined(org).apply(document(order))
    row = mapped.rows[-1]
    assert row.fields["Name"] == "Order 2000"
    assert "LeadSource" not in row.fields
    assert (
        "Opportunity.LeadSource: not a value of the restricted picklist, left out" in mapped.notes
    )


def test_an_org_that_differs_in_type_never_stops_the_worker(org, document, order) -> None:
    for name in ("StageName", "LeadSource"):
        field_of(org, "Opportunity", name).update(type="date", picklistValues=[])
    refined = Mapping.load().refined(org)
    assert refined.version == Mapping.load().version
    order["state"] = "new"
    assert errors(org)
    with pytest.raises(MappingError, match=r"Opportunity.StageName is empty and required"):
        refined.apply(document(order))
