"""Which of two states of a key counts, wherever they stand in the topic."""

from dataclasses import replace

import pytest

from agents.handling.state_log import PartitionState
from agents.handling.state_store import StateStore
from schemas.state import Part, State
from schemas.state_order import goes_back, is_older

LATEST = "2026-11-28 12:05:00"
OLD, NEW, FUTURE = "2026-11-28 10:00:00", "2026-11-28 11:00:00", "2099-01-01 00:00:00"


def state(version, **more):
    return State(
        version=version, digest="d", topic="t", partition=0, offset=1, **{"seen_ms": 1, **more}
    )


def over(whole, **more):
    """Return the state of a status that came over a whole save."""
    return state(NEW, parts=(Part(NEW, frozenset({"f1"})),), under=whole, **more)


@pytest.mark.parametrize(
    ("value", "known", "is_back"),
    [
        (state(OLD), state(NEW), True),
        (state(NEW), state(OLD), False),
        (replace(state(NEW), digest=""), state(NEW), False),  # in doubt: the same save
        (state(OLD).as_reset(), state(NEW), False),
        (state(OLD, overruled=("m",)), state(NEW, mark="m"), False),  # a repair
        (state(OLD, edited_ms=5), state(NEW), False),  # a person's correction
        (state(NEW), state(OLD, edited_ms=5), False),  # saved after it
        (state(OLD), state(FUTURE), False),  # that one nobody believes any more
        (state(OLD), state(FUTURE, seen_ms=-(10**17)), False),  # received before any calendar
        (state(OLD), state(FUTURE, seen_ms=10**17), False),
        (state(""), state(NEW), False),  # undated: the guard has decided it by its receipt
        (state(OLD), state(NEW).as_reset(), False),
        (state(OLD), state(LATEST), True),  # the newest that anybody may have given
        (replace(state(OLD), is_reset=True), state(NEW), False),  # written after a reset
        (state("").as_unknown(), replace(over(state(OLD)), version=""), False),  # a new beginning
        (over(state(OLD)), over(None), False),
        (over(None), over(state(OLD)), True),  # that one knows of a whole save beneath it
        (over(state(OLD)), over(state(NEW)), True),
        (over(state(OLD), overruled=("m",)), over(state(NEW, mark="m")), False),
    ],
)
def test_an_older_version_never_takes_the_place_of_a_newer_one(value, known, is_back):
    assert is_older(value, known, LATEST) is is_back
    assert goes_back(known.to_bytes(), value.to_bytes(), LATEST) is is_back


def test_what_cannot_be_read_is_left_to_its_reader():
    assert goes_back(b"{", state(OLD).to_bytes(), LATEST) is False


@pytest.mark.parametrize(
    "junk",
    [
        *(b"", b"hello", b"[1]", b'"v"', b"{}", b"7"),
        b'{"v":null,"d":"d","t":"t","p":0,"o":1}',
        b'{"v":1,"d":"d","t":"t","p":0,"o":1}',
        b'{"v":"","d":"d","t":"t","p":0,"o":1,"h":7}',
        b'{"v":"","d":"d","t":"t","p":0,"o":1,"i":["006"]}',
        b'{"v":"","d":"d","t":"t","p":0,"o":1,"l":[7]}',
        b'{"v":"","d":"d","t":"t","p":0,"o":1,"u":[]}',
    ],
)
def test_what_is_no_state_takes_the_place_of_none_and_ends_no_worker(junk):
    known, held = state(NEW).to_bytes(), PartitionState()
    held.take(b"order:1", known, LATEST)
    held.take(b"order:1", junk, LATEST)
    assert held.records[b"order:1"] == known
    assert held.overwritten == {b"order:1"}
    store = StateStore(topic="salesforce.state", connection={})
    store.put(0, [(0, b"order:2", junk)])
    assert store.get(0, b"order:2") is None
    store.put(0, [(1, b"order:2", known)])
    assert store.get(0, b"order:2") == state(NEW)
