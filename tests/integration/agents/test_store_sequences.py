"""What stores send one after the other, and what Salesforce holds in the end: the whole handler."""

from __future__ import annotations

from typing import Any

import pytest
from support.salesforce_fixtures import org_keys, salesforce_org
from support.store_pipe import COMMIT, CUSTOMER, StorePipe

from agents.delivery.org_search import OrgSearch
from agents.delivery.types import NotSent
from schemas.identity import CustomerKey, Identity, OrderKey

__all__ = ["org_keys", "salesforce_org"]

EMAIL, OTHER = "nora@example.com", "nora@new.example"
BILL = {"address_type": "billing", "firstname": "Nora", "lastname": "Lind", "city": "Bergen"}
ROW = {"item_id": 1, "sku": "CUP", "name": "Cup", "qty_ordered": 2, "row_total": 120.5}
STAGE = "StageName"


def order(at: str = "10:00", number: str = "000000101", **more: Any) -> dict[str, Any]:
    document = {
        "entity_id": int(number.partition("-")[0]),
        "increment_id": number,
        "store_id": 1,
        "state": "new",
        "customer_email": EMAIL,
        "customer_firstname": "Nora",
        "customer_lastname": "Lind",
        "customer_id": 7,
        "grand_total": 120.5,
        "created_at": "2026-03-14 09:00:00",
        "updated_at": f"2026-03-14 {at}:00",
        "billing_address": BILL,
        "items": [ROW],
        **more,
    }
    return {name: value for name, value in document.items() if value is not ...}


def customer(at: str, email: str = EMAIL, one: int = 7, **more: Any) -> dict[str, Any]:
    address = {"id": 5, "city": "Bergen", "default_billing": True}
    return {
        "id": one,
        "website_id": 1,
        "email": email,
        "firstname": "Nora",
        "lastname": "Lind",
        "updated_at": f"2026-03-14 {at}:00",
        "addresses": [address],
        **more,
    }


def made(pipe: StorePipe, sobject: str, **fields: str) -> str:
    """Return the id of a record that was in the org before."""
    org, table = pipe.org, pipe.org.store.tables[sobject]
    return org.dml.create(org.new_call(), table, org.dml.prepare(table, fields), fields).id


@pytest.fixture
async def pipe(salesforce_org):
    pipe = StorePipe(salesforce_org)
    yield pipe
    pipe.client.close()


async def gets(pipe: StorePipe, *documents: dict[str, Any]) -> list[str]:
    """Send one after the other, each when it was saved."""
    ends = []
    for document in documents:
        event = CUSTOMER if "email" in document else COMMIT
        at = str(document.get("updated_at") or "")
        ends += await pipe.gets(document, event=event, at=at)
    return ends


async def test_a_guest_who_registers_keeps_the_account(pipe):
    await gets(pipe, order(customer_id=...), customer("10:05"), order("10:06", state="complete"))
    assert pipe.accounts("Magento_Customer_ID__c") == {EMAIL: "7"}
    assert pipe.opportunities("AccountId", STAGE) == {
        "000000101": [pipe.accounts("Id")[EMAIL], "Closed Won"]
    }


async def test_an_edited_order_is_a_new_one_and_the_old_one_is_lost(pipe):
    new = order("10:10", "000000101-1", entity_id=205, original_increment_id="000000101")
    await gets(pipe, order(), new, order("10:10", state="canceled", relation_child_id="205"))
    assert pipe.opportunities(STAGE) == {
        "000000101": "Closed Lost",
        "000000101-1": "Prospecting",
    }


async def test_a_status_ahead_of_its_order_and_the_order_behind_it(pipe):
    status = {"increment_id": "000000101", "status": "complete"}
    ends = await gets(pipe, status | {"updated_at": "2026-03-14 10:09:00"})
    ends += await pipe.gets(order("10:00"), event=COMMIT, at="2026-03-14 10:10:00")
    assert ends == ["synced", "synced"]
    assert pipe.opportunities(STAGE, "Amount", "AccountId") == {
        "000000101": ["Closed Won", 120.5, pipe.accounts("Id")[EMAIL]]
    }


async def test_one_number_in_two_store_views(salesforce_org):
    pipe = StorePipe(salesforce_org, identity=Identity(order_key=OrderKey.STORE))
    second = {"store_id": 2, "entity_id": 777, "grand_total": 5, "customer_email": OTHER}
    await gets(pipe, order(), order("10:01", **second), order("10:02", state="complete"))
    assert pipe.opportunities("Amount", STAGE) == {
        "1:000000101": [120.5, "Closed Won"],
        "2:000000101": [5, "Prospecting"],
    }
    pipe.client.close()


