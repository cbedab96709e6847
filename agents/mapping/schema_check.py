"""Schema check: would this org accept what the mapping sends? Pure, over `describe` answers.

Found before the first order is sent, with the line of the mapping file and the fix, instead of in
400 dead letters. `error`: rows will be refused or doubled. `warning`: something is lost or unsafe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agents.mapping.fields.field_types import FieldType, described_type
from agents.mapping.mapping import Describes
from agents.mapping.mapping import Mapping as RecordMapping
from agents.mapping.model import FieldRule, ParentRule, RowRule
from agents.mapping.reads import paths_of
from agents.mapping.yaml_source import Entry, suggestion
from schemas.digest import is_volatile

VERSION_FIELD = "Magento_Updated_At__c"
PERSON_FLAG = "IsPersonAccount"
NAMES = frozenset({"Name", "LastName"})
DEPLOY = "deploy the metadata package in salesforce/"
GRANT = "give the integration user the permission set orderstream_sync, or field-level security"

Described = Mapping[str, Any]


class Severity(StrEnum):
    """How bad a finding is; `orderstream map --check` exits 1 on an error."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class SchemaFinding:
    """One thing the org will not take. `place` is `mapping.yaml:41`; `fix` says what to do."""

    severity: Severity
    place: str
    sobject: str
    field: str
    problem: str
    fix: str


def check_mapping(mapping: RecordMapping, describes: Describes) -> list[SchemaFinding]:
    """Return what is wrong, in the order of the file; `describes` are answers by sObject.

    An sObject that is missing in `describes` is one the user may not see.
    """
    findings: dict[SchemaFinding, None] = {}
    for row in mapping.rulebook.active_rows():
        findings.update(dict.fromkeys(_row(row, describes)))
    return list(findings)


def _found(
    entry: Entry, row: RowRule, field: str, problem: str, fix: str, *, is_error: bool = True
) -> SchemaFinding:
    severity = Severity.ERROR if is_error else Severity.WARNING
    return SchemaFinding(severity, f"{entry.file}:{entry.line}", row.sobject, field, problem, fix)


def _row(row: RowRule, describes: Describes) -> Iterator[SchemaFinding]:
    describe = describes.get(row.sobject)
    if describe is None:
        fix = f"check the spelling; {GRANT}"
        yield _found(row.entry, row, "", "the org shows no such object", fix)
        return
    fields = {str(field.get("name")): field for field in describe.get("fields") or ()}
    rights = ["createable"] if row.is_insert_only else ["createable", "updateable"]
    missing = [right for right in rights if not describe.get(right, True)]
    if missing:
        problem = f"the object is not {' and not '.join(missing)} for this user"
        yield _found(row.entry, row, "", problem, "give object permissions Create and Edit")
    for rule in row.fields:
        yield from _field(row, rule, fields)
    yield from _external_id(row, fields)
    for parent in row.parents:
        yield from _parent(row, parent, fields, describes)
    yield from _required(row, fields)
    if not row.is_insert_only and VERSION_FIELD not in fields:
        problem = "the org cannot refuse stale writes: the field is not there"
        fix = f"{DEPLOY}: it holds the field and its validation rule"
        yield _found(row.entry, row, VERSION_FIELD, problem, fix, is_error=False)


def _field(
    row: RowRule, rule: FieldRule, fields: Mapping[str, Described]
) -> Iterator[SchemaFinding]:
    described = fields.get(rule.name)
    if described is None:
        yield _unknown(row, rule, fields)
        return
    if described.get("calculated") or described.get("autoNumber"):
        problem = "the field is computed by Salesforce, nobody can write it"
        yield _found(rule.entry, row, rule.name, problem, "remove it from the mapping")
        return
    yield from _contents(row, rule)
    yield from _permissions(row, rule, described)
    actual = described_type(described)
    if actual is None:
        problem = f"fields of type {described.get('type')} cannot be written"
        yield _found(rule.entry, row, rule.name, problem, "remove it from the mapping")
        return
    yield from _type(row, rule, actual)
    yield from _choices(row, rule, described)
    yield from _address(row, rule, fields)


