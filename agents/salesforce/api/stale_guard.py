"""What describe says of our fields: where stale writes and second records are refused. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from agents.salesforce.api.composite import OVERRULE_FIELD, STALE_GUARD_FIELD

GuardMode = Literal["auto", "on", "off"]
Names = frozenset[str]


def guard_sets(mode: GuardMode, describes: Mapping[str, Mapping[str, Any]]) -> tuple[Names, Names]:
    """Return (sObjects that carry Magento_Updated_At__c, those of them that can be overruled)."""
    match mode:
        case "off":
            guarded = frozenset[str]()
        case "on":
            guarded = frozenset(describes)
        case "auto":
            guarded = taking(describes, STALE_GUARD_FIELD)
    return guarded, guarded & taking(describes, OVERRULE_FIELD)


def taking(describes: Mapping[str, Mapping[str, Any]], name: str) -> Names:
    """Return the sObjects with a field of that name that the user may write."""
    return frozenset(
        sobject
        for sobject, description in describes.items()
        for field in description.get("fields") or ()
        if field.get("name") == name and field.get("updateable")
    )


def loose_keys(describes: Mapping[str, Mapping[str, Any]]) -> frozenset[tuple[str, str]]:
    """Return the (sObject, external id) of which the org says that several records may have one."""
    return frozenset(
        (sobject, str(field.get("name")))
        for sobject, description in describes.items()
        for field in description.get("fields") or ()
        if field.get("externalId") and field.get("unique") is False
    )
