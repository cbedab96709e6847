"""Whatever a document holds: rows Salesforce's type check takes, or MappingError. Nothing else."""

from __future__ import annotations

import contextlib
import re
from datetime import date, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.mapping.addresses import PART
from agents.mapping.mapping import Mapping
from sandbox.salesforce.records.objects import stock_org
from sandbox.salesforce.records.rules import RuleBook
from schemas.codec import Document
from schemas.event import Kind
from stream.errors import MappingError, MappingFileError

MAPPING = Mapping.load()
TYPES = {
    (row.sobject, field.name): field.type
    for row in (*MAPPING.rulebook.order.rows, *MAPPING.rulebook.customer.rows)
    for field in row.fields
}
# The simulated org's own rules judge too: written by other hands from the platform's documents.
SCHEMA = stock_org()
ORG = RuleBook(SCHEMA)
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")

ODD_TEXTS = [
    *("", " ", "\x00", "a\x00b", "\r\n\r\n", "\u2028", "NaN", "Infinity", "-0.0000", "1e999999999"),
    *("500.000000", "0.005", "-10.8000", "99999999999999999999.99", "9999999999999999.99"),
    *(
        "2026-03-14 18:02:11",
        "2026-03-14T18:02:11+14:00",
        "0000-00-00 00:00:00",
        "9999-12-31 23:59:59",
    ),
    *("0001-01-01T00:00:00+01:00", "20260314", "2026-02-30", "٢٠٢٦-٠٣-١٤ 00:00:00"),
    *(
        "jane.doe@example.com",
        "JANE@EXAMPLE.COM ",
        "a@b",
        "x" * 300 + "@example.com",
        "é@example.com",
    ),
    *("true", "{", "}", "😀" * 200, "a" * 40_000, "\ud800", "ok\udfff"),
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**301),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.sampled_from(ODD_TEXTS),
)
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
address = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            *("firstname", "lastname", "company", "street", "city", "region", "postcode"),
            *("country_id", "telephone", "email", "address_type", "default_billing"),
        ),
        junk,
    ),
)
item = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("item_id", "parent_item_id", "sku", "name", "qty_ordered", "price", "product_type"), junk
    ),
)
entities = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            (
                *("increment_id", "state", "status", "grand_total", "base_grand_total"),
                *("customer_email", "customer_firstname", "customer_lastname", "firstname"),
                *("lastname", "created_at", "order_currency_code", "items", "addresses"),
            ),
            junk,
        ),
        "updated_at": junk,
        "billing_address": address | junk,
        "items": st.lists(item, max_size=4) | junk,
        "addresses": st.lists(address, max_size=3) | junk,
    },
)


def is_taken(sobject: str, name: str, value: object) -> bool:
    """A small copy of the platform's type check."""
    kind = TYPES[sobject, name]
    if value is None:  # emptied: only parts of an address are, beside parts that are there
        return not kind.is_required and PART.fullmatch(name) is not None
    match kind.kind:
        case "text" | "textarea" | "phone" | "picklist" | "url":
            return isinstance(value, str) and 0 < len(value.encode("utf-16-le")) // 2 <= kind.length
        case "email":
            return (
                isinstance(value, str)
                and len(value) <= kind.length
                and bool(ADDRESS.fullmatch(value))
            )
        case "number":
            whole = 10 ** (kind.precision - kind.scale)
            is_number = isinstance(value, float | int) and not isinstance(value, bool)
            return is_number and abs(value) < whole and round(value, kind.scale) == value
        case "date":
            return isinstance(value, str) and 1700 <= date.fromisoformat(value).year <= 4000
        case "datetime":
            return isinstance(value, str) and 1700 <= datetime.fromisoformat(value).year <= 4000
    raise AssertionError(kind)


def check(document: Document, mapping: Mapping = MAPPING) -> None:
    try:
        mapped = mapping.apply(document, received_at_ms=1_700_000_000_000)
    except MappingError:
        return
    assert all(isinstance(note, str) and note for note in mapped.notes)
    assert len(mapped.notes) <= 51
    for row in mapped.rows:
        assert row.external_id
        values = {row.external_id_field: row.external_id, **row.fields, **row.insert_fields}
        orjson.dumps(values)
        for name, value in values.items():
            if isinstance(value, dict):
                assert [*value] == ["Magento_Customer_Key__c"]
                assert is_taken("Account", "Magento_Customer_Key__c", *value.values())
            else:
                assert is_taken(row.sobject, name, value), (row.sobject, name, value)
        assert row.version == "" or datetime.fromisoformat(row.version)
        prepared = ORG.rules_for(SCHEMA[row.sobject]).prepare(values)
        ORG.rules_for(SCHEMA[row.sobject]).refuse_missing(prepared.values, prepared)
        assert not prepared.errors, prepared.errors


@given(entity=entities, kind=st.sampled_from(Kind), key=st.text(max_size=300))
@settings(max_examples=120, deadline=None)
def test_rows_of_any_order_like_document_pass_the_type_check(entity, kind, key) -> None:
    check(Document(event="x", kind=kind, key=key, entity=entity, updated_at=""))


@given(
    entity=st.dictionaries(st.text(max_size=10), junk, max_size=5),
    kind=st.sampled_from([None, *Kind]),
)
@settings(max_examples=60, deadline=None)
def test_any_json_at_all_is_mapped_or_refused(entity, kind) -> None:
    check(Document(event="", kind=kind, key="1", entity=entity, updated_at=""))


@given(entity=entities, text=st.sampled_from(ODD_TEXTS))
@settings(max_examples=60, deadline=None)
def test_one_odd_text_in_every_field_does_no_harm(entity, text) -> None:
    filled = dict.fromkeys(entity, text) | {
        "billing_address": dict.fromkeys(["street", "city", "email"], text)
    }
    check(Document(event="x", kind=Kind.ORDER, key="7", entity=filled, updated_at=text))


def test_deep_nesting_is_no_trouble() -> None:
    deep: dict = {}
    for _ in range(5000):
        deep = {"billing_address": deep, "items": [deep], "customer_email": deep}
    check(Document(event="x", kind=Kind.ORDER, key="7", entity=deep, updated_at=""))


def test_a_number_too_long_to_print_is_no_trouble() -> None:
    filled = dict.fromkeys(
        ["customer_email", "customer_lastname", "grand_total", "state"], 10**5000
    )
    check(Document(event="x", kind=Kind.ORDER, key="7", entity=filled, updated_at=""))


@pytest.mark.parametrize("key", ["", "x" * 65, "\x00"])
def test_an_external_id_is_never_cut_or_empty(document, order, key) -> None:
    with pytest.raises(MappingError, match="external ID"):
        MAPPING.apply(document(order, key=key))


@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_text_is_a_mapping_file_or_an_error_that_says_why(text) -> None:
    with pytest.raises(MappingFileError, match=r"mapping\.yaml"):
        Mapping.parse(text)


LINES = [line for line in Mapping.load.__globals__["default_text"]().splitlines() if line.strip()]


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_mapping_file_loads_or_is_refused(data) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "twice", "dedent", "value", "cut"]))
        line = lines[index]
        lines[index : index + 1] = {
            "drop": [],
            "twice": [line, line],
            "dedent": [line.removeprefix("  ")],
            "value": [line.split(":")[0] + ": [{a: b}, *x, 7]"],
            "cut": [line[: len(line) // 2]],
        }[change]
    with contextlib.suppress(MappingFileError):
        Mapping.parse("\n".join(lines))
