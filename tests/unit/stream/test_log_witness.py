"""Which log is this? What is remembered of it decides, never an offset alone."""

from hypothesis import given
from hypothesis import strategies as st

from stream.kafka.log_witness import (
    MAX_RUNGS,
    Rung,
    Witness,
    has_gone_back,
    identity_of,
    resume_offset,
)


def log_of(*ids, start=0):
    return dict(enumerate(ids, start))


def read(log):
    witness = Witness()
    for offset, identity in log.items():
        witness.note(Rung(offset, identity))
    return witness


def compared(witness, position, log, log_start=0):
    end = max(log, default=log_start - 1) + 1
    newest = witness.newest
    found = log.get(newest.offset) if newest else None
    return has_gone_back(witness, position, log_start=log_start, end=end, found=found), end


def test_a_log_that_grew_is_the_same():
    witness = read(log_of(*"abc"))
    assert compared(witness, 3, log_of(*"abcdef"))[0] is False
    assert compared(witness, 3, log_of(*"abc"))[0] is False


def test_a_position_beyond_the_end_went_back_even_without_memory():
    assert compared(Witness(), 4, log_of(*"abc"))[0] is True


def test_another_record_at_the_same_offset_went_back():
    assert compared(read(log_of(*"abc")), 3, log_of(*"abXde"))[0] is True


def test_what_retention_took_is_believed():
    log = dict.fromkeys(range(10, 20), "z")
    assert compared(read(log_of(*"abc")), 3, log, log_start=10)[0] is False


def test_a_commit_of_somebody_else_is_believed_within_the_log():
    assert Witness.from_metadata("set by hand").rungs == []
    assert compared(Witness.from_metadata(None), 2, log_of(*"abc"))[0] is False


@given(
    length=st.integers(1, 3_000),
    cut=st.integers(0, 3_000),
    more=st.integers(0, 5_000),
    log_start=st.integers(0, 100),
)
def test_a_cut_log_is_read_again_from_a_record_that_is_the_same(length, cut, more, log_start):
    """Never behind the cut (that would skip), and at most about twice as far back as it was cut."""
    cut = min(cut, length - 1)
    witness = read({offset: f"old{offset}" for offset in range(length)})
    after = {offset: f"old{offset}" for offset in range(cut)}
    after |= {offset: f"new{offset}" for offset in range(cut, cut + more)}
    kept = {offset: identity for offset, identity in after.items() if offset >= log_start}
    end = max(cut + more, log_start)
    newest = witness.newest.offset
    gone = has_gone_back(witness, length, log_start=log_start, end=end, found=kept.get(newest))
    assert gone is True or newest < log_start
    resume = resume_offset(witness, log_start=log_start, end=end, found=kept)
    assert log_start <= resume <= max(cut, log_start)
    if cut > log_start:
        assert length - resume <= max(4 * (length - cut), 1) or resume == log_start


@given(offsets=st.sets(st.integers(0, 10**15), min_size=1, max_size=400))
def test_what_is_remembered_fits_beside_a_commit_and_survives_it(offsets):
    witness = read(
        {offset: identity_of(key=b"k", value=b"v", headers=()) for offset in sorted(offsets)}
    )
    text = witness.to_metadata()
    assert len(text) < 4096
    assert len(witness.rungs) <= MAX_RUNGS
    assert witness.newest.offset == max(offsets)
    assert Witness.from_metadata(text) == witness


def test_an_event_is_known_by_its_id_whatever_else_changes():
    headers = [("event-id", b"1"), ("via", b"live")]
    assert identity_of(key=b"k", value=b"v", headers=headers) == identity_of(
        key=None, value=b"other", headers=reversed(headers)
    )
    assert identity_of(key=b"k", value=b"v", headers=()) != identity_of(
        key=b"k", value=b"w", headers=()
    )
