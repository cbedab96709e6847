"""The real client on a scripted server: `bench.script(…)`, call, look at `bench.server.requests`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agents.salesforce.api.caller import Caller
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.composite import Collection
from agents.salesforce.api.org_session import OrgSession
from agents.salesforce.auth.oauth_flows import Token
from agents.salesforce.auth.token_provider import TokenProvider
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.http_session import make_session
from agents.salesforce.http.usage import Usage
from schemas.salesforce import Row
from stream.ops.alerts import Alert, Alerts
from support.scripted_server import Reply, ScriptedServer, reply

HEADERS = {"Sforce-Auto-Assign": "FALSE", "Sforce-Call-Options": "client=orderstream"}
EXPIRED = reply(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}])
ID = "001000000000001AAA"


class NumberedFlow:
    """Gives out t1, t2, … for one server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.logins = 0

    def fetch(self) -> Token:
        self.logins += 1
        return Token(f"t{self.logins}", self.url)


class Bench:
    def __init__(
        self, server: ScriptedServer, timeout_seconds: float = 5.0, **more: object
    ) -> None:
        self.server = server
        self.usages: list[Usage] = []
        self.alerts = Alerts()
        self.flow = NumberedFlow(server.url)
        session = make_session(
            pool_size=20, timeout_seconds=timeout_seconds, on_usage=self.usages.append
        )
        tokens = TokenProvider(self.flow, alerts=self.alerts)
        self.client = OrgClient(
            Caller(tokens, OrgSession(session, "v58.0"), timeout_seconds=timeout_seconds),
            version="v58.0",
            headers=HEADERS,
            **more,  # type: ignore[arg-type]
        )

    def script(self, *replies: Reply) -> None:
        self.server.replies.extend(replies)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer.serve() as server:
        yield server


@pytest.fixture
async def bench(server):
    bench = Bench(server)
    yield bench
    bench.client.close()
    bench.alerts.resolve(Alert.AUTH_BROKEN)


def accounts(*keys: str) -> Collection:
    rows = tuple(Row("Account", "Ext__c", key, fields={"Name": key}) for key in keys)
    return Collection("Account", "Ext__c", "upsert", rows)


def written(size: int) -> list[dict[str, object]]:
    return [{"success": True, "id": ID, "created": True, "errors": []}] * size


async def the_error(bench: Bench, *collections: Collection) -> SalesforceError:
    with pytest.raises(SalesforceError) as caught:
        await bench.client.composite(collections or [accounts("a")])
    return caught.value
