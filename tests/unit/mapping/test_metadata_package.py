"""The deployable package holds what the default mapping writes, and the rule the worker relies on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from agents.mapping.mapping import Mapping
from agents.mapping.schema_check import VERSION_FIELD
from agents.salesforce.api.composite import CUSTOMER_ID_FIELD, OVERRULE_FIELD
from agents.salesforce.errors.errors import STALE_MARKER
from sandbox.salesforce.records.objects import stock_org

PACKAGE = Path(__file__).resolve().parents[3] / "salesforce"
SOURCE = PACKAGE / "force-app" / "main" / "default"
LINE_SOURCES = (PACKAGE / "line-items", PACKAGE / "order-items")
VERSIONED = ("Account", "Contact", "Lead", "Opportunity")
OF_CUSTOMERS = ("Account", "Contact")
GUARD_FIELDS = (VERSION_FIELD, OVERRULE_FIELD)
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
RULE = "Orderstream_Refuses_Stale_Writes"
TYPES = {"text": "Text", "textarea": "TextArea", "email": "Email", "datetime": "DateTime"}
# Universally required: the platform grants them and refuses them in a permission set.
ALWAYS_GRANTED = {"Name", "StageName", "CloseDate", "LastName", "FirstName", "Company"}
COMPOUND = re.compile(r"(Billing|Mailing|)(Street|City|State|PostalCode|Country)")

MAPPING = Mapping.load()
ROWS = (*MAPPING.rulebook.order.rows, *MAPPING.rulebook.customer.rows)
CUSTOM = {
    (row.sobject, field.name): (field.type, field.name == row.external_id)
    for row in ROWS
    for field in row.fields
    if field.name.endswith("__c")
}
FILES = sorted(PACKAGE.rglob("*.xml"))


def read(path: Path) -> dict[str, str]:
    root = ET.parse(path).getroot()  # noqa: S314 - our own files
    return {child.tag.removeprefix(NAMESPACE): child.text or "" for child in root}


def field_file(sobject: str, name: str) -> Path:
    return SOURCE / "objects" / sobject / "fields" / f"{name}.field-meta.xml"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parents[1].name}-{path.name}")
def test_every_file_is_well_formed_and_bears_its_own_name(path) -> None:
    root = ET.parse(path).getroot()  # noqa: S314 - our own files
    assert root.tag.startswith(NAMESPACE)
    if root.tag != f"{NAMESPACE}PermissionSet":
        assert read(path)["fullName"] == path.name.split(".")[0]


@pytest.mark.parametrize(("sobject", "name"), sorted(CUSTOM))
def test_every_custom_field_of_the_mapping_is_in_the_package_as_the_mapping_counts_on_it(
    sobject, name
) -> None:
    field_type, is_key = CUSTOM[sobject, name]
    made = read(field_file(sobject, name))
    assert made["type"] == TYPES[field_type.kind]
    assert made.get("length", str(field_type.length)) == str(field_type.length)
    assert ("length" in made) is (made["type"] == "Text")
    assert made["externalId"] == ("true" if is_key else "false")
    assert made.get("unique", "false") == ("true" if is_key else "false")
    assert made["required"] == "false"


def test_nothing_is_deployed_that_nobody_uses() -> None:
    made = {
        (path.parents[1].name, path.name.split(".")[0]) for path in SOURCE.rglob("*.field-meta.xml")
    }
    guard = {(sobject, name) for sobject in VERSIONED for name in GUARD_FIELDS}
    assert made == {*CUSTOM, *guard, *((sobject, CUSTOMER_ID_FIELD) for sobject in OF_CUSTOMERS)}


@pytest.mark.parametrize("sobject", OF_CUSTOMERS)
def test_the_customers_id_is_found_by_index_and_may_stand_twice(sobject) -> None:
    field = read(field_file(sobject, CUSTOMER_ID_FIELD))
    assert (field["externalId"], field["unique"]) == ("true", "false")


@pytest.mark.parametrize("sobject", VERSIONED)
def test_the_org_refuses_stale_writes_with_the_text_the_worker_knows(sobject) -> None:
    assert read(field_file(sobject, VERSION_FIELD))["type"] == "DateTime"
    rule = read(
        SOURCE / "objects" / sobject / "validationRules" / f"{RULE}.validationRule-meta.xml"
    )
    assert rule["errorMessage"] == STALE_MARKER
    is_older = f"{VERSION_FIELD} < PRIORVALUE({VERSION_FIELD})"
    assert rule["errorConditionFormula"] == f"AND({is_older}, NOT(ISCHANGED({OVERRULE_FIELD})))"
    assert rule["active"] == "true"


def granted() -> dict[str, tuple[str, str]]:
    path = SOURCE / "permissionsets" / "orderstream_sync.permissionset-meta.xml"
    root = ET.parse(path).getroot()  # noqa: S314 - our own files
    return {
        entry.findtext(f"{NAMESPACE}field", ""): (
            entry.findtext(f"{NAMESPACE}editable", ""),
            entry.findtext(f"{NAMESPACE}readable", ""),
        )
        for entry in root.iter(f"{NAMESPACE}fieldPermissions")
    }


def test_the_permission_set_grants_every_field_the_mapping_writes_and_no_other() -> None:
    wanted = {f"{sobject}.{name}" for sobject in VERSIONED for name in GUARD_FIELDS}
    wanted |= {f"{sobject}.{CUSTOMER_ID_FIELD}" for sobject in OF_CUSTOMERS}
    for row in ROWS:
        for field in row.fields:
            if field.name in ALWAYS_GRANTED:
                continue
            compound = COMPOUND.fullmatch(field.name)
            wanted.add(f"{row.sobject}.{compound[1] + 'Address' if compound else field.name}")
        wanted |= {f"{row.sobject}.{parent.relationship}Id" for parent in row.parents}
    assert granted() == dict.fromkeys(wanted, ("true", "true"))


def test_the_permission_set_opens_every_object_for_upserts() -> None:
    path = SOURCE / "permissionsets" / "orderstream_sync.permissionset-meta.xml"
    root = ET.parse(path).getroot()  # noqa: S314 - our own files
    rights = {
        entry.findtext(f"{NAMESPACE}object", ""): {
            child.tag.removeprefix(NAMESPACE) for child in entry if child.text == "true"
        }
        for entry in root.iter(f"{NAMESPACE}objectPermissions")
    }
    assert {*rights} == {row.sobject for row in ROWS}
    for allowed in rights.values():
        assert {"allowCreate", "allowEdit", "allowRead"} <= allowed
        assert "allowDelete" not in allowed


def test_the_project_file_points_at_the_source() -> None:
    project = json.loads((PACKAGE / "sfdx-project.json").read_text())
    for directory in project["packageDirectories"]:
        assert (PACKAGE / directory["path"] / "main" / "default").is_dir()
    assert re.fullmatch(r"\d+\.0", project["sourceApiVersion"])


def test_the_simulated_org_has_the_custom_fields_of_the_package_and_no_others() -> None:
    described = {"Text": "string", "TextArea": "textarea", "Email": "email", "DateTime": "datetime"}
    made = {
        (sobject.name, field.name): field.type
        for sobject in stock_org().values()
        for field in sobject.fields.values()
        if field.name.endswith("__c")
    }
    assert made == {
        (path.parents[1].name, path.name.split(".")[0]): described[read(path)["type"]]
        for path in PACKAGE.rglob("*.field-meta.xml")
    }
    bare = stock_org(has_package=False)
    assert not [name for org in bare.values() for name in org.fields if name.endswith("__c")]


def line_rules():
    found = {}
    for use in ("opportunity", "order"):
        book = Mapping.parse(f"line_items: {use}\norder: {{rows: []}}").rulebook
        found |= {
            (r.sobject, f.name): (f.type, r.external_id) for r in book.line_rules for f in r.fields
        }
    return found


def test_the_fields_of_lines_are_in_packages_of_their_own_as_the_rules_count_on_them() -> None:
    made = {
        (path.parents[1].name, path.name.split(".")[0]): read(path)
        for source in LINE_SOURCES
        for path in source.rglob("*.field-meta.xml")
    }
    keys = {name: at for name, at in line_rules().items() if name[1].endswith("__c")}
    versioned = {"Order", "OrderItem", "OpportunityLineItem"}
    guard = {(sobject, name) for sobject in versioned for name in GUARD_FIELDS}
    assert {*made} == {*keys, *guard}
    for name, (field_type, external_id) in keys.items():
        assert external_id == name[1]
        assert made[name]["length"] == str(field_type.length)
        assert made[name]["externalId"] == made[name]["unique"] == "true"


def test_the_org_refuses_stale_lines_with_the_text_the_worker_knows() -> None:
    rules = [path for source in LINE_SOURCES for path in source.rglob("*.validationRule-meta.xml")]
    assert {path.parents[1].name for path in rules} == {"Order", "OrderItem", "OpportunityLineItem"}
    for path in rules:
        assert read(path)["errorMessage"] == STALE_MARKER