def _contents(row: RowRule, rule: FieldRule) -> Iterator[SchemaFinding]:
    for path in paths_of(rule.value):
        if is_volatile(path):
            problem = f"a change of {path} alone is not written: it counts as no content"
            fix = "expect it to be as old as the last other change (schemas/digest.py)"
            yield _found(rule.entry, row, rule.name, problem, fix, is_error=False)


def _unknown(row: RowRule, rule: FieldRule, fields: Mapping[str, Described]) -> SchemaFinding:
    folded = {name.casefold(): name for name in fields}
    if rule.name.casefold() in folded:
        return _found(
            rule.entry,
            row,
            rule.name,
            f"the org spells it {folded[rule.name.casefold()]}",
            "write it as the org does",
            is_error=False,
        )
    near = suggestion(rule.name, fields) if fields else ""
    fix = f"{near} Or " if near.startswith("did you mean") else ""
    fix += f"{DEPLOY}, or create the field; if it exists, {GRANT}"
    return _found(rule.entry, row, rule.name, "the org shows no such field", fix)


def _permissions(row: RowRule, rule: FieldRule, described: Described) -> Iterator[SchemaFinding]:
    is_insert_only = row.is_insert_only or rule.is_insert_only
    if not described.get("createable", True):
        problem = "the user may not write the field (not createable)"
        yield _found(rule.entry, row, rule.name, problem, GRANT)
    elif not is_insert_only and not described.get("updateable", True):
        problem = "the field can be set on create only (not updateable)"
        fix = f"add `insert_only: true` to it; if it is a matter of permissions, {GRANT}"
        yield _found(rule.entry, row, rule.name, problem, fix)


def _type(row: RowRule, rule: FieldRule, actual: FieldType) -> Iterator[SchemaFinding]:
    declared = rule.type
    if rule.name == row.external_id:
        if actual.kind in ("text", "email") and actual.length < declared.length:
            problem = f"holds {actual.length} characters, the mapping counts on {declared.length}"
            fix = f"lengthen the field: an external ID is never cut ({DEPLOY})"
            yield _found(rule.entry, row, rule.name, problem, fix)
        return
    has_length = actual.length and declared.length
    if has_length and actual.length < declared.length:
        problem = f"holds {actual.length} characters, the mapping counts on {declared.length}"
        fix = f"lengthen the field, or write `type: {declared.kind}({actual.length})`: it is cut"
        yield _found(rule.entry, row, rule.name, problem, fix, is_error=False)
    if actual.kind == "number" and declared.kind == "number":
        if actual.precision - actual.scale < declared.precision - declared.scale:
            problem = f"is a number({actual.precision},{actual.scale}): too short for large values"
            fix = "widen the field, or state its type in the mapping"
            yield _found(rule.entry, row, rule.name, problem, fix, is_error=False)
    elif not _is_alike(declared.kind, actual.kind):
        problem = f"is a {actual.kind} in the org, the mapping makes a {declared.kind}"
        fix = f"write `type: {actual.kind}` and make the value one"
        yield _found(rule.entry, row, rule.name, problem, fix)


WORDS = frozenset({"text", "textarea", "html", "phone", "url", "picklist", "multipicklist"})


def _is_alike(declared: str, actual: str) -> bool:
    """Whether a value made for one type is always taken by the other."""
    return declared == actual or (actual in WORDS and declared != "checkbox")


def _choices(row: RowRule, rule: FieldRule, described: Described) -> Iterator[SchemaFinding]:
    listed = [v for v in described.get("picklistValues") or () if v.get("active", True)]
    if described.get("type") not in ("picklist", "multipicklist") or not listed:
        return
    values = {str(value.get("value")) for value in listed}
    in_any_case = {value.lower() for value in values}  # what a picklist does not know
    is_restricted = bool(described.get("restrictedPicklist"))
    for text, entry in constants(rule):
        if text.lower() not in in_any_case:
            near = suggestion(text, values)
            fix = f"{near} Or " if near.startswith("did you mean") else ""
            fix += "add the value to the picklist in Setup"
            kind = "the restricted picklist" if is_restricted else "the picklist (unrestricted)"
            problem = f"`{text}` is not a value of {kind}"
            yield _found(entry, row, rule.name, problem, fix, is_error=is_restricted)


