"""The three login flows, `orderstream login` included, against an org that really verifies them."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from structlog.testing import capture_logs
from support.org_settings import settings_for
from support.salesforce_fixtures import SalesforceOrg, org_keys, salesforce_org, salesforce_process

from agents.salesforce.api.wiring import build_client
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError
from sandbox.salesforce.keys import make_key_pair
from sandbox.salesforce.process import OrgProcess
from stream.ops.alerts import Alert, Alerts

__all__ = ["org_keys", "salesforce_org", "salesforce_process"]


@pytest.fixture
def alerts() -> Iterator[Alerts]:
    alerts = Alerts()
    yield alerts
    alerts.resolve(Alert.AUTH_BROKEN)


async def limits_with(org: SalesforceOrg, alerts: Alerts, **overrides: object) -> dict[str, object]:
    client = build_client(settings_for(org, **overrides), alerts=alerts)
    try:
        return await client.limits()
    finally:
        client.close()


@pytest.mark.parametrize("flow", ["jwt", "client_credentials"])
async def test_a_flow_without_a_person_logs_in(salesforce_org, alerts, flow):
    answer = await limits_with(salesforce_org, alerts, salesforce_auth_flow=flow)
    assert "DailyApiRequests" in answer
    assert salesforce_org.sessions.issued == 1


async def test_a_user_that_is_not_approved_is_told_what_to_do(salesforce_org, alerts):
    salesforce_org.org.settings.user_approved = False
    with pytest.raises(LoginError, match="pre-authorized"):
        await limits_with(salesforce_org, alerts)
    assert "pre-authorized" in alerts.active[Alert.AUTH_BROKEN]


async def test_a_key_of_another_app_is_named(salesforce_org, alerts, tmp_path):
    other, _ = make_key_pair(tmp_path / "other")
    with pytest.raises(LoginError, match="SALESFORCE_PRIVATE_KEY_PATH"):
        await limits_with(salesforce_org, alerts, salesforce_private_key_path=other)


async def test_an_unknown_app_is_named(salesforce_org, alerts):
    with pytest.raises(LoginError, match="SALESFORCE_CLIENT_ID"):
        await limits_with(salesforce_org, alerts, salesforce_client_id="someone else")


@pytest.mark.parametrize("offset", [900, -900, 3600, -3600])
async def test_a_wrong_clock_is_told_and_the_login_goes_by_salesforces(
    salesforce_org, alerts, offset
):
    salesforce_org.org.settings.clock_offset_seconds = offset
    with capture_logs() as lines:
        await limits_with(salesforce_org, alerts)
    (line,) = [line for line in lines if line["event"] == "clock_differs_from_salesforce"]
    assert abs(line["ahead_seconds"] + offset) <= 5
    assert "NTP" in line["fix"]
    assert alerts.active == {}


async def test_what_else_is_wrong_beside_the_clock_is_told_with_it(salesforce_org, alerts):
    salesforce_org.org.settings.clock_offset_seconds = 900
    salesforce_org.org.settings.user_approved = False
    with pytest.raises(LoginError, match="pre-authorized") as caught:
        await limits_with(salesforce_org, alerts)
    assert "seconds behind Salesforce's" in caught.value.fix


async def test_a_refused_login_stops_at_once_and_recovers_when_it_is_fixed(salesforce_org, alerts):
    org = salesforce_org.org
    refusal = org.faults.add(
        {"kind": "auth_refused", "error": "inactive_user", "error_description": "user is inactive"}
    )
    settings = settings_for(salesforce_org, salesforce_auth_probe_seconds=0.1)
    client = build_client(settings, alerts=alerts)
    for _ in range(10):
        with pytest.raises(LoginError) as caught:
            await client.limits()
    assert caught.value.kind is ErrorKind.AUTH
    assert "not active" in caught.value.fix
    asked = org.counts.token_calls
    assert asked <= 3
    org.faults.clear(refusal.id)
    for _ in range(500):
        try:
            await client.limits()
            break
        except LoginError as error:
            wait = threading.Event()
            wait.wait(min(error.retry_after_seconds or 0.01, 0.5))
    assert alerts.active == {}
    client.close()


async def test_rotated_refresh_tokens_are_kept_and_used_once_each(salesforce_org, alerts, tmp_path):
    path = tmp_path / "refresh_token"
    path.write_text(salesforce_org.sessions._new_refresh_token())
    first = path.read_text()
    settings = settings_for(
        salesforce_org, salesforce_auth_flow="web", salesforce_refresh_token_path=path
    )
    client = build_client(settings, alerts=alerts)
    await client.limits()
    second = path.read_text()
    salesforce_org.sessions.expire_all()
    await client.limits()
    assert len({first.strip(), second.strip(), path.read_text().strip()}) == 3
    client.close()


async def test_a_revoked_refresh_token_asks_for_a_new_login(salesforce_org, alerts, tmp_path):
    path = tmp_path / "refresh_token"
    path.write_text("revoked")
    with pytest.raises(LoginError, match="orderstream login"):
        await limits_with(
            salesforce_org,
            alerts,
            salesforce_auth_flow="web",
            salesforce_refresh_token_path=path,
        )
    assert path.read_text() == "revoked"


class LoginCommand:
    """`orderstream login` as a process, and the person at the browser."""

    def __init__(self, org: OrgProcess, folder: Path, *options: str) -> None:
        self.token_path = folder / "deep" / "refresh_token"
        environment = {
            "PATH": "/usr/bin:/bin",
            "SALESFORCE_CLIENT_ID": org.consumer_key,
            "SALESFORCE_LOGIN_URL": org.url,
            "SALESFORCE_INSECURE_URL": org.url,
            "SALESFORCE_REFRESH_TOKEN_PATH": str(self.token_path),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", "login", "--no-browser", "--port", "0", *options],
            env=environment,
            cwd=Path(__file__).resolve().parents[3],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def address(self) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            found = re.search(r"https?://\S+/authorize\?\S+", line)
            if found:
                return found[0]
        raise AssertionError(self.process.stderr.read() if self.process.stderr else "")

    def finish(self) -> tuple[int, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out + err


@pytest.fixture
def log_in(salesforce_process, tmp_path) -> Iterator[object]:
    started: list[LoginCommand] = []

    def start(*options: str) -> LoginCommand:
        started.append(LoginCommand(salesforce_process, tmp_path, *options))
        return started[-1]

    yield start
    for command in started:
        command.process.kill()
        command.process.communicate()


def callback_of(address: str, **query: str) -> str:
    asked = dict(parse_qsl(urlsplit(address).query))
    values = {"state": asked["state"], **query}
    return requests.Request("GET", asked["redirect_uri"], params=values).prepare().url or ""


def test_a_person_logs_in_with_the_browser(log_in):
    command = log_in()
    address = command.address()
    asked = dict(parse_qsl(urlsplit(address).query))
    assert asked["code_challenge_method"] == "S256"
    page = requests.get(address, timeout=10)  # the browser follows the redirect to the callback
    assert page.status_code == 200
    code, text = command.finish()
    assert code == 0, text
    assert "Logged in" in text
    token = command.token_path.read_text().strip()
    assert token
    assert token not in text
    assert stat.S_IMODE(command.token_path.stat().st_mode) == 0o600


def test_a_refusal_in_the_browser_is_exit_1_and_keeps_no_token(log_in):
    command = log_in()
    address = callback_of(command.address(), error="access_denied", error_description="denied")
    requests.get(address, timeout=10)
    code, text = command.finish()
    assert (code, "Callback URL" in text) == (1, True)
    assert not command.token_path.exists()


def test_an_answer_from_another_attempt_is_refused_and_does_not_end_the_wait(log_in):
    command = log_in()
    address = command.address()
    for query in ({"state": "forged", "code": "stolen"}, {"state": "", "error": "access_denied"}):
        refused = requests.get(callback_of(address, **query), timeout=10)
        assert (refused.status_code, "Done" in refused.text) == (400, False)
    requests.get(address, timeout=10)
    assert command.finish()[0] == 0


def test_a_code_that_salesforce_does_not_know_is_exit_1(log_in):
    command = log_in()
    requests.get(callback_of(command.address(), code="invented"), timeout=10)
    code, text = command.finish()
    assert (code, "invalid authorization code" in text) == (1, True)


def test_other_requests_to_the_callback_do_not_end_the_wait(log_in):
    command = log_in()
    address = command.address()
    icon = callback_of(address).replace("/OauthRedirect", "/favicon.ico")
    assert requests.get(icon, timeout=10).status_code == 404
    requests.get(address, timeout=10)
    assert command.finish()[0] == 0


def test_nobody_coming_back_is_exit_1(log_in):
    command = log_in("--wait-seconds", "1")
    code, text = command.finish()
    assert (code, "nobody came back" in text) == (1, True)
