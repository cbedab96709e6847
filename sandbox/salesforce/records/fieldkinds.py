"""Short words for kinds of fields, so that the objects read as a list of facts.

`more` is anything else a `Field` has: `label`, `is_required`, `default`, …
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.salesforce.records.schema import Field


def label_of(name: str) -> str:
    """Return a label as an administrator would type it: `Billing_City__c` → `Billing City`."""
    bare = name.removesuffix("__c").replace("_", " ")
    spaced = "".join(
        f" {char}" if char.isupper() and index and bare[index - 1].islower() else char
        for index, char in enumerate(bare)
    )
    return spaced.removesuffix(" Id") + (" ID" if spaced.endswith(" Id") else "")


def plain(name: str, kind: str, **more: Any) -> Field:
    return Field(name=name, type=kind, label=more.pop("label", "") or label_of(name), **more)


def text(name: str, length: int, **more: Any) -> Field:
    return plain(name, "string", length=length, **more)


def area(name: str, length: int = 32000, **more: Any) -> Field:
    return plain(name, "textarea", length=length, **more)


def email(name: str, **more: Any) -> Field:
    return plain(name, "email", length=80, **more)


def phone(name: str) -> Field:
    return plain(name, "phone", length=40)


def choice(name: str, values: tuple[str, ...], **more: Any) -> Field:
    return plain(name, "picklist", length=more.pop("length", 255), picklist=values, **more)


def number(name: str, precision: int, scale: int, kind: str = "double", **more: Any) -> Field:
    return plain(name, kind, precision=precision, scale=scale, **more)


def money(name: str, **more: Any) -> Field:
    return number(name, 18, 2, kind="currency", **more)


def flag(name: str, *, default: bool = False, **more: Any) -> Field:
    return plain(name, "boolean", default=default, **more)


def link(name: str, refers_to: str, **more: Any) -> Field:
    relationship = more.pop("relationship", name.removesuffix("Id"))
    return plain(
        name, "reference", length=18, refers_to=refers_to, relationship=relationship, **more
    )


def readonly(item: Field) -> Field:
    return replace(item, is_createable=False, is_updateable=False)


def address(prefix: str, state: int = 80, country: int = 80) -> tuple[Field, ...]:
    return (
        area(f"{prefix}Street", 255),
        text(f"{prefix}City", 40),
        text(f"{prefix}State", state),
        text(f"{prefix}PostalCode", 20),
        text(f"{prefix}Country", country),
    )