def constants(rule: FieldRule) -> Iterator[tuple[str, Entry]]:
    """Yield every fixed value the rule can produce, with the line it stands on."""
    pairs = rule.value.entry.pairs or {}
    for key in ("value", "default"):
        if key in pairs and pairs[key].text is not None:
            yield pairs[key].scalar(), pairs[key]
    table = pairs["map"].pairs if "map" in pairs else None
    for entry in (table or {}).values():
        if entry.text is not None:
            yield entry.text, entry


def _address(
    row: RowRule, rule: FieldRule, fields: Mapping[str, Described]
) -> Iterator[SchemaFinding]:
    code = f"{rule.name}Code"
    if code not in fields or any(other.name == code for other in row.fields):
        return
    if rule.name.endswith("Country"):
        problem = f"State and Country picklists are on: the value is sent as {code}"
        fix = f"map `{code}` yourself if the value is not a two-letter code"
        yield _found(rule.entry, row, rule.name, problem, fix, is_error=False)
    elif rule.name.endswith("State"):
        problem = f"State and Country picklists are on: the value is sent as {code}"
        fix = "a state that the org does not have for the country is emptied, with a note"
        yield _found(rule.entry, row, rule.name, problem, fix, is_error=False)


def _external_id(row: RowRule, fields: Mapping[str, Described]) -> Iterator[SchemaFinding]:
    described = fields.get(row.external_id)
    if described is None:
        return
    entry = (row.entry.pairs or {}).get("external_id", row.entry)
    if not described.get("externalId"):
        problem = "is not an External ID: no upsert is possible"
        yield _found(entry, row, row.external_id, problem, f"tick External ID on it; {DEPLOY}")
    if not described.get("unique"):
        problem = "is not Unique: two upserts at once would leave twins"
        yield _found(entry, row, row.external_id, problem, f"tick Unique on it; {DEPLOY}")


def _parent(
    row: RowRule, rule: ParentRule, fields: Mapping[str, Described], describes: Describes
) -> Iterator[SchemaFinding]:
    link = next(
        (f for f in fields.values() if f.get("relationshipName") == rule.relationship), None
    )
    if link is None:
        names = {str(f["relationshipName"]) for f in fields.values() if f.get("relationshipName")}
        fix = suggestion(rule.relationship, names) if names else GRANT
        yield _found(rule.entry, row, rule.relationship, "the org has no such relationship", fix)
        return
    is_insert_only = row.is_insert_only or rule.is_insert_only
    right = "createable" if is_insert_only else "updateable"
    if not link.get(right, True):
        problem = f"the user may not write {link.get('name')} (not {right})"
        yield _found(rule.entry, row, rule.relationship, problem, GRANT)
    known = [name for name in link.get("referenceTo") or () if name in describes]
    targets = [
        field
        for name in known
        for field in describes[name].get("fields") or ()
        if field.get("name") == rule.field
    ]
    if known and not targets:
        problem = f"{' and '.join(known)} has no field {rule.field}"
        yield _found(rule.entry, row, rule.relationship, problem, f"{DEPLOY}, or check `field:`")
    elif targets and not any(field.get("idLookup") for field in targets):
        problem = f"{rule.field} cannot be used to look a parent up (no idLookup)"
        yield _found(
            rule.entry, row, rule.relationship, problem, f"tick External ID on it; {DEPLOY}"
        )


def has_person_accounts(describe: Described) -> bool:
    """Whether the Accounts of the org may be people."""
    return any(field.get("name") == PERSON_FLAG for field in describe.get("fields") or ())


def _required(row: RowRule, fields: Mapping[str, Described]) -> Iterator[SchemaFinding]:
    written = {rule.name for rule in row.fields}
    if PERSON_FLAG in fields and written & NAMES:
        written |= NAMES  # an Account is named by one of them, Salesforce makes the other
    written |= {
        str(f.get("name"))
        for f in fields.values()
        for parent in row.parents
        if f.get("relationshipName") == parent.relationship
    }
    for name, described in fields.items():
        actual = described_type(described)
        if (
            actual is not None
            and actual.is_required
            and described.get("createable", True)
            and name not in written
        ):
            problem = "the org requires the field, the mapping does not fill it"
            yield _found(row.entry, row, name, problem, f"add `{name}:` to the fields")
