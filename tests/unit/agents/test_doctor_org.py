"""Misconfigurations of the org: each is found, by name."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support.doctor_facts import found, make

from agents.doctor.org_checks import check_org
from agents.doctor.org_facts import OrgFacts
from agents.mapping.mapping import Mapping
from agents.salesforce.http.usage import Usage
from sandbox.salesforce.records.objects import stock_org

# Salesforce ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return Mapping.load()


@pytest.fixture
def describes(mapping: Mapping) -> dict[str, dict[str, Any]]:
    schema = stock_org()
    answers = {name: schema[name].describe("/services/data/v58.0") for name in mapping.sobjects}
    values = field_of(answers, "Opportunity", "LeadSource")["picklistValues"]
    values.append({"value": "Magento E-commerce", "active": True})  # as an administrator would
    return answers


def org(mapping: Mapping, describes: dict[str, Any], **changes: Any) -> OrgFacts:
    facts = OrgFacts(
        describes=describes,
        guarded=frozenset(describes),
        usage=Usage(100, 100_000),
        versions=frozenset({"v58.0", "v60.0"}),
        skew_seconds=0.4,
    )
    return dataclasses.replace(facts, **changes)


def field_of(describes: dict[str, Any], sobject: str, name: str) -> dict[str, Any]:
    return next(f for f in describes[sobject]["fields"] if f["name"] == name)


def test_an_org_with_the_package_is_fine(mapping, describes) -> None:
    assert found(list(check_org(make(), mapping, org(mapping, describes)))) == {}


@pytest.mark.parametrize(
    ("name", "result", "changes"),
    [
        ("salesforce-login", "fail", {"problem": "invalid_grant: user hasn't approved"}),
        ("clock-salesforce", "fail", {"skew_seconds": -400.0}),
        (
            "salesforce-host",
            "warn",
            {"instance_url": "https://new.my.salesforce.com", "worker_host": "old.example"},
        ),
        ("salesforce-version", "fail", {"versions": frozenset({"v60.0"})}),
        ("salesforce-stale-guard", "warn", {"guarded": frozenset()}),
        ("salesforce-budget", "warn", {"usage": Usage(90_000, 100_000)}),
        ("salesforce-budget", "fail", {"usage": Usage(100_000, 100_000)}),
        ("salesforce-bulk", "warn", {"bulk_batches_left": 0}),
        ("salesforce-records", "fail", {"written": 12, "written_there": 0}),
    ],
)
def test_an_org_that_cannot_be_worked_with_is_found(
    name, result, changes, mapping, describes
) -> None:
    checks = list(check_org(make(), mapping, org(mapping, describes, **changes)))
    assert found(checks) == {name: result}


@pytest.mark.parametrize(("written", "there"), [(0, 0), (12, 12), (12, 1), (12, None)])
def test_records_that_people_deleted_make_no_other_org(mapping, describes, written, there) -> None:
    facts = org(mapping, describes, written=written, written_there=there)
    assert found(list(check_org(make(), mapping, facts))) == {}


@pytest.mark.parametrize(
    ("name", "property_", "value"),
    [
        ("salesforce-unique", "unique", False),
        ("salesforce-external-id", "externalId", False),
        ("salesforce-permissions", "createable", False),
    ],
)
def test_an_external_id_that_does_not_hold_is_found(
    name, property_, value, mapping, describes
) -> None:
    row = next(r for r in mapping.rulebook.active_rows() if r.sobject == "Opportunity")
    field_of(describes, "Opportunity", row.external_id)[property_] = value
    checks = list(check_org(make(), mapping, org(mapping, describes)))
    assert found(checks)[name] == "fail"


def test_a_field_and_an_object_that_are_not_there_are_found(mapping, describes) -> None:
    describes["Opportunity"]["fields"] = [
        f for f in describes["Opportunity"]["fields"] if f["name"] != "StageName"
    ]
    checks = list(check_org(make(), mapping, org(mapping, describes)))
    assert found(checks)["salesforce-fields"] == "fail"
    del describes["Contact"]
    checks = list(check_org(make(), mapping, org(mapping, describes)))
    assert found(checks)["salesforce-objects"] == "fail"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("salesforce-overruling", "Magento_Overruled_By__c"),
        ("salesforce-renaming", "Magento_Customer_ID__c"),
    ],
)
def test_a_package_of_an_earlier_release_is_found(name, field, mapping, describes) -> None:
    for shown in describes.values():
        shown["fields"] = [one for one in shown["fields"] if one["name"] != field]
    checks = list(check_org(make(), mapping, org(mapping, describes)))
    assert found(checks) == {name: "warn"}
    assert any(field in check.detail for check in checks)


def test_without_the_stale_guard_it_is_said_plainly_what_is_not_guaranteed(
    mapping, describes
) -> None:
    checks = list(check_org(make(), mapping, org(mapping, describes, guarded=frozenset())))
    detail = next(c.detail for c in checks if c.name == "salesforce-stale-guard")
    assert "NOT guaranteed" in detail
    assert "all other guarantees hold" in detail


def test_records_that_could_not_be_counted_are_not_passed_over(mapping, describes):
    checks = check_org(make(), mapping, org(mapping, describes, without_key={"Contact": None}))
    (said,) = [check for check in checks if check.name == "salesforce-adoption"]
    assert said.result == "skipped"
