"""An amount is sent with its currency, or refused, or noted: never stored as other money."""

from __future__ import annotations

import pytest

from agents.mapping.mapping import Mapping, default_text
from agents.mapping.org_features import OrgFeatures, check_fit, features_of
from agents.mapping.schema_check import Severity
from sandbox.salesforce.records.features import apply
from sandbox.salesforce.records.objects import stock_org
from sandbox.salesforce.settings import Settings
from stream.errors import MappingError, MappingFileError


def org(currencies: str = "") -> dict:
    schema = stock_org()
    apply(schema, Settings(currencies=currencies))
    return {name: sobject.describe("", schema) for name, sobject in schema.items()}


def with_currencies(listed: str) -> Mapping:
    text = default_text().replace(
        "  currency: order\n", f"  currency: order\n  currencies: {listed}\n"
    )
    return Mapping.parse(text)


def test_the_orders_currency_goes_with_every_row_of_a_multi_currency_org(mapping, mapped, order):
    rows, _ = mapped(order, using=mapping.refined(org("USD,EUR")))
    assert rows["Opportunity"].fields["CurrencyIsoCode"] == "EUR"
    assert rows["Account"].insert_fields["CurrencyIsoCode"] == "EUR"


def test_the_base_currency_is_sent_where_the_amount_is_in_it(mapped, order):
    mapping = Mapping.parse(default_text().replace("currency: order", "currency: base"))
    rows, _ = mapped(order, using=mapping.refined(org("USD,EUR")))
    assert rows["Opportunity"].fields["CurrencyIsoCode"] == "USD"


ABROAD = {"order_currency_code": "EUR", "base_currency_code": "USD", "base_grand_total": 110}


@pytest.mark.parametrize("policy", ["grand_total", "paid_minus_refunded", "total_with_credits"])
def test_an_amount_in_the_other_currency_goes_out_with_that_currency_and_to_new_records_only(
    mapped, order, policy
):
    text = default_text().replace("policy: grand_total", f"policy: {policy}", 1)
    order |= {**ABROAD, "grand_total": None, "total_paid": None, "base_total_paid": 110}
    rows, notes = mapped(order, using=Mapping.parse(text).refined(org("USD,EUR")))
    sent = rows["Opportunity"].insert_fields
    assert (sent["Amount"], sent["CurrencyIsoCode"]) == (110, "USD")
    assert not {"Amount", "CurrencyIsoCode"} & rows["Opportunity"].fields.keys()
    assert "$amount: grand_total is missing, used base_grand_total" in notes


def test_an_amount_without_its_currency_is_noted(mapping, mapped, order):
    del order["order_currency_code"]
    _, notes = mapped(order, using=mapping.refined(org("USD,EUR")))
    assert any("Opportunity.Amount: the event does not say its currency" in note for note in notes)


def test_a_mapped_currency_is_left_to_the_file(mapped, order):
    text = default_text().replace(
        "        Amount: $amount\n",
        "        Amount: $amount\n        CurrencyIsoCode: {value: USD}\n",
    )
    rows, _ = mapped(order, using=Mapping.parse(text).refined(org("USD,EUR")))
    assert rows["Opportunity"].fields["CurrencyIsoCode"] == "USD"


def test_an_org_without_the_field_gets_none_and_an_amount_in_other_money_is_noted(
    mapping, mapped, order
):
    rows, notes = mapped(order, using=mapping.refined(org(), only_currency="USD"))
    assert "CurrencyIsoCode" not in rows["Opportunity"].fields
    assert any("Opportunity.Amount: is in EUR, the org has only USD" in note for note in notes)
    _, same = mapped(order, using=mapping.refined(org(), only_currency="EUR"))
    assert not any("stored without conversion" in note for note in same)


def test_an_order_in_an_inactive_currency_is_refused_before_it_is_stored_as_other_money(
    mapping, document, order
):
    order["order_currency_code"] = "JPY"
    with pytest.raises(MappingError, match="JPY is not an active currency"):
        mapping.refined(org("USD,-JPY")).apply(document(order))


def test_the_check_names_inactive_currencies_of_the_store_before_the_first_order():
    mapping = with_currencies("[EUR, JPY]")
    errors = [f for f in check_fit(mapping, org("USD,EUR,-JPY")) if f.severity is Severity.ERROR]
    assert [(e.sobject, e.field) for e in errors] == [("Opportunity", "CurrencyIsoCode")]
    assert "JPY is not an active currency" in errors[0].problem


def test_the_check_of_a_file_that_names_no_currencies_says_which_are_active(mapping):
    (finding,) = [f for f in check_fit(mapping, org("USD,EUR")) if f.field == "CurrencyIsoCode"]
    assert finding.severity is Severity.WARNING
    assert "EUR, USD" in finding.problem


def test_in_a_single_currency_org_other_currencies_of_the_store_are_warned_of():
    found = check_fit(with_currencies("[EUR, USD]"), org(), OrgFeatures(only_currency="USD"))
    (finding,) = [f for f in found if f.field == "CurrencyIsoCode"]
    assert (finding.severity, "EUR" in finding.problem) == (Severity.WARNING, True)


def test_a_currency_that_is_no_code_is_refused_with_the_files_line():
    with pytest.raises(MappingFileError, match="no currency code"):
        with_currencies("[Euro]")


@pytest.mark.parametrize(
    ("answer", "currency"),
    [
        ({"features": {"multiCurrency": False, "defaultCurrencyIsoCode": "EUR"}}, "EUR"),
        ({"features": {"multiCurrency": True, "defaultCurrencyIsoCode": None}}, ""),
        ({}, ""),
    ],
)
def test_features_are_read_from_the_connect_api(answer, currency):
    assert features_of(answer).only_currency == currency
