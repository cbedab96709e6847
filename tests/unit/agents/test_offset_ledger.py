"""Whatever order events are finished in: acknowledgements come in order and pass nothing undone."""

from hypothesis import given
from hypothesis import strategies as st

from agents.worker.offset_ledger import DONE_FACTOR, HeldEvent, OffsetLedger
from schemas.event import Envelope, Kind

ORDERS, DUE = ("magento.orders", 0), ("salesforce.due", 0)


class Books:
    """A ledger, and what the consumer was told."""

    def __init__(self, max_events=1000, max_bytes=1_000_000):
        self.acked, self.dropped = [], []
        self.ledger = OffsetLedger(
            ack=self.acked.append,
            drop=self.dropped.append,
            max_events=max_events,
            max_bytes=max_bytes,
        )
        self.offsets = {}

    def add(self, source=ORDERS, size=10):
        offset = self.offsets.get(source, 0)
        self.offsets[source] = offset + 1
        envelope = Envelope("e", "saved", Kind.ORDER, "1", 0, value=b"x" * size)
        held = HeldEvent(envelope, source, offset, b"k")
        self.ledger.add(held)
        return held

    def begin(self, *events):
        self.ledger.begin(events)


def test_an_event_that_takes_long_holds_back_acknowledgements_of_its_partition_alone():
    books = Books()
    slow, fast, other = books.add(), books.add(), books.add(DUE)
    books.ledger.finish([fast, other])
    assert books.acked == [other]
    books.ledger.finish([slow])
    assert books.acked == [other, slow, fast]
    assert (books.ledger.events, books.ledger.bytes) == (0, 0)


def test_the_window_is_bounded_in_events_and_in_bytes():
    few, small = Books(max_events=2), Books(max_bytes=15)
    held = few.add(), small.add()
    assert few.ledger.has_room
    assert small.ledger.has_room
    few.add(), small.add()
    assert not few.ledger.has_room
    assert not small.ledger.has_room
    few.ledger.finish([held[0]])
    small.ledger.finish([held[1]])
    assert few.ledger.has_room
    assert small.ledger.has_room


def test_a_fence_drops_only_what_waits_behind_everything_begun():
    books = Books()
    before, begun, behind = books.add(), books.add(), books.add()
    books.begin(begun)
    tail = books.ledger.tail()
    assert tail == [behind]
    books.ledger.let_go(tail)
    books.ledger.finish([begun])
    assert books.acked == []
    books.ledger.finish([before])
    assert books.acked == [before, begun]
    assert books.dropped == [behind]


def test_what_is_done_behind_something_undone_is_not_dropped_from_under_it():
    books = Books()
    waits, done, last = books.add(), books.add(), books.add()
    books.ledger.finish([done])
    assert books.ledger.tail() == [last]
    assert books.ledger.unfinished() == [waits, last]


@given(st.data())
def test_no_interleaving_acknowledges_past_an_unfinished_event(data):
    """Any order of what can become of events: acks are contiguous, every event ends once."""
    books, open_events, finished = Books(), [], set()
    for _ in range(data.draw(st.integers(1, 60))):
        step = data.draw(st.sampled_from(["add", "add", "begin", "behind", "finish", "fence"]))
        if step == "add":
            open_events.append(books.add(data.draw(st.sampled_from([ORDERS, DUE]))))
        elif step == "begin" and open_events:
            books.begin(data.draw(st.sampled_from(open_events)))
        elif step == "behind" and open_events:
            held = data.draw(st.sampled_from(open_events))
            books.ledger.begin([held])
            books.ledger.put_behind([held])
        elif step == "finish" and open_events:
            held = open_events.pop(data.draw(st.integers(0, len(open_events) - 1)))
            books.ledger.begin([held])
            finished.add(held)
            books.ledger.finish([held])
        elif step == "fence":
            tail = books.ledger.tail()
            books.ledger.let_go(tail)
            rest = [held for held in open_events if held not in tail]
            books.ledger.begin(rest)
            books.ledger.finish(rest)
            finished.update(rest)
            assert books.ledger.events == 0, "a fence waits for nothing that nobody works on"
            books.ledger.clear()
            open_events = []
            for source in (ORDERS, DUE):  # the next owner is given the others again
                books.offsets[source] = sum(held.source == source for held in books.acked)
    for source in (ORDERS, DUE):
        acked = [held.offset for held in books.acked if held.source == source]
        assert acked == list(range(len(acked)))
    assert set(books.acked) <= finished
    books.ledger.begin(open_events)
    books.ledger.finish(open_events)
    assert (books.ledger.events, books.ledger.undone) == (0, 0)


def test_one_customers_thousand_orders_leave_room_for_others():
    books = Books(max_events=2)
    first, second = books.add(), books.add()
    assert not books.ledger.has_room
    books.ledger.begin([first, second])
    books.ledger.put_behind([first, second])
    assert books.ledger.has_room
    books.ledger.begin([first, second])
    assert not books.ledger.has_room


def test_a_fence_drops_a_long_line_also_before_what_was_begun():
    books = Books()
    behind, begun, tail = books.add(), books.add(), books.add()
    books.begin(begun)
    books.ledger.begin([behind])
    books.ledger.put_behind([behind])
    dropped = books.ledger.tail()
    assert set(dropped) == {behind, tail}
    books.ledger.let_go(dropped)
    books.ledger.finish([begun])
    assert books.acked == []
    assert (books.ledger.events, books.ledger.undone) == (0, 0)


def test_what_is_done_behind_a_dropped_line_is_dropped_with_it():
    books = Books()
    behind, done = books.add(), books.add()
    books.ledger.begin([behind, done])
    books.ledger.put_behind([behind])
    books.ledger.finish([done])
    books.ledger.let_go(books.ledger.tail())
    assert books.dropped == [behind, done]
    assert books.ledger.events == 0


def test_a_call_that_hangs_does_not_stop_the_others_for_long():
    books = Books(max_events=2)
    hung, taken = books.add(), 1
    books.begin(hung)
    while books.ledger.has_room:
        books.ledger.finish([books.add()])
        taken += 1
    assert taken == 2 * DONE_FACTOR
    assert books.acked == []
    books.ledger.finish([hung])
    assert books.ledger.has_room
    assert len(books.acked) == taken


def test_nothing_is_acknowledged_past_a_dropped_event():
    books = Books()
    dropped, behind = books.add(), books.add()
    books.ledger.let_go([dropped])
    books.ledger.finish([behind])
    assert books.acked == []
    assert books.dropped == [dropped, behind]
    books.ledger.clear()
    books.ledger.finish([books.add()])
    assert len(books.acked) == 1
