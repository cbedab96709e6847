"""Which fields a save told, and what of an older one is left beside them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from agents.handling.written_fields import LINES, left_of, told_by, told_of, with_state
from agents.mapping.apply import Mapped
from agents.mapping.line_model import Lines
from schemas.salesforce import Row
from schemas.state import State

ORDER = Row("Opportunity", "Key__c", "A-1", {"Amount": 10, "Stage": "new"}, {"Owner": "me"}, "2026")
LINE = Row("OpportunityLineItem", "Line__c", "A-1/1", {"Quantity": 2})
LINES_OF_IT = Lines((), "Opportunity", "OpportunityId", LINE.sobject, "Line__c", frozenset())
BARE = Mapped((ORDER,))
WITH_LINES = Mapped((ORDER, LINE), lines=LINES_OF_IT)


def fields(name: str, order: Row = ORDER) -> frozenset[str]:
    return told_by(Mapped((replace(order, fields={name: 1}),)))


def test_a_field_is_told_whatever_its_value_and_the_case_of_its_key() -> None:
    assert told_by(BARE) == fields("Amount") | fields("Stage")
    assert fields("Amount") == fields("Amount", replace(ORDER, external_id="a-1"))
    others = ("sobject", "Order"), ("external_id", "A-2")
    for name, value in others:
        assert not fields("Amount") & fields("Amount", replace(ORDER, **{name: value}))


@pytest.mark.parametrize(("is_part", "told"), [(True, told_by(BARE)), (False, frozenset())])
def test_only_what_a_part_told_is_remembered(is_part, told) -> None:
    assert told_of(SimpleNamespace(candidate=SimpleNamespace(is_part=is_part)), BARE) == told


def test_a_digest_is_of_three_bytes_and_the_same_in_the_next_release() -> None:
    assert fields("Amount") == {"f6d5e3"}
    assert fields("Größe\ud800")


def test_lines_are_told_as_a_whole() -> None:
    assert told_by(WITH_LINES) == told_by(BARE) | {"lines"}
    assert told_by(replace(BARE, lines=LINES_OF_IT)) == told_by(BARE) | {LINES}


def test_what_newer_saves_told_is_kept_for_a_new_record_only() -> None:
    (row,) = left_of(BARE, fields("Amount")).rows
    assert row == replace(
        ORDER, fields={"Stage": "new"}, insert_fields={"Owner": "me", "Amount": 10}
    )
    assert left_of(BARE, None) is BARE
    assert left_of(BARE, frozenset()) == BARE
    assert left_of(BARE, told_by(BARE)) is None


def test_lines_are_left_whole_or_not_at_all() -> None:
    told = told_by(WITH_LINES)
    assert left_of(WITH_LINES, told) is None
    assert left_of(WITH_LINES, told - {LINES}).rows[1] is LINE
    without = left_of(WITH_LINES, fields("Amount") | {LINES})
    assert (len(without.rows), without.lines) == (1, None)
    of_a_line = told_by(Mapped((LINE,)))
    assert left_of(WITH_LINES, of_a_line) == WITH_LINES, "lines have no fields of their own"


def told_state(row: Row, state: State, *, fills: bool = False, version: str = "") -> Row:
    item = SimpleNamespace(
        told_over=frozenset() if fills else None,
        envelope=SimpleNamespace(event_id="e1"),
        candidate=SimpleNamespace(version=version),
        document=SimpleNamespace(external_id="A-1", key="a-1"),
    )
    records = with_state(item, Mapped((row,), ("a note",)), state)
    assert records.notes == ("a note",)
    return records.rows[0]


STATE = State("2026-03-14 18:02:15", "d", "t", 0, 1, ids={"Opportunity": "006"})
OLDER, NEWER = "2026-03-14 18:02:14", "2026-03-14 18:02:16"


@pytest.mark.parametrize(
    ("state", "version", "fills", "token"),
    [
        (STATE, OLDER, False, "e1"),
        (STATE, OLDER, True, ""),
        (STATE, NEWER, False, ""),
        (STATE.as_reset(), NEWER, False, "e1"),
    ],
)
def test_only_what_goes_back_on_purpose_overrules_the_org(state, version, fills, token) -> None:
    assert told_state(ORDER, state, version=version, fills=fills).overrule == token


def test_what_fills_has_at_least_the_time_that_the_org_holds() -> None:
    row = replace(ORDER, version="2026-03-14T18:02:14.000Z")
    held = told_state(row, STATE, fills=True).version
    assert held > row.version
    assert held.startswith("2026-03-14T18:02:15")
    assert told_state(row, STATE).version == row.version
    later = replace(row, version="2026-03-14T18:02:16.000Z")
    assert told_state(later, STATE, fills=True).version == later.version
    assert told_state(replace(row, version=""), STATE, fills=True).version == ""


def test_only_a_record_of_the_events_own_key_has_the_id_of_its_state() -> None:
    assert told_state(ORDER, STATE).known_id == "006"
    assert told_state(replace(ORDER, external_id="B-2"), STATE).known_id == ""
    assert told_state(replace(ORDER, sobject="Account"), STATE).known_id == ""


def test_a_customer_without_an_external_id_is_known_by_its_key() -> None:
    item = SimpleNamespace(
        told_over=None,
        envelope=SimpleNamespace(event_id="e1"),
        candidate=SimpleNamespace(version=""),
        document=SimpleNamespace(external_id="", key="a-1"),
    )
    row = replace(ORDER, external_id="a-1")
    assert with_state(item, Mapped((row,)), STATE).rows[0].known_id == "006"
