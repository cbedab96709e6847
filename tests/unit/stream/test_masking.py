"""What people see of an event: ids, states and amounts, not persons."""

from __future__ import annotations

import pytest

from stream.masking import mask_document, mask_quoted, mask_text


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


ORDER = {
    "order": {
        "increment_id": "000000123",
        "customer_firstname": "Zoë",
        "customer_lastname": "O'Dowd-Li",
        "billing_address": {
            "street": ["Am Markt 7", "Hinterhaus"],
            "telephone": "+49 30 90182-7731",
            "city": "Köln",
        },
        "items": [{"name": "Market bag"}],
    }
}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Last Name: data value too large: O'Dowd-Li (max length=3)",) * 2,
        ("Account Name: bad value: Zoë O'Dowd-Li", "Account Name: bad value: *** ***"),
        ("invalid phone +4930901827731", "invalid phone ***"),
        ("invalid phone +49 30 90182-7731", "invalid phone ***"),
        ("Street: Am Markt 7, HINTERHAUS; Köln", "Street: *** *** 7, ***; ***"),
        ("order 000000123 of zoe@example.com", "order 000000123 of z***@example.com"),
        ("duplicates value on record with id: 006Os000000000JIAQ",) * 2,
    ],
)
def test_what_a_message_quotes_of_a_person_is_masked(message: str, shown: str) -> None:
    expected = shown.replace("O'Dowd-Li", "***") if message == shown else shown
    assert mask_quoted(message, ORDER) == expected


def test_a_long_value_that_was_cut_is_still_recognised() -> None:
    document = {"customer_lastname": "Wolfeschlegelsteinhausenbergerdorff"}
    assert mask_quoted("too large: Wolfeschlegelsteinhausenb", document) == "too large: ***"


def test_a_message_about_nothing_personal_stays_as_it_is() -> None:
    text = "A won opportunity is closed: ask finance to reopen it before you change its stage."
    assert mask_quoted(text, ORDER) == text
    assert mask_quoted(text, None) == text
