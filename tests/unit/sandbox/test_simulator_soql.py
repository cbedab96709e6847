"""The SOQL parser and comparisons, which must refuse what they do not understand and never crash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.query.comparing import comparer
from sandbox.salesforce.query.search import Search
from sandbox.salesforce.query.soql import Both, Column, Comparison, Either, Not, Order, parse
from sandbox.salesforce.records.objects import stock_org
from sandbox.salesforce.records.records import Store, record_id

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


KEY = "Magento_Customer_Key__c"


@pytest.fixture(scope="module")
def contacts() -> Store:
    """A hundred contacts: c0 to c99, two of each e-mail, every third without a key."""
    store = Store(stock_org())
    for n in range(100):
        row = {"Email": f"e{n // 2}@x.de", "LastName": f"L{n}", "Phone": str(n % 3)}
        key = record_id("003", n)
        store.tables["Contact"].put(key, row | {"Id": key, KEY: f"c{n}" if n % 3 else None})
    return store


@pytest.mark.parametrize(
    ("where", "looked_at"),
    [
        (f"Email = 'E7@X.de' OR {KEY} IN ('c50', 'c52')", 4),
        (f"Email IN ('e7@x.de') OR ({KEY} = 'c50' AND Phone = '1')", 3),
        ("Phone = '1' AND (Email = 'e7@x.de' OR Email = 'e8@x.de')", 4),
        ("Email = 'e7@x.de' OR Phone = '1'", 100),
        (f"Email = 'e7@x.de' OR {KEY} = null", 100),
        (f"NOT {KEY} = 'c50'", 100),
        ("Email != 'e7@x.de'", 100),
    ],
)
def test_a_query_looks_at_what_the_indexes_leave_and_finds_what_is_there(
    contacts, where, looked_at
):
    """The platform indexes ids, external ids, parents and e-mails: a lookup's time does not grow."""
    search = Search(contacts, parse(f"SELECT Id FROM Contact WHERE {where}"), "")
    assert len(list(search.candidates())) == looked_at
    everybody = search.rows(among=list(contacts.tables["Contact"].records.values()))
    assert search.rows() == everybody
    assert 0 < len(everybody) <= looked_at
