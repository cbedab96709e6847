"""Which fields hold a person: by what they read, and what is not known to be harmless does."""

from __future__ import annotations

import pytest

from agents.erasure.org_records import find_records
from agents.erasure.personal import ERASED, personal_records
from agents.mapping.mapping import PERSON_FILE, Mapping, default_text, types_of
from tests.support.person_org import EMAIL, FakeClient


def by_sobject(text: str):
    return {kind.sobject: kind for kind in personal_records(Mapping.parse(text).rulebook)}


def test_the_shipped_mapping_says_which_fields_are_a_persons():
    found = by_sobject(default_text())
    assert list(found) == ["Account", "Contact", "Opportunity"]
    assert found["Contact"].values["LastName"] == ERASED
    assert found["Contact"].values["Email"] is None
    assert found["Contact"].key_field == "Magento_Customer_Key__c"
    opportunity = found["Opportunity"]
    assert opportunity.values["Name"] == ERASED
    assert {"Billing_Street__c", "Magento_Customer_Email__c"} <= opportunity.values.keys()
    assert (
        not {"Amount", "StageName", "Description", "Billing_Country__c"} & opportunity.values.keys()
    )
    assert opportunity.key_field == ""


def test_a_person_that_is_an_account_keeps_a_last_name_as_salesforce_demands():
    found = by_sobject(default_text(PERSON_FILE))
    assert list(found) == ["Account", "Opportunity"]
    assert found["Account"].values["LastName"] == ERASED
    assert found["Account"].values["PersonEmail"] is None


@pytest.mark.parametrize(
    ("rule", "is_personal"),
    [
        ("customer_note", True),
        ("billing_address.telephone", True),
        ("addresses[address_type=shipping].street", True),
        ("billing_address.country_id", False),
        ("increment_id", False),
        ('{template: "for {billing_address.firstname|strip}"}', True),
        ('{template: "order {increment_id}"}', False),
        ("{from: increment_id, or_else: customer_email}", True),
        ('{from: increment_id, python: "hook:f"}', True),
        ("who", True),
        ("billing_address.custom_attributes[attribute_code=mobile].value", True),
        ("payment.cc_owner", True),
        ("extension_attributes.gift_message.recipient", True),
        ("customer_name", True),
        ("extension_attributes.pickup_location_code", False),
        # Of a module that nobody here has heard of: what is not known to be harmless goes.
        ("extension_attributes.delivery_contact", True),
        ("extension_attributes.quiz.answer", True),
        ("{from: extension_attributes.delivery_contact, type: email}", True),
        ("{from: extension_attributes.party, type: date}", True),
        ('{template: "{increment_id} {extension_attributes.engraving}"}', True),
        ("status_histories[0].comment", True),
        ("items[0].product_option.extension_attributes.custom_options[0].option_value", True),
        ("payment.additional_information[0]", True),
        # But an amount is the company's, and what the file says itself is nobody's.
        ("{from: extension_attributes.net_margin, type: number}", False),
        ("{from: extension_attributes.is_b2b, type: checkbox}", False),
        ("{from: extension_attributes.erp_state, map: {a: Alpha}, default: Beta}", False),
        ("{from: customer_gender, map: {1: Mr}}", True),
        ("{from: extension_attributes.due, type: date!}", False),
        ('{template: "{extension_attributes.erp_name}", type: text(20)!}', True),
        ("base_grand_total", False),
        ("extension_attributes.gift_cards_amount", False),
        ("items[0].name", False),
        ("items[0].price", False),
        ("items[0].product_options.attributes_info[0].value", False),
        ("payment.method", False),
        ("payment.last_trans_id", False),
        ("extension_attributes.shipping_assignments[0].shipping.method", False),
        ("shipping_description", False),
        ("store_name", False),
        ("coupon_code", False),
    ],
)
def test_a_field_is_personal_by_what_it_reads(rule, is_personal, tmp_path, monkeypatch):
    (tmp_path / "hook.py").write_text("def f(order, value):\n    return value\n")
    monkeypatch.syspath_prepend(tmp_path)
    text = f"""
order:
  values:
    who: {{template: "{{customer_firstname}} {{customer_lastname}}"}}
  rows:
    - sobject: Opportunity
      external_id: Magento_Order_ID__c
      fields:
        Magento_Order_ID__c: $key
        Mine__c: {rule}
"""
    found = by_sobject(text)
    assert ("Opportunity" in found and "Mine__c" in found["Opportunity"].values) is is_personal


LINED = """
line_items: {{as: opportunity, fields: {{Engraving__c: {path}}}}}
order:
  rows:
    - sobject: Opportunity
      external_id: Magento_Order_ID__c
      fields:
        Magento_Order_ID__c: $key
        Name: $key
        Buyer__c: {{from: customer_email, type: email}}
"""


@pytest.mark.parametrize("path", ["item.engraving", "order.customer_note"])
async def test_what_a_buyer_wrote_on_a_line_goes_with_the_order(path):
    book = Mapping.parse(LINED.format(path=path)).rulebook
    client = FakeClient()
    records = await find_records(client, personal_records(book), [EMAIL], [])
    assert records.found["OpportunityLineItem"][0].values == {"Engraving__c": None}
    assert records.order_keys == {"7"}  # the items' own ids name no order
    (asked,) = (soql for soql in client.asked if "FROM OpportunityLineItem" in soql)
    assert asked.endswith("WHERE Opportunity.Magento_Order_ID__c IN ('7')")


def test_a_line_of_products_alone_is_nobodys():
    book = Mapping.parse(LINED.format(path="item.row_total")).rulebook
    assert [one.sobject for one in personal_records(book)] == ["Opportunity"]


async def test_the_id_of_a_customers_record_is_no_orders_number():
    """A mapping may know customers by the store's id: order 7 of somebody else was refused."""
    text = """
order: {rows: []}
customer:
  rows:
    - sobject: Contact
      external_id: Magento_Order_ID__c
      fields: {Magento_Order_ID__c: id, Email: {from: email, type: email}}
"""
    book = Mapping.parse(text).rulebook
    records = await find_records(FakeClient(), personal_records(book), [EMAIL], [])
    assert (records.count, records.order_keys) == (1, set())


def test_the_orgs_own_types_say_what_a_field_can_hold():
    text = """
order:
  rows:
    - sobject: Opportunity
      external_id: Magento_Order_ID__c
      fields:
        Magento_Order_ID__c: $key
        Margin__c: extension_attributes.margin
        Who__c: extension_attributes.who
"""
    book = Mapping.parse(text).rulebook
    types = types_of(
        {
            "Opportunity": {
                "fields": [
                    {"name": "Margin__c", "type": "currency"},
                    {"name": "Who__c", "type": "string", "nillable": False, "length": 80},
                ]
            }
        }
    )
    (opportunity,) = personal_records(book, types)
    assert opportunity.values == {"Who__c": ERASED}
