"""A dead letter is one matter of one event and job, however often its event was read."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.operator_signature import UNTRUSTED
from stream.dlq.open_letters import OpenLetters


def letter(offset, event_id="e", job_id="", partition=0, code="A"):
    return SimpleNamespace(
        partition=partition, offset=offset, event_id=event_id, job_id=job_id, code=code
    )


def noted(*letters):
    held = OpenLetters()
    for one in letters:
        held.note(one)
    return held


def test_an_event_that_is_read_again_has_one_letter_the_newest():
    held = noted(letter(3), letter(9))
    assert list(held) == [(0, 9)]


def test_what_somebody_wrote_under_the_id_of_an_event_hides_no_letter():
    held = noted(letter(3), letter(4, partition=1), letter(5, code=UNTRUSTED))
    assert list(held) == [(0, 3), (1, 4), (0, 5)]
    held.resolve(0, [5])
    assert list(held) == [(0, 3), (1, 4)]


def test_what_was_dropped_stays_dropped_when_its_event_is_read_again():
    held = noted(letter(3))
    held.resolve(0, [3])
    held.note(letter(9))
    assert not held


def test_a_mark_on_the_older_letter_resolves_the_matter():
    """Who dropped it had not read the second one yet."""
    held = noted(letter(3), letter(9))
    held.resolve(0, [3])
    assert not held


def test_a_requeued_event_that_dies_again_is_open():
    held = noted(letter(3))
    held.resolve(0, [3])
    held.note(letter(9, job_id="requeue-1"))
    assert list(held) == [(0, 9)]


def test_two_events_of_one_offset_are_two_letters():
    """Their topic was made again between them: the origin is the same, the events are not."""
    held = noted(letter(3, "e1"), letter(9, "e2"))
    held.resolve(0, [3])
    assert list(held) == [(0, 9)]


def test_what_retention_took_is_forgotten_whole():
    held = noted(letter(3), letter(9, "other"))
    held.resolve(0, [3])
    held.forget_before({0: 9})
    assert list(held) == [(0, 9)]
    held.note(letter(12))  # nobody knows any more that it was dropped
    assert set(held) == {(0, 9), (0, 12)}


def test_a_mark_on_nothing_resolves_nothing():
    held = noted(letter(3))
    held.resolve(0, [4])
    held.resolve(1, [3])
    assert list(held) == [(0, 3)]


STEPS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(("", "j")), st.booleans()), max_size=12
)


@settings(max_examples=200)
@given(STEPS)
def test_it_agrees_with_a_second_reading_of_the_rules(steps):
    """The last letter of a matter is open unless a mark on one of its letters came any time."""
    held, written, dropped = OpenLetters(), {}, set()
    for offset, (event_id, job_id, is_mark) in enumerate(steps):
        matter = (event_id, job_id)
        if not is_mark:
            held.note(letter(offset, event_id, job_id))
            written.setdefault(matter, []).append(offset)
        elif matter in written:
            held.resolve(0, [written[matter][0]])
            dropped.add(matter)
    wanted = {(0, places[-1]) for matter, places in written.items() if matter not in dropped}
    assert set(held) == wanted
