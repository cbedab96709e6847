"""Asks the org what describe does not tell: its only currency, and what record types offer."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import quote

import structlog

from agents.mapping.currencies import CURRENCY_FIELD
from agents.mapping.mapping import Describes
from agents.mapping.org_features import OrgFeatures, features_of, record_type_of
from agents.salesforce.api.client import OrgClient
from agents.salesforce.errors.errors import SalesforceError

log = structlog.get_logger()


async def ask_features(client: OrgClient, describes: Describes) -> OrgFeatures:
    """Return the org's features; what it does not answer is taken as unknown.

    A multi-currency org is known by its describe, and not asked. Never raises for an answer: what
    is asked here makes notes, and no note is worth a worker that does not start.
    """
    fields = (f for answer in describes.values() for f in answer.get("fields") or ())
    if any(field.get("name") == CURRENCY_FIELD for field in fields):
        return OrgFeatures()
    return features_of(await _read(client, "connect/organization"))


async def ask_choices(client: OrgClient, describes: Describes) -> OrgFeatures:
    """Return the features with the picklist values of the user's record types, for a check."""
    choices: dict[tuple[str, str], frozenset[str]] = {}
    for sobject, describe in describes.items():
        record_type = record_type_of(describe)
        if not record_type:
            continue
        place = f"{quote(sobject, safe='')}/picklist-values/{quote(record_type, safe='')}"
        answer = await _read(client, f"ui-api/object-info/{place}")
        for name, listed in (answer.get("picklistFieldValues") or {}).items():
            values = listed.get("values") or ()
            choices[sobject, str(name)] = frozenset(str(v.get("value")) for v in values)
    return dataclasses.replace(await ask_features(client, describes), choices=choices)


async def _read(client: OrgClient, path: str) -> dict[str, Any]:
    try:
        return await client.read("features", path)
    except SalesforceError as error:
        log.info("org_features_unknown", path=path, code=error.code, detail=str(error))
        return {}
