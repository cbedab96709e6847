"""Whose orders stand behind a line that the next call cannot take, and when they come into it."""

from agents.worker.long_lines import PIECE, LongLines
from agents.worker.offset_ledger import HeldEvent
from schemas.event import Envelope, Kind

BIG, SMALL = "big@example.com", "small@example.com"


def held(number):
    envelope = Envelope(f"e{number}", "saved", Kind.ORDER, f"{number}", 0, value=b"")
    return HeldEvent(envelope, ("magento.orders", 0), number, f"order:{number}".encode())


def lines_of(most, in_line, behind=0):
    lines = LongLines(lambda: most)
    for _ in range(in_line):
        lines.join(BIG)
    events = [held(number) for number in range(behind)]
    lines.stand_behind((BIG, event) for event in events)
    return lines, events


def test_a_line_is_long_when_it_holds_what_a_call_can_take():
    lines, _ = lines_of(most=3, in_line=2)
    assert not lines.has_long
    assert not lines.is_long(BIG)
    lines.join(BIG)
    assert lines.has_long
    assert lines.is_long(BIG)
    assert not lines.is_long(SMALL)


def test_orders_of_nobody_stand_in_no_common_line():
    lines = LongLines(lambda: 1)
    lines.join("")
    lines.leave("")
    assert not lines.is_long("")
    assert not lines.has_long


def test_nobody_comes_before_those_who_stand_behind():
    lines, _ = lines_of(most=3, in_line=0, behind=1)
    assert lines.is_long(BIG)


def test_who_stands_behind_is_called_up_in_order_a_piece_at_a_time():
    lines, events = lines_of(most=200, in_line=200 - PIECE, behind=PIECE + 1)
    assert lines.called_up() == [(BIG, events[:PIECE])]
    assert lines.called_up() == [], "the piece has not arrived"
    lines.arrived(BIG)
    assert lines.called_up() == [(BIG, events[PIECE:])]
    assert lines.called_up() == []


def test_a_line_without_room_for_half_a_piece_calls_nobody():
    lines, _ = lines_of(most=200, in_line=200 - PIECE // 2 + 1, behind=1)
    assert lines.called_up() == []
    lines.leave(BIG)
    assert len(lines.called_up()) == 1


def test_a_line_of_one_goes_on_when_it_is_empty():
    lines, events = lines_of(most=1, in_line=1, behind=2)
    assert lines.called_up() == []
    lines.leave(BIG)
    assert lines.called_up() == [(BIG, events[:1])]


def test_what_is_given_away_is_forgotten():
    lines, events = lines_of(most=5, in_line=0, behind=3)
    lines.forget({events[0], events[2]})
    assert lines.called_up() == [(BIG, [events[1]])]
    lines.forget(set(events))
    assert not lines.has_long
