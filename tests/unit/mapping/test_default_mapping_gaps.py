"""The shipped mapping where something is missing, odd or too long."""

from __future__ import annotations

import pytest

from agents.mapping.mapping import Mapping, default_text


def test_a_guests_names_come_from_the_billing_address_and_that_is_noted(mapped, order) -> None:
    order |= {"customer_firstname": None, "customer_lastname": ""}
    rows, notes = mapped(order)
    assert rows["Contact"].insert_fields["LastName"] == "Durand"
    assert notes == (
        "first_name: missing, used billing.firstname",
        "last_name: missing, used billing.lastname",
        "Opportunity: only for a new record, the event does not say them: Name",
    )


def test_without_any_name_the_address_then_guest_stands_in(mapped, order) -> None:
    for key in ("customer_firstname", "customer_lastname", "billing_address"):
        del order[key]
    rows, notes = mapped(order)
    assert rows["Contact"].insert_fields["LastName"] == "claire.durand"
    assert "last_name: missing, used email_name" in notes
    del order["customer_email"]
    rows, notes = mapped(order)
    assert rows["Opportunity"].whole["Name"] == "Order 2000000381 - Guest"
    assert "last_name: missing, used `Guest`" in notes


@pytest.mark.parametrize("email", [None, "", "n/a", "not an address", "a@b", 7])
def test_an_order_without_a_usable_email_has_no_account_and_says_so(mapped, order, email) -> None:
    rows, notes = mapped(order | {"customer_email": email})
    assert [*rows] == ["Opportunity"]
    assert "Account" not in rows["Opportunity"].fields
    assert "Magento_Customer_Email__c" not in rows["Opportunity"].fields
    assert "Account: not written, its `when` does not hold ($customer_key present)" in notes
    assert "Contact: not written, its `when` does not hold ($customer_key present)" in notes


def test_an_order_without_a_customer_has_no_lock_key(mapping, document, order) -> None:
    del order["customer_email"]
    assert mapping.apply(document(order)).lock_key == ""


def test_raw_get_data_is_read_like_rest(mapped, order) -> None:
    raw = order | {
        "entity_id": "1042",
        "grand_total": "127.4400",
        "billing_address": {},
        "addresses": [
            {"address_type": "shipping", "city": "Elsewhere"},
            {**order["billing_address"], "street": "12 rue des Exemples\nBât. B"},
        ],
    }
    raw["items"] = [
        {**item, "qty_ordered": f"{item['qty_ordered']}.0000"} for item in order["items"]
    ]
    rest, _ = mapped(order)
    assert mapped(raw) == (rest, ())


def test_close_date_keeps_to_the_months_end(mapped, order) -> None:
    rows, _ = mapped(order | {"created_at": "2023-01-31 23:59:59"})
    assert rows["Opportunity"].whole["CloseDate"] == "2023-02-28"


@pytest.mark.parametrize(
    ("created_at", "shown"),
    [
        ("14/03/2026 18:02", "created_at `14/03/2026 18:02`"),
        ("Mar 14, 2026, 6:02:05 PM", "created_at `Mar 14, 2026, 6:02:05 PM`"),
        ("2026-02-30 10:00:00", "created_at `2026-02-30 10:00:00`"),
        ("ordered by Claire Durand in 2026", "created_at"),
        ("claire.durand21@example.com", "created_at"),
        ({"when": "2026-03-14"}, "created_at"),
    ],
)
def test_a_date_that_cannot_be_read_is_not_called_missing(
    mapped, order, created_at, shown: str
) -> None:
    _, notes = mapped(order | {"created_at": created_at})
    assert f"Opportunity.CloseDate: {shown} cannot be read, used updated_at" in notes


def test_an_order_without_dates_closes_a_month_after_it_was_received(mapped, order) -> None:
    del order["created_at"]
    rows, notes = mapped(order)
    assert rows["Opportunity"].whole["CloseDate"] == "2026-04-14"
    assert "Opportunity.CloseDate: missing, used updated_at" in notes
    del order["updated_at"]
    rows, notes = mapped(order, received_at_ms=1_700_000_000_000)
    assert rows["Opportunity"].whole["CloseDate"] == "2023-12-14"
    assert rows["Opportunity"].version == ""
    assert "Opportunity: no time in updated_at, the org cannot refuse this row as stale" in notes


def test_a_lead_instead_of_an_opportunity_by_configuration(mapped, order) -> None:
    as_lead = Mapping.parse(default_text().replace("\ntarget: opportunity", "\ntarget: lead", 1))
    rows, _ = mapped(order, using=as_lead)
    assert [*rows] == ["Lead"]
    lead = rows["Lead"]
    assert lead.external_id == "2000000381"
    assert lead.whole["Company"] == "Claire Durand"
    assert lead.whole["Description"].startswith("Order 2000000381, 127.44 EUR\nJoust")
    assert lead.version == "2026-03-14T18:02:15Z"
    assert as_lead.sobjects == ("Lead", "Account", "Contact")


def test_guests_as_leads_by_rule(mapped, order) -> None:
    rule = "\ntarget:\n  - {use: lead, when: {customer_is_guest: yes}}\n  - {use: opportunity}"
    by_rule = Mapping.parse(default_text().replace("\ntarget: opportunity", rule, 1))
    for flag in (1, "1", True):
        assert [*mapped(order | {"customer_is_guest": flag}, using=by_rule)[0]] == ["Lead"]
    for flag in (0, "0", False, None):
        assert "Opportunity" in mapped(order | {"customer_is_guest": flag}, using=by_rule)[0]


@pytest.mark.parametrize(
    ("policy", "currency", "amount"),
    [
        ("grand_total", "order", 127.44),
        ("grand_total", "base", 141.6),
        ("paid_minus_refunded", "order", 100.0),
        ("paid_minus_refunded", "base", 0.0),
    ],
)
def test_the_amount_policy_is_a_setting_of_the_file(
    mapped, order, policy, currency, amount
) -> None:
    text = default_text().replace("policy: grand_total", f"policy: {policy}", 1)
    using = Mapping.parse(text.replace("currency: order", f"currency: {currency}", 1))
    assert mapped(order, using=using)[0]["Opportunity"].whole["Amount"] == amount


def test_a_missing_total_is_taken_from_the_other_currency_and_noted(mapped, order) -> None:
    del order["grand_total"]
    rows, notes = mapped(order)
    assert rows["Opportunity"].whole["Amount"] == 141.6
    assert "$amount: grand_total is missing, used base_grand_total" in notes


def test_too_long_values_are_cut_and_noted(mapped, order) -> None:
    order |= {"customer_firstname": "a" * 101, "customer_lastname": "ß" * 100}
    rows, notes = mapped(order)
    assert len(rows["Contact"].insert_fields["FirstName"]) == 40
    assert len(rows["Contact"].insert_fields["LastName"]) == 80
    assert len(rows["Opportunity"].whole["Name"]) == 120
    assert "Contact.FirstName: cut from 101 to 40 characters" in notes
    assert "Opportunity.Name: cut from 221 to 120 characters" in notes


def test_notes_hold_no_personal_data(mapped, order) -> None:
    order["customer_email"] = "claire durand <claire@example.com>"
    order["billing_address"]["email"] = "broken address of claire"
    _, notes = mapped(order | {"created_at": "Claire", "grand_total": "Claire"})
    assert notes
    assert "laire" not in "".join(notes)


def test_the_version_follows_the_text() -> None:
    first = Mapping.load().version
    assert len(first) == 12
    assert Mapping.parse(default_text()).version == first
    assert Mapping.parse(default_text() + "\n# changed").version != first