async def test_who_was_deleted_and_registers_again_is_followed_under_the_new_id(pipe):
    await gets(pipe, customer("10:00"), order("10:01"), order("10:02", customer_id=...))
    await gets(pipe, customer("10:05", one=9), customer("10:06", OTHER, one=9))
    assert pipe.accounts("Magento_Customer_ID__c") == {OTHER: "9"}
    assert pipe.opportunities("AccountId") == {"000000101": pipe.accounts("Id")[OTHER]}


async def test_one_who_lost_the_address_and_one_who_took_it(pipe):
    await gets(pipe, order(), customer("10:01"), customer("10:02", OTHER))
    await gets(pipe, customer("10:03", one=8), order("10:04", "000000102", customer_id=8))
    await gets(pipe, order("10:05", state="complete"))
    accounts = pipe.accounts("Id")
    assert pipe.opportunities("AccountId") == {
        "000000101": accounts[OTHER],
        "000000102": accounts[EMAIL],
    }


async def test_changes_of_the_address_that_come_in_the_wrong_order(pipe):
    await gets(pipe, customer("10:00"))
    for at, email in (("10:02", OTHER), ("10:01", "b@example.com"), ("10:00", EMAIL)):
        await pipe.gets(customer(at, email), event=CUSTOMER)
    assert pipe.contacts("Email") == {OTHER: OTHER}


async def test_an_order_of_magento_1_has_its_address_among_others(pipe):
    shipping = {"address_type": "shipping", "email": "ship@example.com"}
    rows = [BILL | {"email": EMAIL}, shipping]
    await gets(pipe, order(customer_email=..., billing_address=..., addresses=rows))
    assert pipe.opportunities("AccountId") == {"000000101": pipe.accounts("Id")[EMAIL]}


async def test_a_naive_body_above_an_older_whole_one_takes_nothing_from_it(pipe):
    naive = order("10:05", state="complete", items=[{}], billing_address={})
    await pipe.gets(naive, event=COMMIT, at="2026-03-14 10:05:01")
    await pipe.gets(order("10:00"), event=COMMIT, at="2026-03-14 10:06:00")
    assert pipe.opportunities(STAGE, "Description", "Billing_City__c") == {
        "000000101": ["Closed Won", "Cup (SKU: CUP, Qty: 2)", "Bergen"]
    }


async def test_what_is_made_of_an_order_is_not_the_order(pipe):
    await gets(pipe, order())
    refund = {"entity_id": 4, "order_id": 101, "increment_id": "000000101", "adjustment": 0}
    ended = await pipe.gets({"creditmemo": refund}, event="sales_order_creditmemo_save_after")
    assert ended[0].startswith("ignored")
    both = {"orders": [order(), order(number="000000102")]}
    assert (await pipe.gets(both, event="checkout_submit_all_after"))[0].startswith("refused")
    assert pipe.opportunities("Amount") == {"000000101": 120.5}


async def test_an_order_that_was_deleted_in_the_org_is_made_again_with_its_customer(pipe):
    await gets(pipe, order())
    for sobject in ("Opportunity", "Contact", "Account"):
        await pipe.client.delete([record["Id"] for record in pipe.records(sobject)])
    assert await gets(pipe, order("10:01", state="complete")) == ["synced"]
    assert pipe.opportunities(STAGE) == {"000000101": "Closed Won"}
    assert pipe.accounts("Name") == {EMAIL: "Nora Lind"}


async def test_a_local_clock_over_the_night_of_summer_time(pipe):
    """Berlin, 01:00 UTC: the clock goes from +01:00 to +02:00, and `updated_at` with it."""
    times = (("01:59:50", "00:59:50"), ("03:00:10", "01:00:10"), ("03:10:00", "01:10:00"))
    for (local, utc), state in zip(times, ("new", "processing", "complete"), strict=True):
        document = order(updated_at=f"2026-03-29 {local}", state=state)
        assert await pipe.gets(document, event=COMMIT, at=f"2026-03-29 {utc}") == ["synced"]
    assert pipe.opportunities(STAGE) == {"000000101": "Closed Won"}


@pytest.mark.parametrize(
    ("plain", "sharp", "key"),
    [
        ("strauss@example.com", "Strauß@example.com", "strau%c3%9f@example.com"),
        ("info@strasse.example", "info@straße.example", "info@xn--strae-oqa.example"),
        ("info@strasse.example", "info@xn--strae-oqa.example", "info@xn--strae-oqa.example"),
        ("σοφοσ@example.com", "σοφος@example.com", "σοφο%cf%82@example.com"),
    ],
)
async def test_letters_that_salesforce_takes_for_others_make_nobody_another(
    pipe, plain: str, sharp: str, key: str
):
    """Two customers, and a guest of the one address, took turns on one Account and one Contact."""
    await gets(pipe, customer("10:00", plain, 7, firstname="Ann"))
    await gets(pipe, customer("10:01", sharp, 8, firstname="Bob"))
    await gets(
        pipe,
        order("10:02", customer_email=plain),
        order("10:03", "000000102", customer_email=sharp, customer_id=8),
    )
    assert pipe.accounts("Name") == {plain: "Ann Lind", key: "Bob Lind"}
    assert pipe.contacts("Email") == {plain: plain, key: sharp.lower()}
    ids = pipe.accounts("Id")
    assert pipe.opportunities("AccountId") == {"000000101": ids[plain], "000000102": ids[key]}


