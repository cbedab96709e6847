"""What a message quotes of the event it is about."""

from __future__ import annotations

import pytest

from stream.ops.quoted_masking import mask_quoted

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
        ("Street: Am Markt 7, HINTERHAUS; Köln", "Street: *** *** ***, ***; ***"),
        ("order 000000123 of zoe@example.com", "order 000000123 of z***@example.com"),
        ("invalid phone 90182-7731", "invalid phone ***"),
        ("Last Name: O&#39;DOWD-LI", "Last Name: ***"),
        (
            "Last Name: O\N{RIGHT SINGLE QUOTATION MARK}Dowd",
            "Last Name: O\N{RIGHT SINGLE QUOTATION MARK}***",
        ),
        ("Last Name: O\\'Dowd-Li", "Last Name: ***"),
        ("First Name: Zo\\u00eb", "First Name: ***"),
        ("First Name: Zoe\N{COMBINING DIAERESIS}", "First Name: ***"),
        ("First Name: Zo%C3%AB", "First Name: ***"),
        ("First Name: Zo=C3=AB", "First Name: ***"),
        ("First Name: Zo\\xeb", "First Name: ***"),
        ("First Name: Zo\\U000000eb", "First Name: ***"),
        ("First Name: Z\u00ado\u00eb's", "First Name: ***"),
        ("First Name: \uff3a\uff2f\u00cb", "First Name: ***"),
        ("City: KOLN", "City: ***"),
        ("City: KÃ¶ln", "City: ***"),
        ("First Name: Zo\\303\\253", "First Name: ***"),
        ("Last Name: ODowd-Li", "Last Name: ***"),
        ("invalid phone +49%2030%2090182-7731", "invalid phone ***"),
        ("duplicates value on record with id: 006Os000000000JIAQ",) * 2,
    ],
)
def test_what_a_message_quotes_of_a_person_is_masked(message: str, shown: str) -> None:
    expected = shown.replace("O'Dowd-Li", "***") if message == shown else shown
    assert mask_quoted(message, ORDER) == expected


def test_a_long_value_that_was_cut_is_still_recognised() -> None:
    document = {"customer_lastname": "Wolfeschlegelsteinhausenbergerdorff"}
    assert mask_quoted("too large: Wolfeschlegelsteinhausenb", document) == "too large: ***"


def test_ordinary_words_survive_whatever_somebody_is_called() -> None:
    order = {"customer_firstname": "State", "customer_lastname": "Number", "comment": "too large"}
    text = "Order Number: data value too large, set the State field"
    assert mask_quoted(text, order) == text
    told = mask_quoted("Last Name: data value too large: State Number (max length=3)", order)
    assert told == "Last Name: data value too large: *** *** (max length=3)"


@pytest.mark.parametrize(
    ("document", "message", "shown"),
    [
        ({"mp_note": "ring at Miller"}, "bad: ring at Miller now", "bad: *** *** *** now"),
        ({"mp_iban": "DE02120300000000202051"}, "no DE02120300000000202051", "no ***"),
        ({"mp_iban": "DE02 1203 0000 0000 2020 51"}, "no DE02120300000000202051", "no ***"),
        ({"firstname": "Łukasz"}, "is LUKASZ here", "is *** here"),
        ({"custom_attributes": [{"value": "Bjørnsen"}]}, "is Bjørnsen here", "is *** here"),
        ({"grand_total": 12.5, "status": "processing"},) + ("processing 12.5",) * 2,
        ({"color": "blue"},) + ("blue is restricted",) * 2,
    ],
)
def test_what_no_list_knows_is_found_too(document, message, shown) -> None:
    assert mask_quoted(message, document) == shown


def test_a_message_about_nothing_personal_stays_as_it_is() -> None:
    text = "A won opportunity is closed: ask finance to reopen it before you change its stage."
    assert mask_quoted(text, ORDER) == text
    assert mask_quoted(text, None) == text
