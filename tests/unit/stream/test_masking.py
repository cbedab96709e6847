"""What people see of an event: ids, states and amounts, not persons."""

from __future__ import annotations

import pytest

from stream.ops.masking import mask_document, mask_text


def test_persons_are_masked_and_the_order_stays_readable():
    order = {
        "increment_id": "000000123",
        "grand_total": 10.5,
        "status": "processing",
        "customer_email": "ann@example.com",
        "customer_firstname": "Ann",
        "billing_address": {"street": ["Elm 5"], "telephone": "123", "city": "Berlin"},
        "note": "wrote to ann@example.com twice",
        "customer_dob": None,
    }
    shown = mask_document({"order": order})["order"]
    assert shown["billing_address"] == {"street": ["***"], "telephone": "***", "city": "Berlin"}
    assert (shown["customer_email"], shown["customer_firstname"]) == ("a***@example.com", "***")
    assert shown["note"] == "wrote to a***@example.com twice"
    assert shown["customer_dob"] is None
    for name in ("increment_id", "grand_total", "status"):
        assert shown[name] == order[name]


def test_a_text_without_an_address_is_left_alone():
    assert mask_text("UNABLE_TO_LOCK_ROW: 001 @ 5") == "UNABLE_TO_LOCK_ROW: 001 @ 5"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("bad value: jane.roe@example.com", "bad value: j***@example.com"),
        ("invalid email address: jane.roe@example", "invalid email address: j***@example"),
        ("<jane+shop@mail.example.co.uk>, again", "<j***@mail.example.co.uk>, again"),
        ("magento.orders/4@49", "magento.orders/4@49"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_addresses_are_masked_in_any_text(text, masked):
    assert mask_text(text) == masked


def test_salesforces_names_of_the_same_are_masked_too():
    record = {"Name": "Jane Roe", "Phone": "555", "BillingPostalCode": "12345", "StageName": "New"}
    masked = {"Name": "***", "Phone": "***", "BillingPostalCode": "***", "StageName": "New"}
    assert mask_document(record) == masked
