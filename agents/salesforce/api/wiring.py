"""Settings to an OrgClient: the one place where its parts are put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import requests

from agents.salesforce.api.bulk import Pace
from agents.salesforce.api.caller import THREAD_GRACE_SECONDS, Caller
from agents.salesforce.api.client import DUPLICATE_RULES, OrgClient
from agents.salesforce.api.org_session import OrgSession
from agents.salesforce.auth.oauth_flows import (
    ClientCredentialsFlow,
    JwtFlow,
    OAuthFlow,
    RefreshTokenFlow,
    TokenEndpoint,
)
from agents.salesforce.auth.refresh_token import RefreshTokenFile
from agents.salesforce.auth.token_provider import TokenProvider
from agents.salesforce.http.http_session import make_session
from agents.salesforce.http.usage import Usage
from stream.config import Settings
from stream.errors import SettingsError
from stream.ops.alerts import Alerts
from stream.settings.salesforce import SalesforceSettings

CLIENT_NAME = "orderstream"
SPARE_CONNECTIONS = 3  # describe, limits and a login beside the writes


def build_client(
    settings: Settings,
    *,
    alerts: Alerts,
    on_usage: Callable[[Usage], None] | None = None,
    bulk_pace: Pace | None = None,
) -> OrgClient:
    """Return a client for the org of the settings; call it inside the event loop it lives in.

    `on_usage` runs in that loop, before the call that brought the figures returns. Nothing is sent
    yet: `await client.guard(sobjects)` is the first call and shows whether the login works.
    """
    session = make_session(
        pool_size=settings.salesforce_concurrency + SPARE_CONNECTIONS,
        timeout_seconds=settings.salesforce_timeout_seconds,
        on_usage=_in_loop(on_usage),
    )
    session.headers["User-Agent"] = CLIENT_NAME
    tokens = TokenProvider(
        build_flow(settings, session),
        alerts=alerts,
        probe_seconds=settings.salesforce_auth_probe_seconds,
        timeout_seconds=settings.salesforce_timeout_seconds + THREAD_GRACE_SECONDS,
        worker_count=settings.worker_count,
    )
    version = settings.salesforce_api_version
    caller = Caller(
        tokens,
        OrgSession(session, version),
        timeout_seconds=settings.salesforce_timeout_seconds,
    )
    return OrgClient(
        caller,
        version=version,
        headers=call_headers(settings),
        is_compressed=settings.salesforce_compress_requests,
        stale_guard=settings.salesforce_stale_guard,
        bulk_pace=bulk_pace,
    )


def _in_loop(on_usage: Callable[[Usage], None] | None) -> Callable[[Usage], None] | None:
    if on_usage is None:
        return None
    loop = asyncio.get_running_loop()
    return lambda usage: _post(loop, on_usage, usage)


def _post(loop: asyncio.AbstractEventLoop, on_usage: Callable[[Usage], None], usage: Usage) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(on_usage, usage)


def call_headers(settings: SalesforceSettings) -> dict[str, str]:
    """Return the headers of every call: assignment rules off, duplicates as configured."""
    headers = {
        "Sforce-Auto-Assign": "FALSE",
        "Sforce-Call-Options": f"client={CLIENT_NAME}",
    }
    if settings.salesforce_allow_duplicates:
        headers[DUPLICATE_RULES] = "allowSave=true"
    return headers


def build_flow(settings: SalesforceSettings, session: requests.Session) -> OAuthFlow:
    """Return the login flow of the settings. Raises SettingsError if a setting is missing."""
    endpoint = build_endpoint(settings, session)
    client_id = settings.salesforce_client_id.get_secret_value()
    client_secret = settings.salesforce_client_secret.get_secret_value()
    if settings.salesforce_auth_flow == "web":
        store = RefreshTokenFile(settings.salesforce_refresh_token_path)
        return RefreshTokenFlow(endpoint, store, client_id, client_secret)
    if settings.salesforce_auth_flow == "client_credentials":
        return ClientCredentialsFlow(endpoint, client_id, client_secret)
    if settings.salesforce_private_key_path is None:
        raise SettingsError(["SALESFORCE_PRIVATE_KEY_PATH: missing; PEM file of the JWT key"])
    return JwtFlow(
        endpoint, client_id, settings.salesforce_username, settings.salesforce_private_key_path
    )


def build_endpoint(
    settings: SalesforceSettings, session: requests.Session | None = None
) -> TokenEndpoint:
    """Return the token endpoint of the settings, on a session of its own if none is given."""
    own = session or make_session(pool_size=1, timeout_seconds=settings.salesforce_timeout_seconds)
    return TokenEndpoint(
        own, settings.salesforce_login_url, insecure_url=settings.salesforce_insecure_url
    )
