"""Where nothing is to be renamed, adopted or cut, or little, the short way does what the long one does."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from support.fake_org import make_gate

from agents.delivery import renaming
from agents.delivery.adopter import Adopter
from agents.delivery.adoption import adoption_of, candidates_of, spelling_of
from agents.delivery.blame import Judge
from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.fault_scope import FaultWatch
from agents.delivery.renamer import Renamed, _candidates
from agents.delivery.renaming import (
    NOTHING,
    Renaming,
    behind_others,
    is_known,
    redirected,
    renaming_of,
    whose,
)
from agents.delivery.types import WriteSet, Written
from agents.salesforce.api import soql
from agents.salesforce.api.composite import CUSTOMER_ID_FIELD
from agents.salesforce.api.record_updates import KeyUpdate
from agents.salesforce.api.soql import REST_ROOM, QueryRoom, fitting
from schemas.salesforce import Row

KEYS = st.sampled_from(["ann@a.example", "Ann@a.example", "bob@b.example", "cy@c.example"])
CUSTOMERS = st.sampled_from(["", "1", "2"])


def rows_of(sobject: str, **more):
    return st.builds(
        Row,
        st.just(sobject),
        st.just("Key__c"),
        KEYS,
        fields=st.just({"Email": "who@w.example"}),
        customer_id=CUSTOMERS,
        is_own=st.booleans(),
        **more,
    )


BUNDLES = st.lists(
    st.builds(
        WriteSet,
        KEYS,
        st.tuples(rows_of("Account"), rows_of("Contact", adopt_by=st.sampled_from(["", "Email"]))),
    ),
    min_size=1,
    max_size=6,
)
UPDATE = KeyUpdate("Account", "001", "Key__c", "ann@a.example")
FOUND = st.sampled_from(
    [
        NOTHING,
        NOTHING,
        Renaming(),
        Renaming(id="001"),
        Renaming(key="bob@b.example", id="001"),
        Renaming(holder="2"),
        Renaming(UPDATE, "bob@b.example", note="renamed", id="001"),
    ]
)


def renamings_of(bundles, found):
    rows = [row for one in bundles for row in one.rows if row.customer_id]
    return {whose(row): one for row, one in zip(rows, found, strict=False)}


@given(BUNDLES, st.lists(FOUND, min_size=12, max_size=12))
def test_who_stands_behind_others_is_seen_in_what_was_found(bundles, found):
    renamings = renamings_of(bundles, found)
    short = behind_others(bundles, renamings)
    with patch.object(renaming, "_may_wait", lambda _: True):
        assert behind_others(bundles, renamings) == short


@given(BUNDLES, st.lists(FOUND, min_size=12, max_size=12))
def test_where_nothing_was_found_every_bundle_goes_as_it_is(bundles, found):
    renamed = Renamed({}, renamings_of(bundles, found))
    outcome = Written({"Account": "001"}, ("Account",))
    is_as_it_is = all(
        redirected(one, renamed.found) == one
        and renamed.failure_of(one) is None
        and renamed.told(outcome, one) == outcome
        for one in bundles
    )
    assert is_as_it_is or not renamed.is_nothing


def test_what_is_to_be_told_of_later_is_not_nothing():
    assert Renamed({}).is_nothing
    assert not Renamed({("Account", "ann@a.example", "1"): "bob@b.example"}).is_nothing
    assert not Renamed({}, there={("Account", "ann@a.example", "1")}).is_nothing


@given(BUNDLES, BUNDLES)
def test_who_looks_for_the_same_rows_asks_the_same(bundles, others):
    org = SimpleNamespace(room=REST_ROOM)
    adopter = Adopter(org, ExistenceCache(), Judge(FaultWatch(), make_gate()))
    asked = adopter.queries(bundles)
    assert adopter.queries(bundles, asked) == asked
    assert adopter.queries(others, asked) == adopter.queries(others)


@given(
    st.lists(st.text(max_size=12), max_size=12),
    st.builds(QueryRoom, st.integers(1, 12), st.integers(1, 400), st.booleans()),
)
def test_what_fits_into_a_query_need_not_be_measured(values, room):
    short = list(fitting(values, lambda value: (value,), room))
    with patch.object(soql, "_weigh_at_most", lambda *_: 10**9):
        assert list(fitting(values, lambda value: (value,), room)) == short


SPELLINGS = st.sampled_from(
    ["ann@a.example", "ANN@A.example", "ann@a.examplé", "ß@a.b", "ss@a.b", ""]
)
RECORDS = st.lists(
    st.builds(
        lambda number, key, email, customer: {
            "Id": f"003{number}",
            "CreatedDate": f"{number}",
            "Key__c": key,
            "Email": email,
            CUSTOMER_ID_FIELD: customer,
        },
        st.integers(1, 9),
        SPELLINGS | st.none(),
        SPELLINGS | st.none(),
        CUSTOMERS | st.none(),
    ),
    max_size=6,
)
ROWS = st.builds(
    lambda key, email, customer, is_own: Row(
        "Contact",
        "Key__c",
        key,
        fields={"Email": email},
        adopt_by="Email",
        customer_id=customer,
        is_own=is_own,
    ),
    SPELLINGS,
    SPELLINGS,
    st.sampled_from(["1", "2"]),
    st.booleans(),
)


@given(ROWS, RECORDS)
def test_a_row_finds_among_its_candidates_what_it_finds_among_all(row, records):
    near = _candidates([row], records).with_any(row.customer_id, row.identity[1])
    assert renaming_of(row, near) == renaming_of(row, records)
    assert is_known(row, near) == is_known(row, records)
    near = candidates_of([row], records).with_any(spelling_of(row), row.identity[1])
    assert adoption_of(row, near) == adoption_of(row, records)
