"""Values fitted to field types: cut, rounded, rewritten, or left out; always noted."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.mapping.fields.coerce import cut, fitting, utf16_length
from agents.mapping.fields.field_types import described_type, parse_type
from agents.mapping.fields.values import Thousandths
from agents.mapping_preview.predict import is_same_value


def fit(spelled: str, value: object) -> tuple[object, list[str]]:
    notes: list[str] = []
    field_type = parse_type(spelled)
    assert field_type is not None
    return fitting(field_type)(value, notes, "F"), notes


@pytest.mark.parametrize(
    ("spelled", "value", "result"),
    [
        ("text(5)", "abc", "abc"),
        ("text(5)", 12, "12"),
        ("text(5)", 12.0, "12"),
        ("text(5)", True, "1"),
        ("text(20)", "a\r\n  b", "a b"),
        ("textarea(20)", "a\r\nb", "a\nb"),
        ("text(20)", ["a", "b"], "a b"),
        ("text(20)", "a\x00\x07b", "ab"),
        ("text(20)", "\ud800", None),
        ("number(18,2)", "500.000000", 500.0),
        ("number(18,2)", 34, 34.0),
        ("number(18,2)", "", None),
        ("date", "2026-03-14 18:02:11", "2026-03-14"),
        ("datetime", "2026-03-14 18:02:11", "2026-03-14T18:02:11Z"),
        ("checkbox", "1", True),
        ("checkbox", 0, False),
        ("email(80)", " Jane@example.com ", "Jane@example.com"),
        ("multipicklist(20)", ["a", "b"], "a;b"),
        ("id", "0015g00000AbCdE", "0015g00000AbCdE"),
    ],
)
def test_a_value_that_can_be_fitted_is_fitted_silently(spelled, value, result) -> None:
    got, notes = fit(spelled, value)
    assert got == result
    assert type(got) is type(result)
    assert notes == ([] if result is not None or value == "" else ["F: not a text, left out"])


@pytest.mark.parametrize(
    ("spelled", "value", "note"),
    [
        ("number(18,2)", "many", "F: not a number, left out"),
        ("number(18,2)", nan, "F: not a number, left out"),
        ("number(18,2)", -inf, "F: not a number, left out"),
        ("number(18,2)", "sNaN", "F: not a number, left out"),
        ("number(18,2)", {"a": 1}, "F: not a number, left out"),
        ("number(18,2)", 10**16, "F: more than 16 digits before the point, left out"),
        (
            "number(18,2)",
            "9999999999999999.999",
            "F: more than 16 digits before the point, left out",
        ),
        ("number(18,2)", "1e9999999", "F: more than 16 digits before the point, left out"),
        ("date", "0000-00-00 00:00:00", "F: not a date, left out"),
        ("date", "1066-10-14", "F: not a date, left out"),
        ("datetime", "yesterday", "F: not a time, left out"),
        ("checkbox", "perhaps", "F: neither yes nor no, left out"),
        ("email(80)", "jane@", "F: not an e-mail address, left out: it has nothing after the @"),
        ("email(80)", "a@b..com", "F: not an e-mail address, left out: its domain is none"),
        (
            "email(80)",
            "j" * 70 + "@example.com",
            "F: longer than 80 characters, left out (a part is no address)",
        ),
        ("id", "42", "F: not a Salesforce record id, left out"),
        ("text(9)", {"a": 1}, "F: not a text, left out"),
    ],
)
def test_a_value_that_cannot_be_fitted_is_left_out_and_noted(spelled, value, note) -> None:
    assert fit(spelled, value) == (None, [note])


def test_cutting_counts_as_salesforce_does_and_splits_no_character() -> None:
    assert fit("text(5)", "😀😀😀") == ("😀😀", ["F: cut from 6 to 5 characters"])
    assert fit("text(3)", "abcd") == ("abc", ["F: cut from 4 to 3 characters"])


@given(st.text(max_size=60), st.integers(1, 40))
def test_cut_keeps_a_prefix_that_fits(text, length) -> None:
    short = cut(text, length)
    assert text.startswith(short)
    assert utf16_length(short) <= length
    assert short == text or utf16_length(text[: len(short) + 1]) > length


@pytest.mark.parametrize(
    ("spelled", "value", "result", "digits"),
    [
        ("number(18,2)", "0.005", 0.01, 2),
        ("number(18,2)", -0.001, 0.0, 2),
        ("number(18,2)", 1.005, 1.01, 2),
        ("number(5,0)", 12.5, 13, 0),
        ("number(18,2)", Thousandths(1.0056), 1.006, 3),
        ("number(18,4)", Thousandths(1.00567), 1.0057, 4),
        ("number(18,0)", Thousandths(1.5), 2, 0),
    ],
)
def test_what_is_rounded_is_said(spelled, value, result, digits) -> None:
    got, notes = fit(spelled, value)
    assert (got, type(got)) == (result, type(result))
    assert notes == [f"F: rounded to {digits} digits after the point"]


@given(st.integers(-(10**13), 10**13))
def test_money_is_rounded_half_up_to_the_cent(ten_thousandths) -> None:
    got, _ = fit("number(18,2)", str(Decimal(ten_thousandths).scaleb(-4)))
    cents = (abs(ten_thousandths) + 50) // 100
    assert got == (cents if ten_thousandths > 0 else -cents) / 100


def described(**more):
    return {"name": "F__c", "type": "string", "length": 10, "nillable": True, **more}


def test_describe_gives_type_length_and_restricted_choices() -> None:
    assert described_type(described()) == parse_type("text(10)")
    money = described_type(described(type="currency", precision=10, scale=2))
    assert money is not None
    assert money.is_money
    assert replace(money, is_money=False) == parse_type("number(10,2)")
    assert described_type(described(type="int", digits=8, precision=0)) == parse_type("number(8,0)")
    assert described_type(described(type="base64")) is None
    required = described_type(described(nillable=False))
    assert required is not None
    assert required.is_required
    choices = described_type(
        described(
            type="picklist",
            restrictedPicklist=True,
            picklistValues=[{"value": "a", "active": True}, {"value": "b", "active": False}],
        )
    )
    assert choices is not None
    assert choices.choices == {"a"}
    notes: list[str] = []
    assert fitting(choices)("a", notes, "F") == "a"
    assert fitting(choices)("b", notes, "F") is None
    assert notes == ["F: not a value of the restricted picklist, left out"]


def test_a_rich_text_is_as_long_as_its_html() -> None:
    """`&` and `'` are five characters there: what fitted by its own length was refused."""
    field = described_type(described(type="textarea", length=12, htmlFormatted=True))
    assert field is not None
    fit, notes = fitting(field), []
    assert fit("O'Hara & ", notes, "F") == "O'Hara"
    assert notes == ["F: cut from 16 to 12 characters, as HTML counts"]
    assert is_same_value("O&#39;Hara", fit("O'Hara", [], "F"))
    assert fit("a <b>b</b>", [], "F") == "a <b>b"
    assert fit("twelve chars", [], "F") == "twelve chars"
    assert fit("&&&", [], "F") == "&&"
    plain = described_type(described(type="textarea", length=12))
    assert plain is not None
    assert fitting(plain)("O'Hara & Son", [], "F") == "O'Hara & Son"


@pytest.mark.parametrize("is_restricted", [True, False])
@pytest.mark.parametrize("kind", ["picklist", "multipicklist"])
def test_a_value_of_a_picklist_goes_out_as_the_org_spells_it(kind, is_restricted) -> None:
    """Picklists know no case: what the org takes was left out, or differed from it for ever."""
    values = [{"value": "Closed Won", "active": True}, {"value": "STRASSE", "active": True}]
    field = described(type=kind, length=40, restrictedPicklist=is_restricted, picklistValues=values)
    fit, notes = fitting(described_type(field)), []
    assert fit("Closed Won", notes, "F") == "Closed Won"
    assert fit("closed won", notes, "F") == "Closed Won"
    assert notes == []
    assert fit("lost", notes, "F") == (None if is_restricted else "lost")


@pytest.mark.parametrize(
    "spelled", ["txt", "text(0)", "number(19,2)", "number(2,3)", "text(a)", "", "text()"]
)
def test_a_misspelt_type_is_none(spelled) -> None:
    assert parse_type(spelled) is None
