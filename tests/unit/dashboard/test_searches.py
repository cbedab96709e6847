"""What is looked for, as an address: numbers can be shared, persons are not in it."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.site.searches import SEALED, SEALED_SECONDS, Searches

NOW = 2_000_000_000.0


def query_of(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


@pytest.mark.parametrize(
    "fields",
    [
        {"order": "000000042"},
        {"target": "A-1/7"},
        {"target": "01JDKX0Z8Q2F8B4T6R9W3M5N7P", "since": "2026-11-25T10:00"},
        {"code": "STRING_TOO_LONG", "field": "Name,StageName", "since": "0179500000123"},
        {"ids": "3-17 0-1", "store": "1", "field": "-"},
    ],
)
def test_what_is_nobodys_is_readable_and_outlives_the_process(fields) -> None:
    address = Searches().address(fields, all="1")
    assert query_of(address) == fields | {"all": "1"}
    assert Searches().fields(query_of(address), now=NOW) == fields | {"all": "1"}


PERSONS = ["jane@example.com", "Jane Roe", "Roe", "jane%40example.com", "1:jane@x.example", "Åse 7"]


@pytest.mark.parametrize("name", ["order", "target", "store", "code", "ids"])
@pytest.mark.parametrize("person", PERSONS)
def test_who_may_be_a_person_is_sealed_and_comes_back(name, person) -> None:
    searches = Searches()
    address = searches.address({name: person}, page="2")
    if name in {"code", "ids"} and person in {"Jane Roe", "Roe"}:
        return  # no page asks for a person there, and words are what codes are made of
    assert "jane" not in address.lower()
    assert "Roe" not in address
    assert set(query_of(address)) == {SEALED, "page"}
    read = searches.fields(query_of(address), now=int(time.time()))
    assert read[name] == person
    assert read["page"] == "2"


@pytest.mark.parametrize("person", PERSONS)
def test_an_address_that_says_more_is_not_answered(person) -> None:
    with pytest.raises(ValueError, match="Search by the form"):
        Searches().fields({"order": person}, now=NOW)


def test_a_sealed_link_ends_and_is_of_one_process() -> None:
    searches = Searches()
    query = query_of(searches.address({"order": "jane@example.com"}))
    began = int(time.time())
    assert searches.fields(query, now=began)["order"] == "jane@example.com"
    for other, now in ((searches, began + SEALED_SECONDS + 60), (Searches(), began)):
        with pytest.raises(ValueError, match="has ended"):
            other.fields(query, now=now)


@given(st.dictionaries(st.sampled_from(["order", "code", "since"]), st.text(max_size=40)))
def test_any_search_comes_back_as_it_was(fields) -> None:
    searches = Searches()
    address = searches.address(fields)
    wanted = {name: value for name, value in fields.items() if value}
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    if SEALED in query:
        read = searches.fields(query, now=int(time.time()))
        assert read == wanted


@given(st.text(max_size=80))
def test_no_text_in_the_seals_place_is_our_fault(text) -> None:
    with pytest.raises(ValueError, match=r"."):
        Searches().fields({SEALED: text or "x"}, now=NOW)
