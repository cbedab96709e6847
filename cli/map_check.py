"""Where `orderstream map --check` gets its describe answers: the org, or a folder of JSON files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from cli.terminal import fail
from stream.config import Settings

NOT_FOUND = 404


def read_describes(folder: Path, sobjects: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the describe answers in `<folder>/<sObject>.json`; exits 2 for unreadable ones.

    An sObject without a file is missing in the answer, as one the user may not see.
    """
    if not folder.is_dir():
        fail(f"--describe-dir: no such folder: {folder}")
    describes = {}
    for name in sobjects:
        path = folder / f"{name}.json"
        if not path.is_file():
            continue
        try:
            answer = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            fail(f"{path}: is no describe answer: {error}")
        if not isinstance(answer, dict) or not isinstance(answer.get("fields"), list):
            fail(f"{path}: is no describe answer: it has no list `fields`")
        describes[name] = answer
    return describes


async def describe_org(settings: Settings, sobjects: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Ask the org of the settings; one call per sObject.

    Raises SettingsError when the settings cannot reach an org, SalesforceError when it says no.
    """
    from agents.salesforce.errors import SalesforceError
    from agents.salesforce.wiring import build_client
    from stream.alerts import Alerts

    client = build_client(settings, alerts=Alerts())
    describes = {}
    try:
        for name in sobjects:
            try:
                describes[name] = await client.describe(name)
            except SalesforceError as error:
                if error.status != NOT_FOUND:
                    raise
    finally:
        client.close()
    return describes
