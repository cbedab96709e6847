"""What our metadata package would change in an org, component by component.

| action | means |
|---|---|
| create | the org does not have it |
| change | it has it, otherwise: shorter, not unique, not an External ID, another formula |
| ok | it is there as we need it |
| blocked | it is there as something else: a person must decide |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from agents.mapping_preview.describe import describes_of
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.record_updates import create_record
from agents.salesforce.api.soql import quoted
from schemas.metadata_package import Component, CustomField, PermissionSet, ValidationRule

# metadata's type → describe's
DESCRIBED = {"Text": "string", "TextArea": "textarea", "Email": "email", "DateTime": "datetime"}

Record = Mapping[str, Any]


class ComponentAction(StrEnum):
    """What becomes of a component."""

    CREATE = "create"
    CHANGE = "change"
    OK = "ok"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class ComponentPlan:
    """One component. `detail` says what differs."""

    kind: str
    name: str
    action: ComponentAction
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OrgState:
    """What the org has: describes by sObject, rules by `Object.Name`, permission sets, users."""

    describes: Mapping[str, Record]
    rules: Mapping[str, Record]
    permission_sets: frozenset[str] = frozenset()
    assigned: frozenset[str] = frozenset()


def plan(components: Iterable[Component], org: OrgState) -> list[ComponentPlan]:
    """Return what deploying the components would do."""
    return [_plan(component.what, org) for component in components]


def _plan(what: CustomField | ValidationRule | PermissionSet, org: OrgState) -> ComponentPlan:
    match what:
        case CustomField():
            action, detail = _field(what, org)
            return ComponentPlan("field", f"{what.sobject}.{what.name}", action, detail)
        case ValidationRule():
            action, detail = _rule(what, org)
            return ComponentPlan("rule", f"{what.sobject}.{what.name}", action, detail)
        case PermissionSet():
            # What it grants cannot be compared without reading it back: deploying it is harmless.
            is_there = what.name in org.permission_sets
            detail = "its rights are written again" if is_there else ""
            action = ComponentAction.CHANGE if is_there else ComponentAction.CREATE
            return ComponentPlan("permission set", what.name, action, detail)


def _field(field: CustomField, org: OrgState) -> tuple[ComponentAction, str]:
    describe = org.describes.get(field.sobject)
    if describe is None:
        return ComponentAction.BLOCKED, f"the org shows no {field.sobject} to this user"
    found = next((f for f in describe.get("fields") or () if f.get("name") == field.name), None)
    if found is None:
        return ComponentAction.CREATE, ""
    kind = DESCRIBED.get(field.type, field.type)
    if found.get("type") != kind:
        return ComponentAction.BLOCKED, f"it is a {found.get('type')} there, not a {kind}"
    differs = [
        f"{name} is {now}, not {wanted}"
        for name, now, wanted in (
            ("External ID", bool(found.get("externalId")), field.is_external_id),
            ("Unique", bool(found.get("unique")), field.is_unique),
        )
        if wanted and now != wanted
    ]
    length = int(found.get("length") or 0)
    if field.length and length < field.length:
        differs.append(f"length is {length}, not {field.length}")
    return (ComponentAction.CHANGE, "; ".join(differs)) if differs else (ComponentAction.OK, "")


def _rule(rule: ValidationRule, org: OrgState) -> tuple[ComponentAction, str]:
    found = org.rules.get(f"{rule.sobject}.{rule.name}")
    if found is None:
        return ComponentAction.CREATE, ""
    if not found.get("active"):
        return ComponentAction.CHANGE, "it is not active"
    if "".join(str(found.get("errorConditionFormula")).split()) != "".join(rule.formula.split()):
        return ComponentAction.CHANGE, "the formula is another"
    return ComponentAction.OK, ""


async def read_org(client: OrgClient, components: Sequence[Component], user_id: str) -> OrgState:
    """Ask the org for what the components are compared with. Raises SalesforceError."""
    fields = [c.what for c in components if isinstance(c.what, CustomField)]
    describes = await describes_of(client, list(dict.fromkeys(field.sobject for field in fields)))
    names = [c.what.name for c in components if isinstance(c.what, PermissionSet)]
    listed = ", ".join(quoted(name) for name in names) or "''"
    soql = f"SELECT Id, Name FROM PermissionSet WHERE Name IN ({listed})"  # noqa: S608 - quoted
    sets = {str(r["Name"]): str(r["Id"]) async for r in client.query(soql)}
    return OrgState(
        describes,
        await _rules(client, components),
        frozenset(sets),
        await _assigned(client, sets, user_id),
    )


async def _rules(client: OrgClient, components: Sequence[Component]) -> dict[str, Record]:
    wanted = {c.what.name for c in components if isinstance(c.what, ValidationRule)}
    found: dict[str, Record] = {}
    for name in wanted:
        fields = "Id, EntityDefinition.QualifiedApiName"
        where = f"ValidationName = {quoted(name)}"
        soql = f"SELECT {fields} FROM ValidationRule WHERE {where}"  # noqa: S608 - quoted
        for record in await _tooling(client, soql):
            # The platform gives Metadata of one rule at a time.
            rule_id = quoted(str(record["Id"]))
            by_id = f"SELECT Metadata FROM ValidationRule WHERE Id = {rule_id}"  # noqa: S608 - quoted
            (only,) = await _tooling(client, by_id)
            sobject = record["EntityDefinition"]["QualifiedApiName"]
            found[f"{sobject}.{name}"] = only["Metadata"]
    return found


async def _tooling(client: OrgClient, soql: str) -> list[Any]:
    answer = await client.read("tooling", f"tooling/query?q={quote(soql, safe='')}")
    return list(answer.get("records") or ())


async def _assigned(client: OrgClient, sets: Mapping[str, str], user_id: str) -> frozenset[str]:
    if not sets or not user_id.isalnum():
        return frozenset()
    fields = "SELECT PermissionSetId FROM PermissionSetAssignment"
    soql = f"{fields} WHERE AssigneeId = {quoted(user_id)}"
    ids = {str(r["PermissionSetId"]) async for r in client.query(soql)}
    return frozenset(name for name, key in sets.items() if key in ids)


async def assign(client: OrgClient, names: Sequence[str], user_id: str) -> list[str]:
    """Assign permission sets that the user lacks; return their names. Raises SalesforceError."""
    listed = ", ".join(quoted(name) for name in names)
    soql = f"SELECT Id, Name FROM PermissionSet WHERE Name IN ({listed})"  # noqa: S608 - quoted
    sets = {str(r["Name"]): str(r["Id"]) async for r in client.query(soql)}
    missing = sets.keys() - await _assigned(client, sets, user_id)
    for name in sorted(missing):
        fields = {"AssigneeId": user_id, "PermissionSetId": sets[name]}
        await create_record(client, "PermissionSetAssignment", fields)
    return sorted(missing)
