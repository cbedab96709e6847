"""An outcome counts for the event that it names, wherever that is now, and for no other."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from chaos.balance import count
from schemas.headers import coordinates_id
from schemas.result import Outcome
from stream.audit.event_book import EventBook
from stream.audit.outcome_bitmap import OutcomeBitmap

TOPIC, HOUR_MS = "magento.orders", 3_600_000
FINAL = ("synced", "unchanged", "superseded", "dead")


def record(offset, event_id=None, *, at_ms=0, partition=0):
    ours = [("kind", b"order"), ("received-at-ms", b"1")]
    headers = [] if event_id is None else [("event-id", event_id.encode()), *ours]
    return SimpleNamespace(
        topic=TOPIC, partition=partition, offset=offset, timestamp=at_ms, headers=headers
    )


def result(offset, event_id, outcome="synced", *, at_ms=0, partition=0):
    return {
        "event_id": event_id,
        "outcome": outcome,
        "origin_topic": TOPIC,
        "origin_partition": partition,
        "origin_offset": offset,
        "at_ms": at_ms,
    }


def book_of(*records, end=100):
    book = EventBook({(TOPIC, number): OutcomeBitmap(0, end) for number in (0, 1)})
    for item in records:
        book.accept(item)
    return book


def counts(book, *results):
    for item in results:
        book.settle(item)
    book.settle_strays()
    balance = book.balance()
    assert balance.is_balanced
    return balance.synced, balance.pending


def test_an_outcome_of_another_life_of_the_topic_proves_nothing():
    assert counts(book_of(record(5, "new")), result(5, "old")) == (0, 1)


def test_an_event_that_moved_keeps_its_outcome():
    """Mirrored, or made again from a copy: another offset, even another partition."""
    book = book_of(record(3, "a"), record(4, "b", partition=1))
    assert counts(book, result(900, "a"), result(901, "b")) == (2, 0)


def test_the_best_outcome_counts_wherever_it_was_written():
    assert counts(book_of(record(1, "a")), result(1, "a", "dead"), result(9, "a")) == (1, 0)


def test_a_stray_counts_for_its_event_once_that_arrives():
    book = book_of()
    assert counts(book, result(7, "a")) == (0, 0)
    book.accept(record(2, "a"))
    assert counts(book) == (1, 0)
    assert book.moved == 1


def test_outcomes_written_many_times_are_one_event():
    assert counts(book_of(record(1, "a"), record(2, "b")), *[result(1, "a")] * 5) == (1, 1)


def test_a_clock_that_jumps_takes_no_outcome_away():
    book = book_of(record(1, "a", at_ms=100 * HOUR_MS))
    assert counts(book, result(1, "a", at_ms=0)) == (1, 0)


def test_a_record_without_an_id_takes_no_outcome_of_an_older_life():
    """Its stand-in is its place, which a topic made again has too."""
    book = book_of(record(1, at_ms=100 * HOUR_MS))
    name = coordinates_id(TOPIC, 0, 1)
    assert counts(book, result(1, name, at_ms=50 * HOUR_MS)) == (0, 1)
    assert counts(book, result(1, name, at_ms=100 * HOUR_MS + 5)) == (1, 0)


def test_a_record_with_some_of_our_headers_is_known_by_its_place_as_workers_know_it():
    partial = record(1, "a")
    del partial.headers[1:]
    doubled = record(2, "first")
    doubled.headers.append(("event-id", b"last"))
    name = coordinates_id(TOPIC, 0, 1)
    assert counts(book_of(partial, doubled), result(1, name), result(2, "last")) == (2, 0)


def test_strays_are_bounded():
    book = book_of()
    book.most_strays = 10
    counts(book, *(result(offset, f"gone {offset}") for offset in range(50)))
    assert len(book.strays) == 10


EVENTS = st.lists(st.sampled_from([f"e{n}" for n in range(12)]), unique=True)
OUTCOMES = st.lists(
    st.tuples(
        st.integers(0, 99),  # where it was read in its own life
        st.sampled_from([f"e{n}" for n in range(15)]),
        st.sampled_from([outcome.value for outcome in Outcome]),
    )
)


@given(EVENTS, OUTCOMES)
def test_the_balance_is_that_of_a_naive_count_by_event_id(events, outcomes):
    book = book_of(*(record(offset, event) for offset, event in enumerate(events)))
    for offset, event, outcome in outcomes:
        book.settle(result(offset, event, outcome))
    book.settle_strays()
    balance = book.balance()
    naive = count(events, [(event, outcome) for _, event, outcome in outcomes])
    assert balance.is_balanced
    assert balance.accepted == naive["accepted"]
    assert balance.pending == naive["pending"]
    assert tuple(getattr(balance, name) for name in FINAL) == tuple(naive[n] for n in FINAL)
