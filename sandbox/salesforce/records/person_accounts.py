"""Person Accounts: an Account that is a person, and the Contact that the platform keeps behind it.

| sent | becomes |
|---|---|
| LastName, no Name | a person: Name is made of its parts, a Contact is made with it |
| Name, no field of a person | a business account |
| a field of the other kind | INVALID_FIELD_FOR_INSERT_UPDATE, bad field names |

What an account is, it stays.
"""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.records.fieldkinds import (
    address,
    choice,
    email,
    flag,
    link,
    phone,
    plain,
    readonly,
    text,
)
from sandbox.salesforce.records.records import Store
from sandbox.salesforce.records.rules import Prepared
from sandbox.salesforce.records.schema import Field

Values = dict[str, Any]

IS_PERSON = "IsPersonAccount"
# field of the person → field of the Contact behind it
_MIRRORED = {
    "FirstName": "FirstName",
    "LastName": "LastName",
    "Salutation": "Salutation",
    "PersonEmail": "Email",
    "PersonMobilePhone": "MobilePhone",
    "PersonTitle": "Title",
    "PersonBirthdate": "Birthdate",
} | {
    f"PersonMailing{part}": f"Mailing{part}"
    for part in ("Street", "City", "State", "PostalCode", "Country")
}


def person_fields() -> list[Field]:
    """Return what an Account has more where Person Accounts are on."""
    return [
        readonly(flag(IS_PERSON)),
        text("FirstName", 40),
        text("LastName", 80),
        choice("Salutation", ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx."), length=40),
        email("PersonEmail"),
        phone("PersonMobilePhone"),
        text("PersonTitle", 128),
        plain("PersonBirthdate", "date"),
        *address("PersonMailing"),
        readonly(link("PersonContactId", "Contact", relationship="PersonContact")),
    ]


def settle_person(old: Values | None, new: Values, prepared: Prepared) -> None:
    """Decide what a written Account is, and refuse the fields of the other kind."""
    sent = {name for name, value in prepared.values.items() if value is not None}
    is_person = "LastName" in sent if old is None else bool(old.get(IS_PERSON))
    new[IS_PERSON] = is_person
    wrong = sorted(sent & ({"Name"} if is_person else set(_MIRRORED)))
    if wrong:
        names = ", ".join(wrong)
        prepared.errors.append(
            RecordError(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Account: bad field names on insert/update call: {names}",
                wrong,
            )
        )
    if is_person and new.get("LastName") is None:
        text = "Required fields are missing: [LastName]"
        prepared.errors.append(RecordError("REQUIRED_FIELD_MISSING", text, ["LastName"]))
    if is_person:
        new["Name"] = " ".join(filter(None, (new.get("FirstName"), new.get("LastName"))))


def keep_contact(store: Store, account: Values) -> None:
    """Make, change or delete the Contact behind an Account that was written or deleted."""
    if not account.get(IS_PERSON):
        return
    accounts, contacts = store.tables["Account"], store.tables["Contact"]
    known = account.get("PersonContactId")
    if account["Id"] not in accounts.records:
        if known in contacts.records:
            store.remove(contacts, str(known))
        return
    mirrored = {name: account.get(own) for own, name in _MIRRORED.items()}
    stamps = {name: account[name] for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")}
    key = str(known or contacts.new_id())
    own = {"Id": key, "AccountId": account["Id"], "Name": account["Name"], "IsDeleted": False}
    store.put(contacts, key, {**contacts.records.get(key, {}), **mirrored, **stamps, **own})
    if known is None:
        store.put(accounts, account["Id"], {**account, "PersonContactId": key})
