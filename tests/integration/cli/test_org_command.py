"""`orderstream org`: an org without our fields gets them through the Metadata API, and only once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from support.salesforce_fixtures import org_keys

from agents.salesforce.auth.browser_login import BrowserLogin
from agents.salesforce.auth.oauth_flows import TokenEndpoint
from agents.salesforce.auth.refresh_token import RefreshTokenFile
from sandbox.salesforce.process import running_org
from schemas.metadata_package import read_package
from tests.support.proof import one_told

__all__ = ["org_keys"]

ROOT = Path(__file__).resolve().parents[3]
FLOWS = ("jwt", "client_credentials", "web")
CALLBACK = "http://localhost:1717/OauthRedirect"


@pytest.fixture
def bare_org(org_keys):
    with running_org("--generate-key", str(org_keys), "--no-package") as org:
        yield org


@pytest.fixture
def command(bare_org, tmp_path):
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "SALESFORCE_CLIENT_ID": bare_org.consumer_key,
        "SALESFORCE_CLIENT_SECRET": bare_org.client_secret,
        "SALESFORCE_USERNAME": bare_org.username,
        "SALESFORCE_PRIVATE_KEY_PATH": str(bare_org.private_key_path),
        "SALESFORCE_LOGIN_URL": bare_org.url,
        "SALESFORCE_INSECURE_URL": bare_org.url,
    }

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            env=env | more,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture
def signed_in(bare_org, tmp_path) -> None:
    """Leave a refresh token where `orderstream login` does, as if a person had consented."""
    login = BrowserLogin(bare_org.consumer_key, CALLBACK)
    with requests.Session() as session:
        asked = session.get(login.authorize_url(bare_org.url), allow_redirects=False)
        came_back = dict(parse_qsl(urlsplit(asked.headers["Location"]).query))
        endpoint = TokenEndpoint(session, bare_org.url, insecure_url=bare_org.url)
        secret = bare_org.client_secret
        token = login.exchange(login.code_of(came_back), endpoint, client_secret=secret)
    RefreshTokenFile(tmp_path / ".orderstream" / "refresh_token").write(token.refresh_token)


def actions(result: subprocess.CompletedProcess[str]) -> Counter[str]:
    assert result.returncode == 0, result.stderr
    return Counter(item["action"] for item in json.loads(result.stdout)["components"])


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("flow", one_told(FLOWS, told="jwt"))
def test_plan_check_apply_and_plan_again(command, bare_org, flow):
    count = len(read_package("force-app"))
    assert actions(command("org", "plan", "--json")) == {"create": count}
    assert command("map", "--check").returncode == 1

    checked = command("org", "apply", "--check-only", "--json")
    assert json.loads(checked.stdout)["done"] == "checked"
    assert "Succeeded" in checked.stderr
    assert actions(command("org", "plan", "--json")) == {"create": count}

    applied = command("org", "apply", "--json", SALESFORCE_AUTH_FLOW=flow)
    assert applied.returncode == 0, applied.stderr
    assert json.loads(applied.stdout)["assigned"] == ["orderstream_sync"]
    assert actions(command("org", "plan", "--json")) == {"ok": count - 1, "change": 1}
    assert command("map", "--check").returncode == 0
    rules = bare_org.ask("GET", "/rules")
    assert {rule["sobject"] for rule in rules} == {"Account", "Contact", "Lead", "Opportunity"}
    again = command("org", "apply", "--json")
    assert json.loads(again.stdout)["assigned"] == []


def test_a_field_that_is_there_as_something_else_is_a_persons_decision(command, bare_org):
    bare_org.ask("PATCH", "/schema/Opportunity/Magento_Order_ID__c", {"type": "double"})
    result = command("org", "apply", "--json")
    assert result.returncode == 1
    answer = json.loads(result.stdout)
    assert answer["done"] == ""
    (blocked,) = [item for item in answer["components"] if item["action"] == "blocked"]
    assert blocked["name"] == "Opportunity.Magento_Order_ID__c"
    assert bare_org.ask("GET", "/rules") == []


@pytest.mark.proof
def test_a_field_that_is_too_weak_is_shown_as_a_change_and_mended(command, bare_org):
    assert command("org", "apply").returncode == 0
    bare_org.ask("PATCH", "/schema/Contact/Magento_Customer_Key__c", {"unique": False})
    result = command("org", "plan", "--json")
    changed = [i for i in json.loads(result.stdout)["components"] if i["kind"] == "field"]
    (weak,) = [item for item in changed if item["action"] == "change"]
    assert weak["name"] == "Contact.Magento_Customer_Key__c"
    assert "Unique is False" in weak["detail"]
    assert command("org", "apply").returncode == 0
    assert command("map", "--check").returncode == 0


@pytest.mark.proof
def test_line_items_come_along_when_the_mapping_has_them_on(command, tmp_path):
    default = command("map", "--print-default").stdout
    (tmp_path / "m.yaml").write_text(default.replace("line_items: off", "line_items: order"))
    planned = command("org", "plan", "--json", MAPPING_FILE="m.yaml")
    assert actions(planned) == {"create": len(read_package())}


def test_a_folder_without_a_package_is_said_so(command, tmp_path):
    result = command("org", "plan", "--package", str(tmp_path))
    assert result.returncode == 2
    assert "--package" in result.stderr
