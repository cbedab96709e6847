"""Fixtures of a simulated Salesforce org; import those you need: `from salesforce_fixtures import …`.

`salesforce_org` runs inside the test's own loop, `salesforce_process` in a process of its own.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest

from sandbox.salesforce.keys import make_key_pair
from sandbox.salesforce.oauth import JWT_GRANT
from sandbox.salesforce.process import OrgProcess, running_org
from sandbox.salesforce.server import SalesforceOrg

API = "/services/data/v60.0"


@dataclass(slots=True)
class Answered:
    """What came back: status, parsed JSON (or None), raw text and headers."""

    status: int
    json: Any
    text: str
    headers: dict[str, str]


@dataclass(slots=True)
class PlainClient:
    """The barest of clients: a session and a token, no logic of ours to share mistakes with."""

    org: SalesforceOrg
    http: aiohttp.ClientSession
    token: str = ""

    def assertion(self, **claims: Any) -> str:
        """Return a signed JWT; `claims` replace the right ones."""
        assert self.org.private_key_path is not None
        right = {
            "iss": self.org.consumer_key,
            "sub": self.org.username,
            "aud": "https://login.salesforce.com",
            "exp": int(time.time()) + 120,
        }
        return jwt.encode(right | claims, self.org.private_key_path.read_text(), "RS256")

    async def token_request(self, **form: str) -> Answered:
        return await self._send("POST", f"{self.org.url}/services/oauth2/token", data=form)

    async def log_in(self) -> None:
        answer = await self.token_request(grant_type=JWT_GRANT, assertion=self.assertion())
        assert answer.status == 200, answer.text
        self.token = answer.json["access_token"]

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answered:
        """Call a REST path: `/limits` is below v60.0, `/services/…` is taken as it is."""
        url = self.org.url + (path if path.startswith("/services") else API + path)
        more = headers | {"Authorization": f"Bearer {self.token}"}
        return await self._send(method, url, json=body, headers=more)

    async def upsert(self, sobject: str, key_field: str, *rows: dict[str, Any]) -> list[Any]:
        """Upsert by Collections and return the results of a call that was not refused."""
        records = [{"attributes": {"type": sobject}, **row} for row in rows]
        path = f"/composite/sobjects/{sobject}/{key_field}"
        answer = await self.call("PATCH", path, {"allOrNone": False, "records": records})
        assert answer.status == 200, answer.text
        results: list[Any] = answer.json
        return results

    async def send_raw(self, method: str, path: str, data: bytes, content_type: str) -> Answered:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        return await self._send(method, self.org.url + API + path, data=data, headers=headers)

    async def back_door(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call /__sim__ and return (status, JSON)."""
        answer = await self._send(method, f"{self.org.url}/__sim__{path}", json=body)
        return answer.status, answer.json

    async def arm(self, kind: str, **spec: Any) -> Any:
        """Arm one fault and return it as the org shows it."""
        status, armed = await self.back_door("POST", "/faults", {"kind": kind, **spec})
        assert status == 201, armed
        return armed[0]

    async def _send(self, method: str, url: str, **how: Any) -> Answered:
        async with self.http.request(method, url, allow_redirects=False, **how) as response:
            text = await response.text()
            is_json = bool(text) and response.content_type == "application/json"
            parsed = await response.json() if is_json else None
            return Answered(response.status, parsed, text, dict(response.headers))


@pytest.fixture(scope="session")
def org_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One key pair for the whole run: making one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("salesforce-keys")
    make_key_pair(folder)
    return folder


@pytest.fixture
async def salesforce_org(org_keys: Path) -> AsyncIterator[SalesforceOrg]:
    async with SalesforceOrg.serve(key_folder=org_keys) as org:
        yield org


@pytest.fixture
async def plain_client(salesforce_org: SalesforceOrg) -> AsyncIterator[PlainClient]:
    async with aiohttp.ClientSession() as http:
        plain = PlainClient(salesforce_org, http)
        await plain.log_in()
        yield plain


@pytest.fixture
def salesforce_process(org_keys: Path) -> Iterator[OrgProcess]:
    with running_org("--generate-key", str(org_keys)) as org:
        yield org


ACCOUNT_KEY = "Magento_Customer_Key__c"
ORDER_KEY = "Magento_Order_ID__c"


def an_account(key: str, **more: Any) -> dict[str, Any]:
    return {ACCOUNT_KEY: key, "Name": f"Customer {key}"} | more


def an_opportunity(key: str, **more: Any) -> dict[str, Any]:
    right = {ORDER_KEY: key, "Name": f"Order {key}", "StageName": "Prospecting"}
    return right | {"CloseDate": "2026-02-01", "Amount": 99.99} | more
