"""The ledger's books: what is in hand, who holds a partition back, what a fence takes away."""

from __future__ import annotations

from agents.worker.offset_ledger import HeldEvent, OffsetLedger, Phase
from schemas.event import Envelope, Kind
from schemas.priority import Priority

ORDERS, DUE = ("magento.orders", 0), ("salesforce.due", 0)


class Books:
    def __init__(self) -> None:
        self.acked: list[int] = []
        self.dropped: list[int] = []
        self.ledger = OffsetLedger(
            ack=lambda held: self.acked.append(held.offset),
            drop=lambda held: self.dropped.append(held.offset),
            max_events=3,
            max_bytes=100,
        )

    def add(self, offset: int, source=ORDERS, size: int = 10) -> HeldEvent:
        held = HeldEvent(
            Envelope("e", "saved", Kind.ORDER, "1", 0, value=b"x" * size), source, offset, b"k"
        )
        self.ledger.add(held)
        return held

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.ledger.events, self.ledger.undone, self.ledger.bytes


def test_what_is_done_and_waits_is_in_hand_still_and_undone_no_more() -> None:
    books = Books()
    first, second = books.add(0, size=7), books.add(1)
    assert books.counts == (2, 2, 17)
    books.ledger.finish([second])
    assert books.counts == (2, 1, 17)
    assert second.phase is Phase.DONE
    books.ledger.finish([first])
    assert books.counts == (0, 0, 0)


def test_an_event_in_hand_is_live_and_taken_with_the_others_unless_it_says_so() -> None:
    held = Books().add(0)
    assert (held.priority, held.taken_at, held.message) == (Priority.LIVE, 0.0, None)
    assert held.is_alone is False


def test_what_is_let_go_is_in_nobodys_hand() -> None:
    books = Books()
    waits, done, last = books.add(0, size=7), books.add(1), books.add(2)
    books.ledger.finish([done])
    books.ledger.let_go([done, last])
    assert books.counts == (1, 1, 7)
    assert sorted(books.dropped) == [1, 2]
    assert books.ledger.unfinished() == [waits]


def test_what_should_get_on_is_neither_done_nor_behind_a_long_line() -> None:
    books = Books()
    slow, behind, other = books.add(0), books.add(1), books.add(0, DUE)
    behind.key = b"another"
    books.ledger.put_behind([behind])
    books.ledger.finish([other])
    assert books.ledger.in_work() == [slow]
    books.ledger.begin([behind])
    assert books.ledger.in_work() == [slow, behind]


def test_what_waits_for_a_key_behind_a_long_line_goes_with_it() -> None:
    books = Books()
    behind, later, begun = books.add(0), books.add(1), books.add(2)
    later.key = behind.key = b"same"
    books.ledger.begin([behind, begun])
    books.ledger.put_behind([behind])
    assert books.ledger.in_work() == [begun]
    assert set(books.ledger.tail()) == {behind, later}


def test_where_nothing_was_begun_a_fence_takes_everything_of_every_partition() -> None:
    books = Books()
    first, second, other = books.add(0), books.add(1), books.add(0, DUE)
    assert books.ledger.tail() == [second, first, other]


def test_nothing_behind_the_first_that_was_dropped_is_acknowledged_whatever_goes_later() -> None:
    books = Books()
    before, gone, between, last = (books.add(offset) for offset in range(4))
    books.ledger.let_go([gone])
    books.ledger.let_go([last])
    books.ledger.finish([before, between])
    assert books.acked == [0]
    assert books.dropped == [1, 3, 2]


def test_what_a_partition_dropped_stops_no_other() -> None:
    books = Books()
    books.ledger.let_go([books.add(0)])
    books.ledger.finish([books.add(5, DUE)])
    assert books.acked == [5]


def test_a_partition_that_is_given_again_begins_anew() -> None:
    books = Books()
    books.add(0)
    books.ledger.clear()
    assert books.counts == (0, 0, 0)
    books.ledger.finish([books.add(0)])
    books.ledger.finish([books.add(1)])
    assert (books.dropped, books.acked) == ([0], [0, 1])


def test_room_ends_with_the_last_event_and_the_last_byte_that_may_be_held() -> None:
    books = Books()
    assert books.ledger.has_room
    books.add(0, size=99)
    assert books.ledger.has_room
    books.add(1, size=1)
    assert not books.ledger.has_room


def test_what_is_begun_is_being_worked() -> None:
    books = Books()
    held = books.add(0)
    books.ledger.begin([held])
    assert held.phase is Phase.WORKING
