"""Two versions of a mapping over the same events."""

from __future__ import annotations

import orjson

from agents.mapping.mapping import Mapping, default_text
from agents.mapping_preview.drafts import WHOLE_ROW, compare_mappings
from schemas.event import Envelope, Kind
from tests.support.real_documents import an_order

TEXT = default_text()
NOW = Mapping.parse(TEXT)
SAVED = "sales_order_save_commit_after"


def event(number: int, **more) -> Envelope:
    order = {**an_order(), "increment_id": f"{number}", "entity_id": number, **more}
    return Envelope(
        event_id=str(number),
        event=SAVED,
        kind=Kind.ORDER,
        key=str(number),
        received_at_ms=1_773_600_000_000,
        value=orjson.dumps({"order": order}),
    )


def test_the_same_mapping_differs_in_nothing():
    found = compare_mappings(NOW, Mapping.parse(TEXT + "\n# a comment\n"), map(event, range(1, 9)))
    assert (found.events, found.same, found.differences, found.problems) == (8, 8, {}, {})


def test_a_changed_field_is_counted_over_all_events_with_the_newest_as_the_example():
    source = "    LeadSource: {value: Magento E-commerce}"
    assert source in TEXT
    draft = Mapping.parse(TEXT.replace(source, "    LeadSource: {value: Web}"))
    found = compare_mappings(NOW, draft, map(event, (3, 2, 1)))
    (difference,) = found.differences.values()
    assert (difference.sobject, difference.name, difference.events) == (
        "Opportunity",
        "LeadSource",
        3,
    )
    assert (difference.key, difference.now, difference.then) == ("3", "Magento E-commerce", "Web")
    assert found.same == 0


def test_a_row_that_only_one_version_writes_is_said():
    lead = Mapping.parse(TEXT.replace("\ntarget: opportunity\n", "\ntarget: lead\n", 1))
    with_lead = compare_mappings(lead, NOW, [event(1)])
    names = {(d.sobject, d.name) for d in with_lead.differences.values()}
    assert {("Lead", WHOLE_ROW), ("Opportunity", WHOLE_ROW)} <= names


def test_what_cannot_be_mapped_is_a_problem_and_no_error():
    broken = Envelope(
        event_id="x", event=SAVED, kind=Kind.ORDER, key="x", received_at_ms=1, value=b"{"
    )
    found = compare_mappings(NOW, NOW, [broken, event(1)])
    assert found.events == 2
    assert found.same == 1
    (text,) = found.problems
    assert text.startswith("with both: ")
