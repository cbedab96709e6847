"""What counts as equal, missing or on its way, and which questions that takes."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.mapping.mapping import Mapping
from agents.reconcile.findings import (
    Difference,
    Finding,
    Judged,
    LastWord,
    differences,
    explained,
    finding_of,
)
from agents.reconcile.missing_events import event_of, gap_reason, read_document
from agents.reconcile.org_records import fetch_records
from agents.reconcile.run import told_apart
from agents.reconcile.topic_outcomes import Accepted
from agents.salesforce.api.soql import REST_ROOM, id_lists
from sandbox.magento.numbered import numbered_order
from sandbox.magento.shapes import raw
from sandbox.magento.store import Store
from schemas.event import Kind
from schemas.identity import PLAIN
from schemas.result import Outcome
from schemas.salesforce import Row

ORDER = Row("Opportunity", "Key__c", "O1", {"Amount": 10, "Account": {"K": "a"}, "Note": None})
ACCOUNT = Row("Account", "Key__c", "a@b.c", insert_fields={"Name": "Ann"})


def found(*records):
    names = [(name, key.casefold()) for name, key, _ in records]
    return dict(zip(names, [values for *_, values in records], strict=True))


def test_fields_of_every_event_are_compared_and_those_of_new_records_are_not():
    records = found(
        ("Opportunity", "o1", {"Amount": 10.0, "Note": "", "AccountId": "001"}),
        ("Account", "a@b.c", {"Name": "Ann by marriage"}),
    )
    assert differences([ACCOUNT, ORDER], records) == ()


def test_a_field_that_differs_and_a_record_that_is_missing():
    records = found(("Opportunity", "o1", {"Amount": 77, "Note": None}))
    assert differences([ACCOUNT, ORDER], records) == (
        Difference("Account", "a@b.c"),
        Difference("Opportunity", "O1", "Amount", 10, 77),
    )


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        ((), Finding.EQUAL),
        (("Amount",), Finding.DIFFERENT),
        (("Amount", ""), Finding.MISSING),
    ],
)
def test_the_worst_difference_names_the_finding(fields, finding):
    assert finding_of([Difference("O", "1", field) for field in fields]) is finding


@pytest.mark.parametrize(
    ("word", "finding", "says"),
    [
        (None, Finding.MISSING, "never sent"),
        (LastWord(None, 1), Finding.PENDING, "no outcome yet"),
        (LastWord(Outcome.RETRY, 1, "locked"), Finding.PENDING, "locked"),
        (LastWord(Outcome.PARKED, 1), Finding.PENDING, "waits"),
        (LastWord(Outcome.DEAD, 1, "bad value"), Finding.DEAD, "bad value"),
        (LastWord(Outcome.SYNCED, 1), Finding.MISSING, "ended as synced"),
    ],
)
def test_our_own_topics_explain_what_is_missing(word, finding, says):
    judged, reason = explained(Finding.MISSING, word)
    assert judged is finding
    assert says in reason
    assert explained(Finding.UNMAPPABLE, word) == (Finding.UNMAPPABLE, "")


@given(st.lists(st.text(min_size=1, max_size=300), max_size=900))
def test_every_id_is_asked_for_once_in_lists_that_fit(values):
    lists = list(id_lists(values))
    assert [text for ids in lists for text in ids] == [
        "'" + v.replace("\\", "\\\\").replace("'", "\\'") + "'" for v in values
    ]
    for ids in lists:
        assert len(ids) <= REST_ROOM.ids
        assert len(ids) == 1 or len(quote(", ".join(ids), safe="")) <= REST_ROOM.characters


def test_one_query_per_kind_of_record_with_the_fields_that_are_compared():
    asked = []

    class Org:
        async def query(self, soql):
            asked.append(soql)
            yield {"Key__c": "O1", "Amount": 10}

    records = asyncio.run(fetch_records(Org(), [ACCOUNT, ORDER]))
    assert records["Opportunity", "o1"]["Amount"] == 10
    assert asked == [
        "SELECT Id, Key__c FROM Account WHERE Key__c IN ('a@b.c')",
        "SELECT Amount, Id, Key__c, Note FROM Opportunity WHERE Key__c IN ('O1')",
    ]


MAPPING = Mapping.load()


def event(entity):
    document = read_document(entity, Kind.ORDER, PLAIN)
    return Accepted(document.updated_at, 1, "e1", document)


def gap(saved, sent):
    document = read_document(saved, Kind.ORDER, PLAIN)
    return gap_reason(MAPPING, document, event(sent) if sent else None)


def test_a_save_without_an_event_is_a_gap():
    assert gap(numbered_order(1, 2), None) == "no webhook of it"


def test_a_save_that_an_event_is_as_new_as_is_covered():
    assert gap(numbered_order(1, 2), numbered_order(1, 2)) == ""
    assert gap(numbered_order(1, 2), numbered_order(1, 3)) == ""


def test_a_later_save_with_other_content_is_a_gap_and_one_without_is_not():
    assert "the last webhook is of" in gap(numbered_order(1, 3), numbered_order(1, 2))
    mailed = numbered_order(1, 2) | {"updated_at": "2026-01-01 00:09:00", "email_sent": 1}
    assert gap(mailed, numbered_order(1, 2)) == ""


def test_the_shape_of_the_webhook_does_not_matter():
    store = Store(seed=5)
    number, _ = store.place()
    order = store.orders[number]
    later = order | {"updated_at": "2026-12-01 00:00:00"}
    sent = {
        name: value
        for name, value in raw(order).items()
        if name not in ("addresses", "payment", "items")
    }
    assert gap(later, order) == ""
    assert gap(later | {"grand_total": 1}, sent) != ""


def test_two_orders_with_one_number_are_not_told_to_differ_for_ever():
    judged = [
        Judged(Finding.DIFFERENT, Kind.ORDER, key, entity_id=number)
        for number, key in ((501, "2000000001"), (7, "000000007"))
    ]
    doubled, single = told_apart(judged, {(Kind.ORDER, "2000000001")})
    assert (doubled.finding, single.finding) == (Finding.UNMAPPABLE, Finding.DIFFERENT)
    assert "another" in doubled.reason


def test_an_event_covers_the_order_of_its_own_id_and_no_other_of_the_number():
    subject = (Kind.ORDER, "000000007")
    mine = event(numbered_order(1, 2))
    assert event_of({(subject, "1"): mine}, subject, "1") is mine
    assert event_of({(subject, "1"): mine}, subject, "2") is None
    assert event_of({(subject, ""): mine}, subject, "2") is mine
    later = event(numbered_order(1, 3))
    assert event_of({(subject, "1"): mine, (subject, ""): later}, subject, "1") is later
