"""A person is found in a record however a sender spells them, and nobody else is."""

from __future__ import annotations

import json
import unicodedata
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.person import Person, customer_ids_in

EMAIL = "bjørn.canary@blåbær.example"
JANE = Person(("jane@example.com",), ("17",), ("+49 30 90182-7731",))
BJORN = Person((EMAIL,))


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


def punycode(address: str) -> str:
    local, _, host = address.partition("@")
    labels = [
        label if label.isascii() else "xn--" + label.encode("punycode").decode()
        for label in host.split(".")
    ]
    return f"{local}@{'.'.join(labels)}"


SPELLINGS = st.sampled_from(
    [
        lambda text: text,
        str.upper,
        str.title,
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFC", text),
        punycode,
        lambda text: f" {text} ",
        lambda text: f"Bjørn <{text}>",
        lambda text: text.replace("@", "\N{FULLWIDTH COMMERCIAL AT}"),
        lambda text: text.replace("@", "\N{ZERO WIDTH SPACE}@"),
        quote,
        lambda text: text.replace("@", "&#64;"),
        lambda text: json.dumps({"email": text}),  # JSON in a string, escaped once more
        lambda text: json.dumps(json.dumps({"email": text})),
        lambda text: f"https://shop.example/?mail={quote(text)}&x=1",
        lambda text: f"customer:{text}",
        lambda text: f"write to:\n{text}\n",
        lambda text: json.dumps({"note": f"\t{text}\r\n"}),
        lambda text: text.replace("@", " @ "),
        lambda text: '"{}"@{}'.format(*text.split("@")),
        lambda text: text.replace("@", "%u0040"),
        lambda text: text.replace(".", "\N{IDEOGRAPHIC FULL STOP}"),
        lambda text: text.replace("@", "\N{VARIATION SELECTOR-16}@"),
        lambda text: quote(text, encoding="latin-1"),
    ]
)
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


@given(places(), SPELLINGS, st.lists(st.booleans(), min_size=1, max_size=9), st.booleans())
def test_no_spelling_in_no_place_is_missed(place, spelling, choices, as_header) -> None:
    _, document = place
    spelled = spelling(EMAIL)
    if as_header:
        assert BJORN.is_named_in(b"key", b"{}", spelled.encode())
        return
    inner = json.dumps(spelled, ensure_ascii=False)[1:-1]
    text = escaped(inner, choices) if "\\" not in inner else inner
    assert BJORN.is_named_in(b"", document.replace("PLACE", text).encode("utf-8", "surrogatepass"))


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
        "jane at example.com",
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
    assert Person(()).is_named_in(b"anything") is False


def test_guests_have_no_id() -> None:
    entity = orjson.loads(b'{"customer_id":0,"ext_customer_id":"null","customerId":9}')
    assert customer_ids_in(entity) == {"9"}
