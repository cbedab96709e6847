"""Where `orderstream map --check` gets its describe answers: the org, or a folder of JSON files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from agents.mapping.org_features import OrgFeatures
from agents.mapping_preview.features import ask_choices
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.wiring import build_client
from agents.salesforce.errors.errors import SalesforceError
from stream.config import Settings
from stream.errors import MappingFileError
from stream.ops.alerts import Alerts

NOT_FOUND = 404


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
    client = build_client(settings, alerts=Alerts())
    try:
        describes = await describes_of(client, sobjects)
        features = await ask_choices(client, describes)
    finally:
        client.close()
    return describes, features


async def describes_of(client: OrgClient, sobjects: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the describe answers of the sObjects that the user may see. Raises SalesforceError."""
    describes = {}
    for name in sobjects:
        try:
            describes[name] = await client.describe(name)
        except SalesforceError as error:
            if error.status != NOT_FOUND:
                raise
    return describes
