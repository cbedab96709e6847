"""The Salesforce metadata package of this repository, as data: fields, rules, permission sets.

One source for everybody: `orderstream org` deploys it, and the simulated org is made from it. The
same readers take the elements of a deployed zip apart, where an object's fields stand in one file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
FOLDERS = ("force-app", "line-items", "order-items")

_Q = f"{{{NAMESPACE}}}"
_CHECKOUT = Path(__file__).resolve().parents[1] / "salesforce"
_INSTALLED = Path(sys.prefix) / "share" / "orderstream" / "salesforce"


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field as metadata spells it: `type` is Text, TextArea, DateTime, Email, …"""

    sobject: str
    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    is_external_id: bool = False
    is_unique: bool = False
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """A row is refused with `message` where the formula is true."""

    sobject: str
    name: str
    formula: str
    message: str
    is_active: bool = True
    field: str = ""


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """`fields` are `Object.Field` that may be edited; `objects` that may be read at least."""

    name: str
    label: str
    fields: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Component:
    """One component with the element it was read from, for whoever sends it on."""

    what: CustomField | ValidationRule | PermissionSet
    element: ET.Element


def package_folder() -> Path:
    """Return where the package is: beside the code, or where an installation put it."""
    return _CHECKOUT if _CHECKOUT.is_dir() else _INSTALLED


def read_package(*folders: str, root: Path | None = None) -> list[Component]:
    """Return the components in these folders of the package; all of its folders without any.

    Raises FileNotFoundError when a folder is not there.
    """
    found: list[Component] = []
    for name in folders or FOLDERS:
        source = (root or package_folder()) / name / "main" / "default"
        if not source.is_dir():
            raise FileNotFoundError(f"no metadata package in {source}")
        found += _components(source)
    return found


def _components(source: Path) -> Iterator[Component]:
    for path in sorted(source.rglob("*-meta.xml")):
        element = ET.parse(path).getroot()  # noqa: S314 - our own files
        sobject = path.parents[1].name
        match path.name.removesuffix("-meta.xml").rpartition(".")[2]:
            case "field":
                yield Component(field_of(sobject, element), element)
            case "validationRule":
                yield Component(rule_of(sobject, element), element)
            case "permissionset":
                name = path.name.split(".")[0]
                yield Component(permission_set_of(name, element), element)


def field_of(sobject: str, element: ET.Element) -> CustomField:
    return CustomField(
        sobject,
        _text(element, "fullName"),
        _text(element, "label"),
        _text(element, "type"),
        length=int(_text(element, "length") or 0),
        precision=int(_text(element, "precision") or 0),
        scale=int(_text(element, "scale") or 0),
        is_external_id=_flag(element, "externalId"),
        is_unique=_flag(element, "unique"),
        is_required=_flag(element, "required"),
    )


def rule_of(sobject: str, element: ET.Element) -> ValidationRule:
    return ValidationRule(
        sobject,
        _text(element, "fullName"),
        _text(element, "errorConditionFormula"),
        _text(element, "errorMessage"),
        is_active=_flag(element, "active"),
        field=_text(element, "errorDisplayField"),
    )


def permission_set_of(name: str, element: ET.Element) -> PermissionSet:
    """Return the permission set in its element; its name is its file's."""
    return PermissionSet(
        name,
        _text(element, "label"),
        frozenset(
            _text(entry, "field")
            for entry in element.iter(f"{_Q}fieldPermissions")
            if _flag(entry, "editable")
        ),
        frozenset(_text(entry, "object") for entry in element.iter(f"{_Q}objectPermissions")),
    )


def _text(element: ET.Element, name: str) -> str:
    return (element.findtext(f"{_Q}{name}") or "").strip()


def _flag(element: ET.Element, name: str) -> bool:
    return _text(element, name) == "true"
