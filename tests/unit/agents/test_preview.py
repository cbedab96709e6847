"""Previews: what would map, and what would change."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from agents.mapping.fields.rich_text import RichText
from agents.mapping.mapping import Mapping
from agents.mapping_preview.predict import Forecast, compare, is_same_value, predict, row_change
from schemas.event import Envelope, Kind
from schemas.salesforce import Row


@pytest.fixture(scope="module")
def mapping():
    return Mapping.load()


def event(value=None, **order):
    body = {
        "event": "sales_order_save_after",
        "order": {
            "increment_id": "000000123",
            "state": "processing",
            "status": "processing",
            "grand_total": 10,
            "customer_email": "ann@example.com",
            "created_at": "2026-11-25 10:00:00",
            "updated_at": "2026-11-25 10:00:00",
            **order,
        },
    }
    return Envelope(
        event_id="e",
        event="sales_order_save_after",
        kind=Kind.ORDER,
        key="000000123",
        received_at_ms=1_795_600_000_000,
        value=orjson.dumps(body) if value is None else value,
    )


class Org:
    """An org that has nothing but what it is given, by external id."""

    def __init__(self, records):
        self.records = records
        self.asked = []

    async def retrieve(self, sobject, external_id_field, external_id):
        self.asked.append((sobject, external_id))
        return self.records.get((sobject, external_id))


def test_a_letter_is_foretold_by_the_mapping_it_failed_with(mapping):
    same = replace(event(), mapping_version=mapping.version)
    assert predict(mapping, same).forecast is Forecast.SAME_MAPPING
    anew = predict(mapping, replace(event(), mapping_version="older"))
    assert anew.forecast is Forecast.MAPS_ANEW
    assert "Opportunity" in anew.sobjects


def test_bytes_that_are_no_event_are_refused_with_the_reason(mapping):
    read = predict(mapping, event(b"{"))
    assert read.forecast is Forecast.REFUSED
    assert "not JSON" in read.reason


async def test_a_comparison_shows_new_records_and_changed_fields(mapping):
    document_rows = (await compare(mapping, Org({}), event())).rows
    assert all(row.is_new and row.changes for row in document_rows)

    opportunity = next(row for row in document_rows if row.sobject == "Opportunity")
    now = {change.name: change.then for change in opportunity.changes} | {"StageName": "Old"}
    org = Org({("Opportunity", opportunity.external_id): now})
    rows = {row.sobject: row for row in (await compare(mapping, org, event())).rows}
    assert not rows["Opportunity"].is_new
    assert [(c.name, c.now) for c in rows["Opportunity"].changes] == [("StageName", "Old")]


async def test_a_comparison_of_what_does_not_map_says_why(mapping):
    change = await compare(mapping, Org({}), event(b"[]"))
    assert change.problem
    assert not change.is_unchanged


def test_what_an_order_knows_of_a_customer_changes_nothing_that_exists():
    row = Row("Account", "Key__c", "a", {"Parent": {"Key__c": "b"}}, {"Name": "Ann"})
    assert row_change(row, {"Name": "Other"}).changes == ()
    assert [c.name for c in row_change(row, None).changes] == ["Name"]


def test_a_record_with_a_newer_version_would_not_be_touched():
    row = Row("Opportunity", "K__c", "1", {"Name": "x"}, version="2026-11-25T10:00:00Z")
    newer = {"Magento_Updated_At__c": "2026-11-25T10:00:01.000+0000", "Name": "y"}
    assert row_change(row, newer).is_stale
    same = {"Magento_Updated_At__c": "2026-11-25T10:00:00.000+0000", "Name": "y"}
    assert not row_change(row, same).is_stale
    assert not row_change(row, None).is_stale


@pytest.mark.parametrize(
    ("now", "then", "is_same"),
    [
        (None, "", True),
        (10.0, "10.00", True),
        (10, 10.5, False),
        ("2026-11-25T10:00:00.000+0000", "2026-11-25T10:00:00Z", True),
        ("2026-11-25T10:00:00.000+0000", "2026-11-25T11:00:00Z", False),
        ("a", "b", False),
        ("a", None, False),
        (True, True, True),
        (True, False, False),
        (5, "x", False),
        # Salesforce keeps every e-mail address in small letters,
        ("jane@example.com", "Jane@Example.com", True),
        ("jane@example.com", "Jane@Example.org", False),
        ("mcdonald", "McDonald", False),
        # what is picked of a list in the list's own order (000231088),
        ("pay;charge", "charge;pay", True),
        ("pay;charge", "pay;refund", False),
        # ids with their checksum,
        ("0125e000000AbcDAAS", "0125e000000AbcD", True),
        ("0125e000000AbcDAAS", "0125e000000Abcd", False),
        # rich text as HTML, and no other text,
        ("O&#39;Hara &amp; Son", RichText("O'Hara & Son"), True),
        ("O&#39;Hara &amp; Son", "O'Hara & Son", False),
        (RichText("O&#39;Hara"), RichText("O'Hara"), False),
        # and a page that somebody saved in ends lines as browsers do.
        ("Main St 1\r\nFlat 2", "Main St 1\nFlat 2", True),
    ],
)
def test_values_are_compared_as_salesforce_stores_them(now, then, is_same):
    assert is_same_value(now, then) is is_same
