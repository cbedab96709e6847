"""What the Salesforce org says to this installation: versions, login, describe answers, limits.

A handful of API calls, all of them reads: one per sObject of the mapping, and one for the limits.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import requests

from agents.delivery.adoption import adoption_rules, without_key_query
from agents.doctor.written_records import Written, count_there
from agents.mapping.mapping import Mapping as RecordMapping
from agents.mapping.org_features import OrgFeatures
from agents.mapping_preview.describe import ask_choices, describes_of
from agents.pacing.daily_quota import usage_of_limits
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.wiring import build_client
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_table import is_sign_of_life
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.http_session import make_session
from agents.salesforce.http.server_date import seconds_ahead
from agents.salesforce.http.thread_bridge import in_thread
from agents.salesforce.http.usage import Usage
from stream.config import Settings
from stream.errors import SettingsError
from stream.ops.alerts import Alerts
from stream.settings.salesforce import SalesforceSettings
from stream.settings.worker import WorkerSettings

FRONT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class OrgFacts:
    """`problem` is why nothing else is known, `fix` what to do about it.

    `skew_seconds`: how far our clock is ahead of Salesforce's. `versions` are the API versions the
    login host offers; empty when it does not say. `language` is that of the user's messages;
    `bulk_batches_left`: of the org's Bulk batches of the day, None where it does not say;
    `instance_url` where a fresh login finds the org, `worker_host` where the running worker calls
    it: '' is not logged in, None not known. `written`: how many records our last results name,
    `written_there`: how many of them the org has.
    """

    problem: str = ""
    fix: str = ""
    describes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    guarded: frozenset[str] = frozenset()
    usage: Usage | None = None
    bulk_batches_left: int | None = None
    versions: frozenset[str] = frozenset()
    skew_seconds: float | None = None
    language: str = ""
    instance_url: str = ""
    worker_host: str | None = None
    features: OrgFeatures = field(default_factory=OrgFeatures)
    without_key: Mapping[str, int | None] = field(default_factory=dict)
    written: int = 0
    written_there: int | None = None


async def gather_org(
    settings: Settings, mapping: RecordMapping, written: Written = ("", ())
) -> OrgFacts:
    """Ask the org of the settings; never raises for what it or the settings lack.

    `written` are records that our last results name.
    """
    versions, skew_seconds = await in_thread(lambda: _front(settings), name="doctor-front")
    try:
        client = build_client(settings, alerts=Alerts())
    except SettingsError as error:
        return OrgFacts(problem="; ".join(error.problems), fix="see docs/settings.md")
    try:
        describes = await describes_of(client, mapping.sobjects)
        limits = await _limits(client)
        return OrgFacts(
            describes=describes,
            guarded=client.guard_from(describes),
            usage=usage_of_limits(limits),
            bulk_batches_left=_batches_left(limits),
            language=await _language(client),
            instance_url=(await client.token()).instance_url,
            versions=versions,
            skew_seconds=skew_seconds,
            features=await ask_choices(client, describes),
            without_key=await _without_key(client, mapping),
            worker_host=await worker_host(settings),
            written=len(written[1]),
            written_there=await count_there(client, *written),
        )
    except SalesforceError as error:
        problem = f"{error.code or error.status}: {error.message}"
        return OrgFacts(
            problem=problem, fix=error.fix, versions=versions, skew_seconds=skew_seconds
        )
    except SettingsError as error:
        return OrgFacts(problem="; ".join(error.problems), fix="see docs/settings.md")
    finally:
        client.close()


async def _limits(client: OrgClient) -> dict[str, Any]:
    """Return the org's limits; none where the user may not see them, which is an optional right."""
    try:
        return await client.limits()
    except SalesforceError as error:
        if is_sign_of_life(error.status) and error.kind is not ErrorKind.AUTH:
            return {}
        raise


def _batches_left(limits: dict[str, Any]) -> int | None:
    batches = limits.get("DailyBulkApiBatches")
    left = batches.get("Remaining") if isinstance(batches, dict) else None
    return left if isinstance(left, int) else None


async def _language(client: OrgClient) -> str:
    """Return the language of the user's messages, empty where it cannot be read."""
    try:
        user_id = (await client.token()).identity_url.rstrip("/").rsplit("/", 1)[-1]
        user = await client.retrieve("User", "Id", user_id) if user_id.isalnum() else None
    except SalesforceError:
        return ""
    return str((user or {}).get("LanguageLocaleKey") or "")


async def _without_key(client: OrgClient, mapping: RecordMapping) -> dict[str, int | None]:
    """Return how many records would be adopted, by sObject; None where they cannot be counted."""
    found: dict[str, int | None] = {}
    for rule in adoption_rules(mapping):
        try:
            counted = [record async for record in client.query(without_key_query(rule))]
        except SalesforceError:
            found[rule.sobject] = None  # an org of millions may take too long to count
            continue
        found[rule.sobject] = int(counted[0].get("n") or 0) if counted else 0
    return found


def _front(settings: SalesforceSettings) -> tuple[frozenset[str], float | None]:
    """Return (API versions, clock skew) from the login host's version list, open to everybody."""
    url = f"{settings.salesforce_login_url.rstrip('/')}/services/data"
    insecure = [one.strip().rstrip("/") for one in settings.salesforce_insecure_url.split(",")]
    is_allowed = url.startswith(("https://", *(f"{one}/" for one in insecure)))
    if not is_allowed or not urlsplit(url).hostname:
        return frozenset(), None
    with make_session(pool_size=1, timeout_seconds=FRONT_SECONDS) as session:
        try:
            answer = session.get(url)
        except SalesforceError as error:
            return frozenset(), seconds_ahead(error.server_date, time.time())
        except requests.RequestException:
            return frozenset(), None
    return frozenset(_versions(answer)), seconds_ahead(answer.headers.get("Date", ""), time.time())


def _versions(answer: requests.Response) -> list[str]:
    try:
        listed = answer.json()
    except requests.JSONDecodeError:
        return []
    if not isinstance(listed, list):
        return []
    return [
        f"v{entry['version']}" for entry in listed if isinstance(entry, dict) and "version" in entry
    ]


HERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not bound
ASK_SECONDS = 5.0
HOST = re.compile(
    r'^orderstream_salesforce_host\{[^}]*host="([^"]+)"[^}]*\} 1(?:\.0)?$', re.MULTILINE
)


async def worker_host(settings: WorkerSettings) -> str | None:
    """Return the org's host as the running worker knows it; None when there is no page to ask.

    A page without a host is a worker that is not logged in: ''.
    """
    if not settings.status_port:
        return None
    name = HERE.get(settings.status_host, settings.status_host)
    name = f"[{name}]" if ":" in name else name
    page = f"http://{name}:{settings.status_port}/metrics"
    try:
        async with (
            asyncio.timeout(ASK_SECONDS),
            aiohttp.ClientSession() as session,
            session.get(page) as answer,
        ):
            text = await answer.text()
    except (aiohttp.ClientError, OSError, TimeoutError, UnicodeDecodeError):
        return None
    found = HOST.search(text)
    return found[1] if found else ""
