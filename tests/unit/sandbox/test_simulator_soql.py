"""The SOQL parser and comparisons, which must refuse what they do not understand and never crash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.query.search import comparer
from sandbox.salesforce.query.soql import Both, Column, Comparison, Either, Not, Order, parse

WORDS = [
    *("SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "NULL", "COUNT", "LIMIT"),
    *("ORDER", "BY", "(", ")", ",", "=", "!=", "<", ">=", "'a'", "'", "\\", "1", "2026-01-01"),
    *("2026-99-99T99:99:99Z", "x", "a.b", "."),
]


def test_a_query_is_parsed_whole():
    query = parse(
        "select Id, Account.Name from Opportunity where a = 'it\\'s' and "
        "(b in (1, 2.5) or not c like '%x_') order by d desc nulls last, e limit 5 offset 2"
    )
    assert query.sobject == "Opportunity"
    assert query.columns == (Column("Id"), Column("Account.Name"))
    assert query.where == Both(
        (
            Comparison("a", "=", "it's"),
            Either((Comparison("b", "IN", (1, 2.5)), Not(Comparison("c", "LIKE", "%x_")))),
        )
    )
    assert query.order_by == (Order("d", is_descending=True, are_nulls_last=True), Order("e"))
    assert (query.limit, query.offset) == (5, 2)


def test_times_are_compared_in_utc():
    query = parse("SELECT Id FROM A WHERE b > 2026-01-01T02:00:00+02:00")
    assert query.where == Comparison("b", ">", "2026-01-01T00:00:00.000+0000")


@given(st.lists(st.sampled_from(WORDS), max_size=15).map(" ".join) | st.text(max_size=60))
def test_any_text_is_parsed_or_refused_as_malformed(text):
    for query in (text, f"SELECT Id FROM A WHERE {text}"):
        assert outcome_of(query) in ("parsed", "MALFORMED_QUERY")


def outcome_of(text: str) -> str:
    try:
        parse(text)
    except RequestError as error:
        return error.code
    return "parsed"


def test_deep_nesting_is_refused_not_crashed_on():
    with pytest.raises(RequestError):
        parse("SELECT Id FROM A WHERE " + "(" * 100_000)


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "is_match"),
    [
        ("=", "A", "a", True),
        ("=", None, None, True),
        ("=", "a", None, False),
        ("!=", "a", None, True),
        ("<", 3, None, False),
        ("<", 3, 2, True),
        ("IN", ("A", "b"), "B", True),
        ("NOT IN", ("A",), "b", True),
        ("LIKE", "a%", "ABC", True),
        ("LIKE", "a_", "abc", False),
        ("LIKE", "a.c", "abc", False),
    ],
)
def test_comparing_follows_the_platform(operator, wanted, value, is_match):
    assert comparer(operator, wanted)(value) is is_match
