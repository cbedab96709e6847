"""What an org knows about its objects and fields, and how it tells (`describe`).

The rules, SOQL and the bulk jobs all read these classes, and the admin side edits them while the
simulator runs: a dropped, shortened or locked field is how a misconfigured org is played.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

NUMERIC = frozenset({"currency", "double", "percent", "int"})
TEXTUAL = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "id", "reference"})

_LONGEST_FILTERABLE = 255  # long text areas cannot be used in WHERE


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `length` counts characters; `precision` and `scale` count digits.

    `is_required` means: null is refused and nothing fills it in. `default` is stored on create when
    the field is not sent. `refers_to` and `relationship` are set on references only.
    """

    name: str
    type: str = "string"
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    is_required: bool = False
    is_createable: bool = True
    is_updateable: bool = True
    is_external_id: bool = False
    is_unique: bool = False
    is_id_lookup: bool = False
    picklist: tuple[str, ...] = ()
    is_restricted: bool = False
    is_html: bool = False
    refers_to: str = ""
    relationship: str = ""
    children: str = ""
    default: Any = None
    entries: tuple[tuple[str, str, str], ...] = ()  # (value, label, validFor) of a dependent list

    @property
    def is_indexed(self) -> bool:
        """Whether queries need not look at every record: the platform indexes Email by itself."""
        is_key = self.is_external_id or self.is_unique or self.is_id_lookup
        return is_key or bool(self.refers_to) or self.type in ("id", "email")

    def describe(self) -> dict[str, Any]:
        """Return the field as `describe` answers it (the properties an integration reads)."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "length": self.length if self.type in TEXTUAL else 0,
            "byteLength": self.length * 3 if self.type in TEXTUAL else 0,
            "precision": self.precision if self.type != "int" else 0,
            "digits": self.precision if self.type == "int" else 0,
            "scale": self.scale,
            "nillable": not self.is_required and self.type not in ("id", "boolean"),
            "defaultedOnCreate": self.default is not None or not self.is_createable,
            "defaultValue": self.default,
            "createable": self.is_createable,
            "updateable": self.is_updateable,
            "custom": self.name.endswith("__c"),
            "externalId": self.is_external_id,
            "idLookup": self.is_id_lookup or self.is_external_id or self.type == "id",
            "unique": self.is_unique,
            "caseSensitive": False,
            "filterable": self.type != "textarea" or self.length <= _LONGEST_FILTERABLE,
            "groupable": self.type in TEXTUAL,
            "sortable": True,
            "calculated": False,
            "autoNumber": False,
            "deprecatedAndHidden": False,
            "restrictedPicklist": self.is_restricted,
            "htmlFormatted": self.is_html,
            "picklistValues": [
                {
                    "value": value,
                    "label": label,
                    "active": True,
                    "defaultValue": value == self.default,
                    "validFor": valid_for or None,
                }
                for value, label, valid_for in (
                    self.entries or ((value, value, "") for value in self.picklist)
                )
            ],
            "relationshipName": self.relationship or None,
            "referenceTo": [self.refers_to] if self.refers_to else [],
        }


@dataclass(slots=True)
class SObject:
    """One object type. `prefix` is the first three characters of its record ids.

    `revision` grows with every change, so that what was compiled from it knows it is old.
    """

    name: str
    label: str
    prefix: str
    fields: dict[str, Field] = field(default_factory=dict)
    revision: int = 0

    def find(self, name: str) -> Field | None:
        """Return the field of that name; the platform ignores case in field names."""
        if name in self.fields:
            return self.fields[name]
        folded = name.casefold()
        return next((item for key, item in self.fields.items() if key.casefold() == folded), None)

    def reference_named(self, relationship: str) -> Field | None:
        """Return the reference field behind a relationship name (`Account` → `AccountId`)."""
        folded = relationship.casefold()
        links = (item for item in self.fields.values() if item.relationship)
        return next((item for item in links if item.relationship.casefold() == folded), None)

    def put(self, item: Field) -> None:
        self.fields[item.name] = item
        self.revision += 1

    def drop(self, name: str) -> None:
        """Remove a field; raises KeyError when there is none."""
        del self.fields[name]
        self.revision += 1

    def describe(self, base: str, schema: Mapping[str, SObject] | None = None) -> dict[str, Any]:
        """Return the object's describe; `base` is `/services/data/vXX.0`.

        The relationships of its children are found in `schema`.
        """
        return self.summary(base) | {
            "fields": [item.describe() for item in self.fields.values()],
            "childRelationships": [
                {
                    "childSObject": child.name,
                    "field": item.name,
                    "relationshipName": item.children or None,
                    "cascadeDelete": item.is_required,
                    "deprecatedAndHidden": False,
                    "restrictedDelete": False,
                }
                for child, item in children_of(self.name, schema or {})
            ],
            "recordTypeInfos": [],
            "supportedScopes": [{"label": f"All {self.label}s", "name": "everything"}],
        }

    def summary(self, base: str) -> dict[str, Any]:
        """Return the short form, as the global describe lists it."""
        url = f"{base}/sobjects/{self.name}"
        return {
            "name": self.name,
            "label": self.label,
            "labelPlural": f"{self.label}s",
            "keyPrefix": self.prefix,
            "custom": self.name.endswith("__c"),
            "createable": True,
            "updateable": True,
            "deletable": True,
            "queryable": True,
            "retrieveable": True,
            "searchable": True,
            "urls": {
                "sobject": url,
                "describe": f"{url}/describe",
                "rowTemplate": f"{url}/{{ID}}",
            },
        }


def children_of(
    name: str, schema: Mapping[str, SObject], relationship: str = ""
) -> Iterator[tuple[SObject, Field]]:
    """Yield the objects and fields that refer to an object, all or one relationship's."""
    folded = relationship.casefold()
    for child in schema.values():
        for item in child.fields.values():
            if item.refers_to == name and (not folded or item.children.casefold() == folded):
                yield child, item


# describe's property → our attribute: what the admin side may change
EDITABLE: dict[str, str] = {
    "type": "type",
    "label": "label",
    "length": "length",
    "precision": "precision",
    "scale": "scale",
    "createable": "is_createable",
    "updateable": "is_updateable",
    "externalId": "is_external_id",
    "unique": "is_unique",
    "idLookup": "is_id_lookup",
    "restrictedPicklist": "is_restricted",
    "htmlFormatted": "is_html",
    "picklistValues": "picklist",
    "defaultValue": "default",
    "referenceTo": "refers_to",
    "relationshipName": "relationship",
}


def edited(item: Field, changes: dict[str, Any]) -> Field:
    """Return the field with describe-style `changes` applied, e.g. `{"length": 10}`.

    Raises ValueError that names the property when it is not one of `EDITABLE` or `nillable`.
    """
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "nillable":
            values["is_required"] = not value
        elif name == "picklistValues":
            values["picklist"] = tuple(
                entry["value"] if isinstance(entry, dict) else str(entry) for entry in value
            )
        elif name in EDITABLE:
            values[EDITABLE[name]] = value
        else:
            known = ", ".join(["nillable", *EDITABLE])
            raise ValueError(f"field property {name!r} cannot be set; known: {known}")
    return replace(item, **values)
