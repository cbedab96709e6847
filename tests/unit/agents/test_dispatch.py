from __future__ import annotations

from support.dispatch_bench import QUICK, make, order, send
from support.fake_org import (
    KEY,
    LOCKED,
    NEWER,
    TOO_LONG,
    FakeOrg,
    account,
    failed,
    opportunity,
)

from agents.delivery.types import RefusedWrite, Stale, WriteSet, Written
from agents.salesforce.errors.error_kind import ErrorKind
from schemas.salesforce import Row, RowError


async def test_an_order_is_written_with_its_customer_in_one_call():
    org = FakeOrg()
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Written)
    assert set(outcome.ids) == {"Account", "Contact", "Opportunity"}
    assert outcome.created == ("Account", "Contact", "Opportunity")
    assert outcome.calls == len(org.calls) == 1


async def test_no_bundles_are_no_calls():
    org = FakeOrg()
    assert await send(make(org)) == []
    assert org.calls == []


async def test_outcomes_come_in_the_order_of_the_bundles():
    org = FakeOrg()
    org.always["o7"] = TOO_LONG
    outcomes = await send(make(org), *(order(n) for n in range(450)))
    refused_places = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, RefusedWrite)]
    assert refused_places == [7]


async def test_a_thousand_orders_take_five_calls():
    org = FakeOrg()
    outcomes = await send(make(org), *(order(n) for n in range(1000)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert len(org.calls) == 5


async def test_what_an_order_knows_of_a_customer_never_changes_an_existing_one():
    org = FakeOrg()
    record_id = org.put("Account", "c1", Name="Kept by people")
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Written)
    assert outcome.ids["Account"] == record_id
    assert "Account" not in outcome.created
    assert org.fields_of("Account", "c1") == {"Name": "Kept by people"}


async def test_plain_fields_of_an_existing_record_follow_the_refused_create():
    org = FakeOrg()
    org.put("Account", "c1", Name="Kept", Fax="old")
    (outcome,) = await send(make(org), WriteSet("k", (account("c1", Fax="new"),)))
    assert isinstance(outcome, Written)
    assert org.fields_of("Account", "c1") == {"Name": "Kept", "Fax": "new"}
    assert [call[0].method for call in org.calls] == ["create", "upsert"]


async def test_a_customer_written_once_is_left_out_of_further_orders():
    org = FakeOrg()
    dispatcher = make(org)
    await send(dispatcher, order(1, "anna"))
    (outcome,) = await send(dispatcher, order(2, "anna"))
    assert isinstance(outcome, Written)
    assert [c.sobject for c in org.calls[1]] == ["Opportunity"]
    assert outcome.ids["Account"] == org.records["Account", "anna"]["id"]


async def test_a_customer_deleted_behind_our_back_is_created_again():
    org = FakeOrg()
    dispatcher = make(org)
    await send(dispatcher, order(1, "anna"))
    org.records.clear()
    (outcome,) = await send(dispatcher, order(2, "anna"))
    assert isinstance(outcome, Written)
    assert org.fields_of("Account", "anna") == {"Name": "anna"}
    assert org.has("Opportunity", "o2")


async def test_a_deleted_record_that_an_update_brings_back_gets_its_insert_fields_too():
    org = FakeOrg()
    dispatcher = make(org)
    bundle = WriteSet("k", (account("anna", Fax="1"),))
    await send(dispatcher, bundle)
    org.records.clear()
    (outcome,) = await send(dispatcher, bundle)
    assert isinstance(outcome, Written)
    assert outcome.created == ("Account",)
    assert org.fields_of("Account", "anna") == {"Name": "anna", "Fax": "1"}


async def test_a_duplicate_of_another_unique_field_is_the_records_own_error():
    org = FakeOrg()
    text = "duplicate value found: Tax_Id__c duplicates value on record with id: 001000000000009"
    org.always["c1"] = RowError("DUPLICATE_VALUE", text)
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, RefusedWrite)
    assert (outcome.code, outcome.sobject) == ("DUPLICATE_VALUE", "Account")


