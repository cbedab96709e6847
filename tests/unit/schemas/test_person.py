"""A person is found in a record however a sender spells them, and nobody else is."""

from __future__ import annotations

import base64
import json
import unicodedata
from typing import Any
from urllib.parse import unquote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.email import in_one_spelling
from schemas.person import Person, customer_ids_in
from tests.support.person_spellings import ENCODINGS, OF_AN_ADDRESS, spellings

EMAIL = "bjørn.canary@blåbær.example"
JANE = Person(("jane@example.com",), ("17",), ("+49 30 90182-7731",))
BJORN = Person((EMAIL,))
BOB = Person(("bob@example.com",), ("18",), ("+49 40 1234567",))


def escaped(text: str, choices: list[bool]) -> str:
    """JSON text with some of its characters escaped, as any sender may."""
    pairs = zip(text, choices * (len(text) // len(choices) + 1), strict=False)
    units = ((char, is_escaped) for char, is_escaped in pairs)
    return "".join(
        "".join(f"\\u{unit:04x}" for unit in _units(char)) if is_escaped else char
        for char, is_escaped in units
    )


def _units(char: str) -> list[int]:
    raw = char.encode("utf-16-be")
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)


@st.composite
def places(draw: st.DrawFn) -> tuple[Any, str]:
    """A document with one place for a text: a value or a name, however deep."""
    value: Any = "PLACE"
    for _ in range(draw(st.integers(0, 6))):
        shape = draw(st.integers(0, 2))
        if shape == 0:
            value = [draw(JSON), value, draw(JSON)]
        elif shape == 1:
            value = {"a": draw(JSON), draw(st.text(max_size=5)): value}
        else:
            value = {"PLACE": draw(JSON), "b": draw(JSON)} if value == "PLACE" else {"c": value}
    return value, json.dumps(value, ensure_ascii=draw(st.booleans()))


@given(places(), spellings(), st.lists(st.booleans(), min_size=1, max_size=9), st.booleans())
def test_no_spelling_in_no_place_is_missed(place, spelling, choices, as_header) -> None:
    _, document = place
    spelled = spelling(EMAIL)
    if as_header:
        assert BJORN.is_named_in(b"key", b"{}", spelled.encode())
        return
    inner = json.dumps(spelled, ensure_ascii=False)[1:-1]
    text = escaped(inner, choices) if "\\" not in inner else inner
    assert BJORN.is_named_in(b"", document.replace("PLACE", text).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("encoded", ENCODINGS)
@pytest.mark.parametrize("email", [EMAIL, "łukasz@żółć.pl", "a@b.cc"])
def test_every_spelling_is_read_in_every_encoding(email, encoded) -> None:
    person = Person((email,))
    for text in (encoded(spelled(email)) for spelled in OF_AN_ADDRESS):
        for raw in (json.dumps({"a": [text]}).encode(), f"x {text}, y".encode()):
            assert person.is_named_in(raw), text
            assert not BOB.is_named_in(raw)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
@pytest.mark.parametrize("before", [b"", b"x"])
def test_other_bytes_than_utf_8_are_read(encoding, before) -> None:
    assert BJORN.is_named_in(before + f'{{"email": "{EMAIL}"}}'.encode(encoding))


@pytest.mark.parametrize(
    "text",
    [
        "jane\\40 example.com",
        "jane+AEA-example.com",
        "janeU+0040example.com",
        "\\U0000006aane\\x{40}example.com",
        "jane(at home)@example.com",
        "jane_at_example_dot_com",
        "&#74;ane\\u{40}example.com",
        "0x" + b'{"customer_id": 17}'.hex(),
        "eyJjdXN0b21lcl9pZCI6MTd9",
        "=?iso-8859-1?B?SmFuZUBleGFtcGxlLmNvbQ==?=",
    ],
)
def test_other_ways_to_write_her_are_read(text) -> None:
    assert JANE.is_named_in(text.encode())


@pytest.mark.parametrize("unit", ["\\", "ab_", "jane(", "&", "=?a?q?"])
def test_a_long_record_is_searched_in_time(unit) -> None:
    """What takes the square of a record's length takes minutes here, and the time-out ends it."""
    assert not JANE.is_named_in(unit.encode() * 100_000)


@given(JSON)
def test_nobody_else_is_found(document) -> None:
    raw = json.dumps(document).encode()
    assert not BJORN.is_named_in(raw)


@pytest.mark.parametrize(
    "text",
    [
        "joe.jane@example.com",
        "xjane@example.com",
        "jane@example.com.au",
        "jane@example.community",
        "jane looked at example.com",
        base64.b64encode(b"joe.jane@example.com").decode(),
        '{"customer_id": 170, "order_id": 17}',
        "+49 30 90182-7732",
        '{"customer": {"group": {"id": 18}}, "id": 17}',
        "customer_id=170",
        "x customer_id=17.5",
        "customer_id: 170",
        "<customer_id>171</customer_id>",
        "<order_id>17</order_id>",
        'a:1:{s:11:"customer_id";i:170;}',
        'a:1:{s:11:"customer_id";s:17:"x";}',
    ],
)
def test_a_similar_one_is_somebody_else(text) -> None:
    assert not JANE.is_named_in(text.encode())


@pytest.mark.parametrize(
    "raw",
    [
        b'{"order":{"customer_id":17}}',
        b'{"order":{"customer_id": "17", "x": 1}}',
        b'{"customer\\u005fid":"17"}',
        b'{"telephone":"(030) 901827731"}',
        b'{"telephone":"004930-9018-27731"}',
        b"Jane Roe <JANE@Example.COM>, again",
        b"not json: jane@example.com \xff",
        b'{"a":NaN,"b":"jane\\u0040example.com"}',
        b'{"half":"\\ud800","mail":"jane@example.com"}',
    ],
)
def test_ids_numbers_and_broken_documents_are_found_too(raw) -> None:
    assert JANE.is_named_in(raw)


@pytest.mark.parametrize(
    "document",
    [
        {"info": json.dumps({"customer_id": 17})},
        {"info": json.dumps({"info": json.dumps({"customer_id": "17"})})},
        {"customer": {"name": "x", "id": 17}},
        {"customer_id": 17.0},
        {"attributes": [{"attribute_code": "customer_id", "value": "17"}]},
        {"attributes": [{"value": "17", "attribute_code": "customer_id"}]},
        {"Magento_Customer_Id__c": "17"},
        {"query": "a=1&customer_id=17"},
        {"yaml": "customer_id: 17\nx: 1"},
        {"xml": "<customer_id>17</customer_id>"},
        {"repr": "{'customer_id': '17'}"},
        {"php": 'a:1:{s:11:"customer_id";i:17;}'},
        {"php": 'a:1:{s:11:"customer_id";s:2:"17";}'},
        {"mail": "jane=40example.com"},
        {"text": "jane\\u{40}example.com"},
        {"text": "jane\\U00000040example.com"},
        {"phones": "030 901827731 / 030 12345678"},
        {"phone": "030\N{NON-BREAKING HYPHEN}9018\N{EN DASH}27731"},
        {"phone": "".join(chr(0x660 + int(digit)) for digit in "901827731")},
    ],
)
def test_ids_and_numbers_are_found_however_they_are_written(document) -> None:
    assert JANE.is_named_in(json.dumps(document).encode())


def test_a_document_deeper_than_we_write_is_searched_too() -> None:
    deep = b'{"a":' * 900 + b'"jane\\u0040example.com"' + b"}" * 900
    assert JANE.is_named_in(deep)


def test_addresses_are_compared_in_one_spelling() -> None:
    assert BJORN.has_email(f" {unicodedata.normalize('NFD', EMAIL).upper()} ")
    assert not BJORN.has_email("b@blåbær.example")
    assert JANE.has_email("Jane (at) Example [dot] com")
    assert not JANE.has_email("to jane@example.com")
    assert Person(()).is_named_in(b"anything") is False


@pytest.mark.parametrize(
    ("hers", "other"),
    [("strauss@example.com", "Strauß@Example.com"), ("strauß@example.com", "strauss@example.com"),
     ("info@straße.example", "info@strasse.example"), ("strauss@x.example", "strau%c3%9f@x.example"),
     ("info@strasse.example", "info@xn--strae-oqa.example")],
)  # fmt: skip
def test_letters_that_fold_to_hers_are_another_ones(hers: str, other: str) -> None:
    """The customer of the other address was tied to her, and erased with all orders."""
    assert not Person((hers,)).has_email(other)
    assert Person((hers,)).has_email(f" {hers.title()}")
    assert Person((hers, in_one_spelling(unquote(other)))).has_email(other)


def test_guests_have_no_id() -> None:
    entity = orjson.loads(b'{"customer_id":0,"ext_customer_id":"null","customerId":9}')
    assert customer_ids_in(entity) == {"9"}