async def test_who_was_in_the_org_is_adopted_by_the_address_and_no_other(pipe):
    """A query for `strauß` finds `strauss`, whose Contact got the other one's key."""
    made(pipe, "Contact", LastName="Ann", Email="strauss@example.com")
    await gets(pipe, order(customer_email="strauß@example.com", customer_id=...))
    assert pipe.contacts("LastName") == {None: "Ann", "strau%c3%9f@example.com": "Lind"}


@pytest.mark.parametrize("is_order", [False, True])
async def test_a_guest_who_orders_as_a_customer_is_followed_to_a_new_address(pipe, is_order: bool):
    """Whose own save never came: the guest's records had no id, and the change made them twins."""
    await gets(pipe, order(customer_id=...), order("10:02", "000000102"))
    assert pipe.accounts("Magento_Customer_ID__c") == {EMAIL: "7"}
    assert pipe.contacts("Magento_Customer_ID__c") == {EMAIL: "7"}
    if is_order:
        await gets(pipe, order("10:05", "000000103", customer_email=OTHER))
        assert list(pipe.accounts("Id")) == [EMAIL]
    await gets(pipe, customer("10:06", OTHER))
    (account,) = pipe.accounts("Id").values()
    assert list(pipe.accounts("Id")) == [OTHER] == list(pipe.contacts("Id"))
    assert set(pipe.opportunities("AccountId").values()) == {account}


async def test_who_was_adopted_by_an_order_is_followed_to_a_new_address(pipe):
    """The key was given without the customer's id, so the change made a second Account, too."""
    account = made(pipe, "Account", Name="Old")
    made(pipe, "Contact", LastName="Old", Email=EMAIL, AccountId=account)
    await gets(pipe, order(), customer("10:05", OTHER))
    assert pipe.accounts("Id") == {OTHER: account}
    assert list(pipe.contacts("Id")) == [OTHER]


async def test_a_customer_of_magento_1_is_followed_by_what_it_calls_the_id(pipe):
    """Its SOAP API says `customer_id`: no id was known, and a change of e-mail made them two."""
    for at, email in (("10:00", EMAIL), ("10:05", OTHER)):
        person = customer(at, email, group_id="1", customer_id="7", increment_id="000000007")
        del person["id"]
        await gets(pipe, person)
    assert pipe.accounts("Magento_Customer_ID__c") == {OTHER: "7"}
    assert list(pipe.contacts("Id")) == [OTHER]


async def test_who_shops_at_another_website_has_the_same_address(salesforce_org):
    """Accounts that websites share: the order said that its customer has another e-mail."""
    websites = {"1": "1", "2": "2"}
    by_website = Identity(customer_key=CustomerKey.WEBSITE, websites=websites)
    pipe = StorePipe(salesforce_org, identity=by_website)
    await gets(pipe, customer("10:00"), order("10:01", store_id=2))
    (account,) = pipe.accounts("Id").values()
    assert pipe.opportunities("AccountId") == {"000000101": account}
    assert f"Account {account}: its customer has another website by now" in pipe.notes
    await gets(pipe, customer("10:05", website_id=2))
    assert f"Account {account}: renamed, the customer's website has changed" in pipe.notes
    pipe.client.close()


async def test_a_customer_of_two_stores_waits_for_nobody(salesforce_org):
    """Each store has an id of its own for them: each save waited for the other one to leave."""
    french, german = (
        StorePipe(salesforce_org, identity=Identity(instance=name)) for name in ("fr", "de")
    )
    for at, (pipe, one) in enumerate([(french, 7), (german, 9)] * 2):
        await gets(pipe, customer(f"10:0{at}", one=one), order(f"10:1{at}", customer_id=one))
    ends = [result.outcome.value for pipe in (french, german) for result in pipe.results]
    assert "parked" not in ends
    assert list(french.accounts("Id")) == list(french.contacts("Id")) == [EMAIL]
    assert sorted(french.opportunities("Id")) == ["de:000000101", "fr:000000101"]
    french.client.close()
    german.client.close()


async def test_a_record_that_takes_no_id_costs_no_order(pipe, monkeypatch):
    await gets(pipe, order(customer_id=...))

    async def refuses(_org, wanted, _priority):
        return [(*pair, NotSent("locked")) for pair in wanted]

    monkeypatch.setattr(OrgSearch, "give_keys", refuses)
    assert await gets(pipe, order("10:02", "000000102")) == ["synced"]
    assert len(pipe.opportunities("Id")) == 2
