"""What an org has switched on that a mapping must fit: currencies, record types, Person Accounts.

Pure. `features_of` reads the answer to `connect/organization`, which says the currency of an org
that has one; without that answer it is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.mapping.fields.currencies import CURRENCY_FIELD
from agents.mapping.mapping import Describes
from agents.mapping.mapping import Mapping as RecordMapping
from agents.mapping.model import RowRule
from agents.mapping.schema_check import (
    PERSON_FLAG,
    SchemaFinding,
    Severity,
    check_mapping,
    constants,
    has_person_accounts,
)

PERSON_FIELDS = frozenset({"LastName", "FirstName", "PersonEmail"})
PROCESSED = ("StageName", "Status")  # held against the record type's process, restricted or not
WITH_PERSONS = (
    "Person Accounts are on: this mapping makes a business account and a Contact of each person",
    "take `orderstream map --print-person-accounts`, unless people are business accounts here",
)
WITHOUT_PERSONS = (
    "Person Accounts are off in this org, and this mapping writes them",
    "take the mapping of `orderstream map --print-default`",
)
ACTIVATE = "activate it (Setup > Manage Currencies); its orders become dead letters until then"


@dataclass(frozen=True, slots=True)
class OrgFeatures:
    """`only_currency` is '' in a multi-currency org, and where the org does not say.

    `choices` are the picklist values of the user's record type, by (sObject, field): describe lists
    those of all record types.
    """

    only_currency: str = ""
    choices: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)


def features_of(organization: Mapping[str, Any]) -> OrgFeatures:
    """Return what the answer to GET connect/organization says."""
    features = organization.get("features")
    if not isinstance(features, Mapping) or features.get("multiCurrency"):
        return OrgFeatures()
    return OrgFeatures(only_currency=str(features.get("defaultCurrencyIsoCode") or ""))


def check_fit(
    mapping: RecordMapping, describes: Describes, features: OrgFeatures | None = None
) -> list[SchemaFinding]:
    """Return everything about the org that the mapping does not fit, the file's order first."""
    found = check_mapping(mapping, describes)
    features = features or OrgFeatures()
    found += _currencies(mapping, describes, features)
    found += _record_types(mapping, describes, features)
    found += _person_accounts(mapping, describes)
    return found


def _person_accounts(mapping: RecordMapping, describes: Describes) -> Iterator[SchemaFinding]:
    """Say which mapping fits where people are Accounts, and where they are not."""
    if "Account" not in describes:
        return
    has_persons = has_person_accounts(describes["Account"])
    for row in mapping.rulebook.active_rows():
        if row.sobject != "Account":
            continue
        is_person = any(rule.name in PERSON_FIELDS for rule in row.fields)
        if is_person == has_persons:
            continue
        place = f"{row.entry.file}:{row.entry.line}"
        problem, fix = WITHOUT_PERSONS if is_person else WITH_PERSONS
        severity = Severity.ERROR if is_person else Severity.WARNING
        yield SchemaFinding(severity, place, "Account", PERSON_FLAG, problem, fix)
        return


def record_type_of(describe: Mapping[str, Any]) -> str:
    """Return the id of the record type that new records of this user get; '' for the only one."""
    infos = describe.get("recordTypeInfos") or ()
    for info in infos:
        if info.get("defaultRecordTypeMapping") and not info.get("master"):
            return str(info.get("recordTypeId") or "")
    return ""


def _record_types(
    mapping: RecordMapping, describes: Describes, features: OrgFeatures
) -> Iterator[SchemaFinding]:
    """Find fixed values that describe lists and the user's record type does not offer."""
    for row in mapping.rulebook.active_rows():
        shown = {str(f.get("name")): f for f in describes.get(row.sobject, {}).get("fields") or ()}
        for rule in row.fields:
            allowed = features.choices.get((row.sobject, rule.name))
            is_strict = rule.name in PROCESSED or bool(
                shown.get(rule.name, {}).get("restrictedPicklist")
            )
            if allowed is None or not is_strict:
                continue
            in_any_case = {text.lower() for text in allowed}
            for text, entry in constants(rule):
                if text.lower() not in in_any_case:
                    yield SchemaFinding(
                        Severity.ERROR,
                        f"{entry.file}:{entry.line}",
                        row.sobject,
                        rule.name,
                        f"`{text}` is not a picklist value of the user's record type",
                        "add it to the record type or its sales process, or map another",
                    )


def _currencies(
    mapping: RecordMapping, describes: Describes, features: OrgFeatures
) -> Iterator[SchemaFinding]:
    rows = [row for row in mapping.rulebook.active_rows() if _has_money(row, describes)]
    wanted = mapping.rulebook.currencies
    if not rows:
        return
    active = _active_currencies(describes, rows)
    if active is None:
        for code in wanted:
            if features.only_currency not in ("", code):
                problem = f"{code} is stored as if it were {features.only_currency}, the only one"
                fix = "switch multiple currencies on in the org, or `amount: {currency: base}`"
                yield _found(rows[0], problem, fix, is_error=False)
        return
    for code in wanted:
        if code not in active:
            yield _found(rows[0], f"{code} is not an active currency of the org", ACTIVATE)
    if not wanted:
        problem = f"active currencies are {', '.join(sorted(active))}: others are refused"
        fix = "list your store's in the mapping, `amount: {currencies: [EUR]}`, to have it checked"
        yield _found(rows[0], problem, fix, is_error=False)


def _has_money(row: RowRule, describes: Describes) -> bool:
    fields = describes.get(row.sobject, {}).get("fields") or ()
    money = {str(shown.get("name")) for shown in fields if shown.get("type") == "currency"}
    return any(rule.name in money for rule in row.fields)


def _active_currencies(describes: Describes, rows: list[RowRule]) -> set[str] | None:
    for row in rows:
        for shown in describes[row.sobject].get("fields") or ():
            if shown.get("name") == CURRENCY_FIELD:
                listed = shown.get("picklistValues") or ()
                return {str(v.get("value")) for v in listed if v.get("active", True)}
    return None


def _found(row: RowRule, problem: str, fix: str, *, is_error: bool = True) -> SchemaFinding:
    severity = Severity.ERROR if is_error else Severity.WARNING
    place = f"{row.entry.file}:{row.entry.line}"
    return SchemaFinding(severity, place, row.sobject, CURRENCY_FIELD, problem, fix)
