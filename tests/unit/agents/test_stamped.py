"""Results and states carry the generation that decided them, and are else as they were."""

from __future__ import annotations

from dataclasses import fields, replace

from agents.handling.publish_outcomes import stamped
from stream.kafka.record import Record
from stream.topics import Topics

TOPICS = Topics()
FULL = Record(TOPICS.results, b"1", b"{}", [("a", b"b")], 3, b"2")


def test_nothing_of_a_record_is_lost_when_it_is_stamped() -> None:
    assert all(getattr(FULL, one.name) not in (one.default, None) for one in fields(Record))
    (marked,) = stamped([FULL], 7, TOPICS)
    assert marked == replace(FULL, headers=(("a", b"b"), ("generation", b"7")))


def test_only_results_and_states_are_stamped() -> None:
    records = [
        replace(FULL, topic=topic) for topic in (TOPICS.state, TOPICS.due, TOPICS.dead_letters)
    ]
    marked = stamped(records, 7, TOPICS)
    assert marked[1:] == records[1:]
    assert marked[0].headers[-1] == ("generation", b"7")
