"""Asks the org what describe does not tell: the currency of an org that has one."""

from __future__ import annotations

import structlog

from agents.mapping.currencies import CURRENCY_FIELD
from agents.mapping.mapping import Describes
from agents.mapping.org_features import OrgFeatures, features_of
from agents.salesforce.api.client import OrgClient
from agents.salesforce.errors.errors import SalesforceError

log = structlog.get_logger()


async def ask_features(client: OrgClient, describes: Describes) -> OrgFeatures:
    """Return the org's features; an org that does not answer this is taken as unknown.

    A multi-currency org is known by its describe, and not asked. Never raises for an answer: what
    is asked here makes notes, and no note is worth a worker that does not start.
    """
    fields = (f for answer in describes.values() for f in answer.get("fields") or ())
    if any(field.get("name") == CURRENCY_FIELD for field in fields):
        return OrgFeatures()
    try:
        return features_of(await client.read("organization", "connect/organization"))
    except SalesforceError as error:
        log.info("org_currency_unknown", code=error.code, detail=str(error))
        return OrgFeatures()