async def test_a_record_that_is_there_is_found_though_another_unique_field_is_named():
    """A create breaks the key and the tax id at once, and Salesforce names one of them."""
    org = FakeOrg()
    record_id = org.put("Account", "c1", Name="Kept")
    text = f"duplicate value found: Tax_Id__c duplicates value on record with id: {record_id}"
    honest = org._write

    def naming_the_other(row, method):
        is_refused = (row.external_id, method) == ("c1", "create")
        return failed(RowError("DUPLICATE_VALUE", text)) if is_refused else honest(row, method)

    org._write = naming_the_other
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Written), outcome
    assert outcome.ids["Account"] == record_id
    assert org.fields_of("Account", "c1") == {"Name": "Kept"}


async def test_a_duplicate_whose_field_is_hidden_is_settled_by_an_upsert_that_changes_nothing():
    org = FakeOrg()
    org.put("Account", "c1", Name="Kept")
    text = "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
    org.row_errors["c1"] = [RowError("DUPLICATE_VALUE", text)]
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Written)
    assert org.fields_of("Account", "c1") == {"Name": "Kept"}


async def test_two_inserts_that_raced_are_repeated_once():
    org = FakeOrg()
    text = f"duplicate value found: {KEY} duplicates value on record with id: 006000000000009"
    org.row_errors["o1"] = [RowError("DUPLICATE_VALUE", text)]
    (outcome,) = await send(make(org), WriteSet("o1", (opportunity("o1"),)))
    assert isinstance(outcome, Written)


async def test_a_locked_row_is_repeated_alone_and_its_neighbours_are_not():
    org = FakeOrg()
    org.row_errors["o3"] = [LOCKED, LOCKED]
    outcomes = await send(make(org), *(order(n) for n in range(10)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert [sum(len(c.rows) for c in call) for call in org.calls] == [30, 1, 1]


async def test_a_row_that_stays_locked_is_handed_to_the_retry_tiers():
    org = FakeOrg()
    org.always["o3"] = LOCKED
    outcome = (await send(make(org), *(order(n) for n in range(5))))[3]
    assert isinstance(outcome, RefusedWrite)
    assert outcome.kind is ErrorKind.LOCK
    assert len(org.calls) == 1 + QUICK.rounds


async def test_a_refused_row_costs_only_itself():
    org = FakeOrg()
    org.always["o3"] = TOO_LONG
    outcomes = await send(make(org), *(order(n) for n in range(200)))
    assert sum(isinstance(outcome, Written) for outcome in outcomes) == 199
    assert isinstance(outcomes[3], RefusedWrite)
    assert outcomes[3].kind is ErrorKind.PERMANENT
    assert outcomes[3].fields == ("Name",)
    assert "mapping.yaml" in outcomes[3].fix
    assert len(org.calls) == 1


async def test_a_bundle_reports_its_refused_parent_and_not_the_orphan():
    org = FakeOrg()
    org.always["c1"] = TOO_LONG
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, RefusedWrite)
    assert (outcome.sobject, outcome.code) == ("Account", "STRING_TOO_LONG")
    assert len(org.calls) == 2  # a create, and again: a query says that there is no such record


async def test_a_locked_parent_and_its_orphan_are_written_by_the_next_round():
    org = FakeOrg()
    org.row_errors["c1"] = [LOCKED]
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Written)


async def test_a_parent_that_never_comes_is_an_ordering_failure_for_the_tiers():
    org = FakeOrg()
    (outcome,) = await send(make(org), WriteSet("o1", (opportunity("o1", "nobody"),)))
    assert isinstance(outcome, RefusedWrite)
    assert outcome.kind is ErrorKind.ORDERING


async def test_an_older_state_that_the_org_refuses_is_stale():
    org = FakeOrg()
    org.always["o1"] = NEWER
    (outcome,) = await send(make(org), order(1))
    assert isinstance(outcome, Stale)


async def test_a_stale_customer_does_not_hold_up_its_order():
    org = FakeOrg()
    org.put("Account", "c1")
    org.always["c1"] = NEWER
    row = Row("Account", KEY, "c1", {"Name": "older"})
    (outcome,) = await send(make(org), WriteSet("o1", (row, opportunity("o1", "c1"))))
    assert isinstance(outcome, Written)
    assert "newer state" in outcome.notes[0]
