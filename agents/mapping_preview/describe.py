"""What the org is like: describe answers, asked or from a folder of JSON files, and features.

Features are what describe does not tell: the org's only currency, and what record types offer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import structlog

from agents.mapping.fields.currencies import CURRENCY_FIELD
from agents.mapping.mapping import Describes
from agents.mapping.org_features import OrgFeatures, features_of, record_type_of
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.wiring import build_client
from agents.salesforce.errors.errors import SalesforceError
from stream.config import Settings
from stream.errors import MappingFileError
from stream.ops.alerts import Alerts

log = structlog.get_logger()


def read_describes(folder: Path, sobjects: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the describe answers in `<folder>/<sObject>.json`.

    Raises MappingFileError for unreadable ones.

    An sObject without a file is missing in the answer, as one the user may not see.
    """
    if not folder.is_dir():
        raise MappingFileError(f"--describe-dir: no such folder: {folder}")
    describes = {}
    for name in sobjects:
        path = folder / f"{name}.json"
        if not path.is_file():
            continue
        try:
            answer = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise MappingFileError(f"{path}: is no describe answer: {error}") from None
        if not isinstance(answer, dict) or not isinstance(answer.get("fields"), list):
            raise MappingFileError(f"{path}: is no describe answer: it has no list `fields`")
        describes[name] = answer
    return describes


async def describe_org(settings: Settings, sobjects: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the describe answers of the org of the settings; raises as `ask_org`."""
    return (await ask_org(settings, sobjects))[0]


async def ask_org(
    settings: Settings, sobjects: Sequence[str]
) -> tuple[dict[str, dict[str, Any]], OrgFeatures]:
    """Ask the org of the settings for its describes and features; one call per sObject and one.

    Raises SettingsError when the settings cannot reach an org, SalesforceError when it says no.
    """
    with closing(build_client(settings, alerts=Alerts())) as client:
        describes = await describes_of(client, sobjects)
        return describes, await ask_choices(client, describes)


async def describes_of(client: OrgClient, sobjects: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the describe answers of the sObjects that the user may see. Raises SalesforceError."""
    describes = {}
    for name in sobjects:
        try:
            describes[name] = await client.describe(name)
        except SalesforceError as error:
            if not error.is_not_found:
                raise
    return describes


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
