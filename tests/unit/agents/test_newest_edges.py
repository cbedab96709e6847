"""Which event of a batch stands for its order, what becomes of the others, and what is contested."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from agents.handling.decode import take_in
from agents.handling.newest import IN_BATCH, Newest, newest_of
from agents.handling.outcome_rules import OutcomeRules
from schemas.event import Envelope, Kind, Origin
from schemas.identity import PLAIN
from schemas.result import Outcome
from schemas.state import Part, State
from stream.topics import Topics

NOW_MS = 1_800_000_000_000
WHOLE = {
    "increment_id": "100",
    "state": "processing",
    "grand_total": 99.5,
    "customer_email": "jane@example.com",
    "created_at": "2026-03-14 18:00:00",
    "billing_address": {"city": "Lyon"},
    "items": [{"item_id": 1, "sku": "CUP", "qty_ordered": 1}],
}
NEWS = {"increment_id": "100", "status": "complete"}
BY_NOW = "Salesforce has a newer state of this order"


def event(second, document=WHOLE, *, offset=0, **changes):
    dated = document | changes
    if second is not None:
        dated["updated_at"] = f"2026-03-14 18:00:{second:02d}"
    envelope = Envelope(
        event_id=f"e{second}-{offset}",
        event="sales_order_save_after",
        kind=Kind.ORDER,
        key=dated["increment_id"],
        received_at_ms=NOW_MS,
        value=orjson.dumps({"event": "sales_order_save_after", "order": dated}),
        origin=Origin("magento.orders", 0, offset or second or 0, NOW_MS),
    )
    return take_in(envelope, identity=PLAIN)


def after(*events) -> State | None:
    state = None
    for one in events:
        state = one.new_state(state, {})
    return state


def fold(events, state=None):
    """Return what stands, and (event, reason) of what it makes needless."""
    asked, decisions = [], []
    ends = OutcomeRules(lambda *_: None, Topics(), lambda: NOW_MS, worker="w1")
    found = newest_of(events, lambda item: asked.append(item) or state, ends, decisions)
    firsts = {item.key: item for item in reversed(events)}
    assert all(item is firsts[item.key] for item in asked)
    assert all(made.result.outcome is Outcome.SUPERSEDED for made in decisions)
    assert all(made.result.worker == "w1" for made in decisions)
    return found, [(made.envelope.event_id, made.result.reason) for made in decisions]


def stands(found: Newest) -> list[str]:
    return [item.envelope.event_id for item in found.items]


def waits(found: Newest) -> list[str]:
    return [item.envelope.event_id for item in found.later]


def test_an_event_alone_is_left_as_it_is() -> None:
    alone = event(1)
    found, needless = fold([alone])
    assert found == Newest([alone], [], set())
    assert needless == []
    assert found.items[0] is alone
    found, _ = fold([alone, event(1, increment_id="7")])
    assert stands(found) == ["e1-0", "e1-0"]


def test_of_three_saves_the_last_stands_on_what_the_others_would_have_left() -> None:
    one, two, three = event(1), event(2, grand_total=2), event(3, grand_total=3)
    found, needless = fold([one, two, three])
    assert stands(found) == ["e3-0"]
    assert needless == [("e1-0", IN_BATCH), ("e2-0", IN_BATCH)]
    assert found.contested == {one.key}
    assert found.items[0].base == after(one, two)
    assert found.later == []


def test_the_first_that_stands_rests_on_what_is_on_record() -> None:
    found, needless = fold([event(5), event(1)], after(event(4, grand_total=4)))
    assert stands(found) == ["e5-0"]
    assert found.items[0].base is None
    assert needless == [("e1-0", BY_NOW)]
    assert found.contested == set(), "alone, the older one would not have been sent either"


def test_where_none_stands_it_is_the_last_one() -> None:
    found, needless = fold([event(1), event(2), event(3)], after(event(4, grand_total=4)))
    assert stands(found) == ["e3-0"]
    assert found.items[0].base is None
    assert needless == [("e1-0", BY_NOW), ("e2-0", BY_NOW)]


def test_what_is_there_already_contests_nothing() -> None:
    same = event(2, offset=8), event(2, offset=9)
    found, needless = fold(same, after(event(2)))
    assert stands(found) == ["e2-8"]
    assert needless == [("e2-9", IN_BATCH)]
    assert found.contested == set()


def test_the_same_content_saved_later_goes_on_record() -> None:
    found, needless = fold([event(2, offset=8), event(3, offset=9)], after(event(2)))
    assert stands(found) == ["e3-9"]
    assert needless == [("e2-8", IN_BATCH)]
    assert found.items[0].base.version == "2026-03-14 18:00:02"


def test_what_is_there_already_hides_nothing_that_comes_after_it() -> None:
    found, needless = fold([event(2, offset=8), event(2, offset=9), event(3)], after(event(2)))
    assert stands(found) == ["e3-0"]
    assert needless == [("e2-8", IN_BATCH), ("e2-9", IN_BATCH)]


def test_what_the_events_before_it_leave_keeps_what_is_on_record() -> None:
    known = replace(after(event(1)), ids={"Opportunity": "006"})
    one = event(2, grand_total=2)
    found, _ = fold([one, event(3)], known)
    assert found.items[0].base == one.new_state(known, {})
    assert found.items[0].base.ids == {"Opportunity": "006"}


def test_the_reason_of_what_is_held_back_is_that_of_the_state() -> None:
    overruled = event(2, grand_total=2)
    known = replace(after(event(1)), overruled=(overruled.candidate.mark,))
    _, needless = fold([overruled, event(3)], known)
    assert needless[0][1].startswith("this save was overruled")


def test_orders_are_told_apart_and_each_has_its_own_state() -> None:
    other, mine, again = event(1, increment_id="7"), event(1), event(2, grand_total=2)
    found, needless = fold([other, mine, again])
    assert stands(found) == ["e1-0", "e2-0"]
    assert found.items[0] is other
    assert (needless, found.contested) == ([("e1-0", IN_BATCH)], {mine.key})
    found, _ = fold([mine, event(2, NEWS), other, event(3, NEWS, increment_id="7")])
    assert (stands(found), waits(found)) == (["e1-0", "e1-0"], ["e2-0", "e3-0"])


@pytest.mark.parametrize("held_back", [False, True])
def test_a_run_ends_where_an_event_says_other_parts(held_back) -> None:
    state = after(event(9, grand_total=9)) if held_back else None
    saves = [event(1), event(2, grand_total=2), event(3, NEWS), event(4, NEWS), event(5)]
    found, needless = fold(saves, state)
    assert (stands(found), waits(found)) == (["e2-0"], ["e3-0", "e4-0", "e5-0"])
    assert [name for name, _ in needless] == ["e1-0"]


def test_an_undated_status_is_not_of_a_run_of_dated_ones() -> None:
    found, _ = fold([event(1, NEWS), event(None, NEWS, offset=2)])
    assert (stands(found), waits(found)) == (["e1-0"], ["eNone-2"])
    found, _ = fold([event(1, NEWS), event(None, NEWS, offset=2, updated_at="yesterday")])
    assert (stands(found), waits(found)) == (["e1-0"], ["eNone-2"])
    found, _ = fold([event(1), event(None, offset=2, grand_total=2)])
    assert waits(found) == [], "whole saves are alike, dated or not"


PART_OVER_WHOLE = after(event(3, grand_total=3), event(5, NEWS))


def test_an_event_that_fills_beneath_a_newer_part_goes_alone() -> None:
    assert PART_OVER_WHOLE.parts == (Part("2026-03-14 18:00:05", frozenset()),)
    found, needless = fold([event(4), event(6)], PART_OVER_WHOLE)
    assert (stands(found), waits(found), needless) == (["e4-0"], ["e6-0"], [])
    found, needless = fold([event(1), event(4), event(6)], PART_OVER_WHOLE)
    assert (stands(found), waits(found)) == (["e4-0"], ["e6-0"])
    assert needless == [("e1-0", BY_NOW)]


def test_what_stands_is_written_before_one_that_fills() -> None:
    parts = [event(6, NEWS), event(4, NEWS, status="holded")]
    two_parts = after(event(3), event(5, {"increment_id": "100", "customer_email": "x@y.zz"}))
    found, needless = fold(parts, two_parts)
    assert (stands(found), waits(found), needless) == (["e6-0"], ["e4-0"], [])
    assert found.contested == set()


def test_a_whole_save_that_would_have_filled_contests_what_stands() -> None:
    found, needless = fold([event(6, grand_total=6), event(4)], PART_OVER_WHOLE)
    assert stands(found) == ["e6-0"]
    assert needless == [("e4-0", IN_BATCH)]
    assert found.contested == {found.items[0].key}
