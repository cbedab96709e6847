"""`orderstream adopt` on an org that was in use before."""

from __future__ import annotations

import asyncio
import csv
import json
import os
from contextlib import closing
from pathlib import Path

import pytest
from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.mapping.mapping import Mapping
from agents.reconcile.adopt import survey
from agents.salesforce.api.wiring import build_client
from schemas.identity import PLAIN
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]

ROOT = Path(__file__).resolve().parents[3]
KEY = "Magento_Customer_Key__c"


@pytest.fixture
def command(salesforce_org, tmp_path):
    env = {
        "PATH": os.environ["PATH"],
        "SALESFORCE_CLIENT_ID": salesforce_org.consumer_key,
        "SALESFORCE_USERNAME": salesforce_org.username,
        "SALESFORCE_PRIVATE_KEY_PATH": str(salesforce_org.private_key_path),
        "SALESFORCE_LOGIN_URL": salesforce_org.url,
        "SALESFORCE_INSECURE_URL": salesforce_org.url,
    }

    async def run(*arguments: str, **more: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            str(ROOT / ".venv/bin/orderstream"),
            *arguments,
            env=env | more,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if more else None,
        )
        out, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode()

    return run


@pytest.fixture
def was_there(salesforce_org):
    org = salesforce_org.org

    def make(sobject: str, **fields) -> str:
        table = org.store.tables[sobject]
        return org.dml.create(org.new_call(), table, org.dml.prepare(table, fields), fields).id

    return make


@pytest.mark.proof
async def test_the_whole_org_is_shown_first_and_then_adopted_once(
    command, was_there, salesforce_org, tmp_path
):
    account = was_there("Account", Name="Solo Ltd")
    solo = was_there("Contact", LastName="Solo", Email="Solo@example.com", AccountId=account)
    first = was_there("Contact", LastName="First", Email="two@example.com")
    second = was_there("Contact", LastName="Second", Email="two@example.com")
    was_there("Contact", LastName="Keyed", Email="k@example.com", **{KEY: "k@example.com"})
    twin = was_there("Contact", LastName="Twin", Email="k@example.com")
    was_there("Contact", LastName="Without address")

    code, out = await command("adopt", "--dry-run", "--json", "--csv", "a.csv")
    assert code == 0
    counts = {"records": 5, "with_key": 1, "adopt": 2, "adopt-oldest": 1, "extra": 1, "twin": 1}
    assert json.loads(out) == counts | {"updates": 3, "refused": 0, "dry_run": True}
    assert (tmp_path / "a.csv").stat().st_mode & 0o077 == 0
    rows = csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    assert {row["id"]: row["action"] for row in rows} == {
        account: "adopt",
        solo: "adopt",
        first: "adopt-oldest",
        second: "extra",
        twin: "twin",
    }
    contacts = salesforce_org.org.store.tables["Contact"].records
    assert contacts[solo].get(KEY) is None

    code, out = await command("adopt")
    assert code == 0, out
    assert contacts[solo][KEY] == "solo@example.com"
    assert contacts[first][KEY] == "two@example.com"
    assert salesforce_org.org.store.tables["Account"].records[account][KEY] == "solo@example.com"
    code, out = await command("adopt", "--json")
    assert json.loads(out)["updates"] == 0


@pytest.mark.parametrize(
    "written",
    ["Max.Groß@example.com", "max.groß@Example.com", "max.gro\u00df@xn--mller-kva.de"],
)
async def test_a_record_gets_the_very_key_that_its_orders_will_ask_for(
    salesforce_org, was_there, written
):
    """`ß` is not `ss`, and a domain is one however it is spelt: another key was a twin per order."""
    contact = was_there("Contact", LastName="Groß", Email=written)
    with closing(build_client(settings_for(salesforce_org), alerts=Alerts())) as client:
        plan = await survey(client, Mapping.load())
    asked = PLAIN.key_of_buyer({"customer_email": written})
    assert [(update.id, update.key) for update in plan.updates] == [(contact, asked)]


async def test_keys_that_name_a_website_are_not_made_up_from_an_address(command, was_there):
    was_there("Contact", LastName="Solo", Email="solo@example.com")
    code, said = await command("adopt", "--json", MAGENTO_CUSTOMER_KEY="website")
    assert code == 2, said
    assert "MAGENTO_CUSTOMER_KEY=website" in said
