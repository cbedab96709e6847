"""A record of a person that the org does not let us write over costs only itself."""

from __future__ import annotations

from contextlib import closing

import pytest
from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.erasure.org_records import anonymise, find_records, still_naming
from agents.erasure.personal import personal_records
from agents.mapping.mapping import Mapping
from agents.salesforce.api.wiring import build_client
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from schemas.identity import PLAIN
from schemas.person import Person
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]

EMAIL = "jane@example.com"
KEY = "Magento_Customer_Key__c"


@pytest.fixture
def orders(salesforce_org):
    org = salesforce_org.org

    def make(sobject, **fields):
        table = org.store.tables[sobject]
        return org.dml.create(org.new_call(), table, org.dml.prepare(table, fields), fields).id

    account = make("Account", Name="Jane", **{KEY: EMAIL})
    return [
        make(
            "Opportunity",
            Name=f"Order {n} - Jane",
            StageName="Prospecting",
            CloseDate="2026-03-14",
            AccountId=account,
            Magento_Order_ID__c=str(n),
            Magento_Customer_Email__c=EMAIL,
        )
        for n in range(1, 5)
    ]


class Locking:
    """The org's client, where some records are locked by an approval, and some deleted meanwhile."""

    def __init__(self, client, codes):
        self.client, self.codes = client, codes

    def __getattr__(self, name):
        return getattr(self.client, name)

    async def update(self, sobject, record_id, fields):
        if code := self.codes.get(record_id):
            kind = ErrorKind.CONFIG if code == "NOT_FOUND" else ErrorKind.PERMANENT
            raise SalesforceError("no", kind=kind, code=code, status=400, rule=code)
        await self.client.update(sobject, record_id, fields)


async def test_a_locked_order_leaves_its_parents_to_be_found_by_and_no_other_record(
    salesforce_org, orders
):
    tables = salesforce_org.org.store.tables
    personal = personal_records(Mapping.load().rulebook)
    codes = {orders[3]: "NOT_FOUND", orders[2]: "ENTITY_IS_LOCKED", orders[0]: "ENTITY_IS_DELETED"}
    with closing(build_client(settings_for(salesforce_org), alerts=Alerts())) as client:
        records = await find_records(client, personal, [EMAIL], [])
        done = await anonymise(Locking(client, codes), records)
        assert done.refused == [("Opportunity", orders[2], "ENTITY_IS_LOCKED")]
        assert done.written == 1
        assert tables["Opportunity"].records[orders[1]]["Name"] == "Erased"
        (account,) = tables["Account"].records.values()
        assert account[KEY] == EMAIL

        records = await find_records(client, personal, [EMAIL], [])
        assert orders[2] in records.found["Opportunity"][1]
        assert not (await anonymise(client, records)).refused
        (account,) = tables["Account"].records.values()
        assert account[KEY] != EMAIL


async def test_an_outage_ends_an_erasure_at_once(salesforce_org, orders):
    personal = personal_records(Mapping.load().rulebook)
    with closing(build_client(settings_for(salesforce_org), alerts=Alerts())) as client:
        records = await find_records(client, personal, [EMAIL], [])
        away = Locking(client, {})

        async def no_answer(*_record):
            raise SalesforceError("away", kind=ErrorKind.TRANSIENT, status=503)

        away.update = no_answer
        with pytest.raises(SalesforceError, match="away"):
            await anonymise(away, records)


async def test_what_no_mapping_knows_is_told_by_the_record_and_its_field(salesforce_org, orders):
    """A colleague typed it, or an earlier mapping wrote it: the proof looked into Kafka alone."""
    tables = salesforce_org.org.store.tables
    tables["Opportunity"].records[orders[1]]["NextStep"] = "mail Jane@Example.com"
    personal = personal_records(Mapping.load().rulebook)
    person = Person((EMAIL,))
    with closing(build_client(settings_for(salesforce_org), alerts=Alerts())) as client:
        records = await find_records(client, personal, [EMAIL], [])
        del tables["Opportunity"].records[orders[3]]
        await anonymise(client, records)
        assert await still_naming(client, person, records) == [
            ("Opportunity", orders[1], "NextStep")
        ]


@pytest.mark.parametrize(
    ("erased", "stays"),
    [("strauss@example.com", "strauß@example.com"), ("strauß@e.de", "strauss@e.de")],
)
async def test_whose_letters_salesforce_takes_for_others_is_not_erased_with_them(
    salesforce_org, erased: str, stays: str
) -> None:
    org, ids = salesforce_org.org, {}
    for address in (erased, stays):
        fields = {"LastName": "X", "Email": address, KEY: PLAIN.keys_of_email(address)[0]}
        table = org.store.tables["Contact"]
        ids[address] = org.dml.create(
            org.new_call(), table, org.dml.prepare(table, fields), fields
        ).id
    personal = personal_records(Mapping.load().rulebook)
    with closing(build_client(settings_for(salesforce_org), alerts=Alerts())) as client:
        people = PLAIN.keys_of_email(erased)
        found = await find_records(client, personal, [erased], ["100"], people)
    assert [records for _, records in found.found.values()] == [[ids[erased]]]
