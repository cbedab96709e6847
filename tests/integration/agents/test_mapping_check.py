"""`orderstream map --check` against an org over HTTP: the login, describe, and what it finds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.salesforce_fixtures import org_keys, salesforce_process

from agents.mapping.mapping import PERSON_FILE, default_text

ROOT = Path(__file__).resolve().parents[3]

__all__ = ["org_keys", "salesforce_process"]


@pytest.fixture
def check(salesforce_process, tmp_path):
    org = salesforce_process
    env = {
        "PYTHONPATH": str(ROOT),
        "SALESFORCE_CLIENT_ID": org.consumer_key,
        "SALESFORCE_USERNAME": org.username,
        "SALESFORCE_PRIVATE_KEY_PATH": str(org.private_key_path),
        "SALESFORCE_LOGIN_URL": org.url,
        "SALESFORCE_INSECURE_URL": org.url,
    }

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli", "map", "--check", *args]
        return subprocess.run(
            command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )

    return run


def test_the_default_mapping_fits_an_org_with_the_package(check) -> None:
    result = check("--json")
    assert result.returncode == 0, result.stderr
    assert {finding["severity"] for finding in json.loads(result.stdout)} <= {"warning"}


def test_what_was_changed_in_the_org_is_found_with_line_and_fix(check, salesforce_process) -> None:
    org = salesforce_process
    org.ask("DELETE", "/schema/Opportunity/Billing_City__c")
    org.ask("PATCH", "/schema/Contact/Magento_Customer_Key__c", {"unique": False})
    org.ask("PATCH", "/schema/Opportunity/Name", {"length": 40})
    result = check("--json")
    assert result.returncode == 1
    found = {(f["sobject"], f["field"]): f for f in json.loads(result.stdout)}
    assert found["Opportunity", "Billing_City__c"]["severity"] == "error"
    assert found["Contact", "Magento_Customer_Key__c"]["severity"] == "error"
    assert found["Opportunity", "Name"]["severity"] == "warning"
    assert all(f["place"].startswith("default.yaml:") and f["fix"] for f in found.values())


def test_an_org_that_cannot_be_reached_is_exit_2_with_a_reason(check, salesforce_process) -> None:
    salesforce_process.settings(user_approved=False)
    result = check()
    assert result.returncode == 2
    assert "pre-authorized" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_stage_that_the_users_sales_process_lacks_is_an_error(check, salesforce_process) -> None:
    salesforce_process.settings(sales_process="Prospecting,Closed Won")
    result = check("--json")
    assert result.returncode == 1
    errors = [f for f in json.loads(result.stdout) if f["severity"] == "error"]
    assert {f["field"] for f in errors} == {"StageName"}
    assert any("`Closed Lost`" in f["problem"] for f in errors)


def test_an_inactive_currency_of_the_store_is_an_error(check, salesforce_process, tmp_path) -> None:
    salesforce_process.settings(currencies="USD,-EUR")
    text = default_text().replace("currency: order", "currency: order\n  currencies: [EUR]")
    (tmp_path / "m.yaml").write_text(text)
    result = check("--json", "--mapping", "m.yaml")
    assert result.returncode == 1
    (error,) = [f for f in json.loads(result.stdout) if f["severity"] == "error"]
    assert error["field"] == "CurrencyIsoCode"


@pytest.mark.parametrize("is_on", [True, False])
def test_the_mapping_that_fits_people_as_accounts_is_named(
    check, salesforce_process, tmp_path, is_on: bool
) -> None:
    salesforce_process.settings(person_accounts=is_on)
    (tmp_path / "people.yaml").write_text(default_text(PERSON_FILE))
    said = {
        name: [f for f in json.loads(answer.stdout) if f["field"] == "IsPersonAccount"]
        for name, answer in (
            ("default", check("--json")),
            ("people", check("--json", "--mapping", "people.yaml")),
        )
    }
    wrong, right = ("default", "people") if is_on else ("people", "default")
    assert said[right] == []
    (finding,) = said[wrong]
    assert finding["severity"] == ("warning" if is_on else "error")
    assert ("--print-person-accounts" if is_on else "--print-default") in finding["fix"]
    if is_on:
        assert check("--mapping", "people.yaml").returncode == 0
