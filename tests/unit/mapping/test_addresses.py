"""A compound address is written whole: no part of an old address stays beside a new one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.mapping.mapping import Mapping
from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.records.address_rules import settle_addresses
from sandbox.salesforce.records.features import COUNTRIES, apply
from sandbox.salesforce.records.objects import stock_org
from sandbox.salesforce.settings import Settings
from schemas.codec import Document
from schemas.event import Kind

PARTS = ("Street", "City", "State", "PostalCode", "Country")


def describes(**settings) -> dict:
    schema = stock_org()
    apply(schema, Settings(**settings))
    return {name: sobject.describe("", schema) for name, sobject in schema.items()}


PICKLISTS = describes(address_picklists=True)


def customer(**address) -> Document:
    entity = {"email": "a@example.com", "lastname": "B", "addresses": [address] if address else []}
    return Document(
        event="customer_saved",
        kind=Kind.CUSTOMER,
        key="a@example.com",
        entity=entity,
        updated_at="",
    )


def account_of(mapping: Mapping, **address) -> tuple[dict, tuple[str, ...]]:
    mapped = mapping.apply(customer(**address))
    return dict(mapped.rows[0].fields), mapped.notes


def test_a_move_without_region_empties_the_state_and_what_else_the_new_address_lacks(mapping):
    fields, _ = account_of(mapping, city="Berlin", country_id="DE")
    parts = {name: fields[f"Billing{name}"] for name in PARTS}
    assert parts == {
        "Street": None,
        "City": "Berlin",
        "State": None,
        "PostalCode": None,
        "Country": "DE",
    }


def test_a_document_without_an_address_says_nothing_about_it(mapping):
    fields, _ = account_of(mapping)
    assert not [name for name in fields if name.startswith("Billing")]


def test_custom_fields_that_are_an_address_by_their_names_are_one(mapping, order, mapped):
    del order["billing_address"]["region"]
    rows, _ = mapped(order)
    assert rows["Opportunity"].fields["Billing_State__c"] is None
    assert rows["Opportunity"].fields["Billing_City__c"] == "Lyon"


def test_what_only_new_records_get_is_whole_too(mapped, order):
    del order["billing_address"]["region"]
    rows, _ = mapped(order)
    assert rows["Contact"].insert_fields["MailingState"] is None


def test_parts_of_different_names_and_lone_fields_are_no_address(mapping_of, mapped):
    mapping = mapping_of("Shipping_City__c: city\nHome_Country__c: country")
    rows, _ = mapped({"increment_id": "1", "city": "Lyon"}, using=mapping)
    assert "Home_Country__c" not in rows["Opportunity"].fields


@pytest.mark.parametrize(
    ("region", "country", "code", "is_noted"),
    [
        ("Ohio", "US", "OH", False),
        ("oh", "US", "OH", False),
        ("São Paulo", "BR", "SP", False),
        ("Ohio", "CA", None, True),
        ("Bayern", "DE", None, True),
        (None, "DE", None, False),
        ("Ohio", "XX", None, True),
        ("Ohio", None, None, True),
    ],
)
def test_with_picklists_a_state_goes_out_as_its_countrys_code_or_is_emptied(
    mapping, region, country, code, is_noted
):
    fields, notes = account_of(
        mapping.refined(PICKLISTS), city="X", region=region, country_id=country
    )
    assert fields["BillingStateCode"] == code
    assert fields["BillingCity"] == "X"
    assert not {"BillingState", "BillingCountry"} & {*fields}
    assert any("BillingStateCode: emptied" in note for note in notes) is is_noted


@pytest.mark.parametrize(
    ("region", "code", "sent"),
    [
        ("State of Ohio", "OH", "OH"),
        ("State of Ohio", "US-OH", None),
        ("Ohio", "CA", "OH"),
        ("State of Ohio", None, None),
    ],
)
def test_a_state_whose_name_the_org_does_not_have_is_found_by_the_stores_code_of_it(
    order, mapped, region, code, sent
):
    """Roma, Torino and Yukon Territory have other names there, and the same codes."""
    mapping = Mapping.load()
    picklists = mapping.refined(PICKLISTS)
    of_customer = {"region": region, "region_code": code, "region_id": 47}
    fields, notes = account_of(picklists, city="X", region=of_customer, country_id="US")
    assert fields["BillingStateCode"] == sent
    assert type(fields["BillingStateCode"]) in (str, type(None))
    assert any("emptied" in note for note in notes) is (sent is None)
    order["billing_address"] |= {"region": region, "region_code": code, "country_id": "US"}
    rows, _ = mapped(order, using=picklists)
    assert rows["Account"].insert_fields["BillingStateCode"] == sent
    assert rows["Contact"].insert_fields["MailingStateCode"] == sent
    assert rows["Opportunity"].fields["Billing_State__c"] == region
    fields, _ = account_of(mapping, city="X", region=of_customer, country_id="US")
    assert fields["BillingState"] == region


@pytest.mark.parametrize("country", ["US", "us", "United States", " united states "])
def test_with_picklists_a_country_goes_out_as_its_code_by_code_or_name(mapping, country):
    """A checkout or a flow sends names; country and state were left out, though both are known."""
    fields, notes = account_of(
        mapping.refined(PICKLISTS), city="X", region="Ohio", country_id=country
    )
    assert (fields["BillingCountryCode"], fields["BillingStateCode"]) == ("US", "OH")
    assert not [note for note in notes if "Country" in note or "State" in note]


@pytest.mark.parametrize("country", ["Atlantis", "USA", "a very long name of a country " * 9])
def test_a_country_that_the_org_does_not_have_is_left_out_with_a_note(mapping, country):
    fields, notes = account_of(mapping.refined(PICKLISTS), city="X", country_id=country)
    assert fields["BillingCountryCode"] is None
    wanted = "not a code or a name of the org's countries, left out"
    assert any(wanted in note for note in notes)
    assert not any("cut" in note for note in notes)


def test_states_that_the_file_maps_by_code_are_held_against_their_country_too():
    mapping = Mapping.parse(
        """
order: {rows: []}
customer:
  rows:
    - sobject: Account
      external_id: Magento_Customer_Key__c
      fields:
        Magento_Customer_Key__c: $key
        Name: lastname
        BillingStateCode: addresses[0].region_code
        BillingCountryCode: addresses[0].country_id
"""
    ).refined(PICKLISTS)
    fields, _ = account_of(mapping, region_code="OH", country_id="DE")
    assert (fields["BillingStateCode"], fields["BillingCountryCode"]) == (None, "DE")


places = st.one_of(st.none(), st.sampled_from(["Ohio", "OH", "13", "Tokyo", "Nowhere", "", "NSW"]))
countries = st.one_of(st.none(), st.sampled_from([*COUNTRIES, "us", "ZZ", ""]))


@given(st.lists(st.tuples(places, countries), min_size=2, max_size=4))
def test_no_sequence_of_addresses_makes_a_pair_that_the_org_refuses(moves):
    mapping = Mapping.load().refined(PICKLISTS)
    stored: dict = {}
    for region, country in moves:
        fields, _ = account_of(mapping, city="X", region=region, country_id=country)
        new = {**stored, **fields}
        try:
            settle_addresses("Account", stored or None, new)
        except RecordError as error:
            pytest.fail(f"{moves}: {error.message}")
        stored = new
