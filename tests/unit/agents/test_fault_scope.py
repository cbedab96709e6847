"""Whose fault a refusal is: the watch alone, without calls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.delivery.fault_scope import (
    Charge,
    Fault,
    FaultScope,
    FaultWatch,
    WriteKind,
    charge,
)
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_table import is_sign_of_life

CREATES = WriteKind("Opportunity", "create")
UPDATES = WriteKind("Opportunity", "update")
ACCOUNTS = WriteKind("Account", "create")
CONFIG, BAD, TRANSIENT = ErrorKind.CONFIG, ErrorKind.PERMANENT, ErrorKind.TRANSIENT


def fault(record: str, kind: WriteKind = CREATES, answer: str = "X") -> Fault:
    return Fault(kind, answer, record)


def refuse(watch: FaultWatch, *records: str, kind: WriteKind = CREATES) -> None:
    for record in records:
        watch.refused(fault(record, kind))


def test_distinct_records_are_counted_and_not_refusals():
    watch = FaultWatch()
    refuse(watch, *["odd"] * 10)
    assert watch.scope(fault("odd")) is FaultScope.UNCLEAR
    refuse(watch, "a", "b")
    assert watch.scope(fault("odd")) is FaultScope.EVERYBODY


def test_a_record_that_is_refused_while_others_of_its_kind_pass_has_its_own_fault():
    watch = FaultWatch()
    refuse(watch, "odd")
    watch.passed(CREATES)
    assert watch.scope(fault("odd")) is FaultScope.RECORD


def test_a_pass_before_the_first_refusal_proves_nothing():
    watch = FaultWatch()
    watch.passed(CREATES)
    refuse(watch, "first of an outage")
    assert watch.scope(fault("first of an outage")) is FaultScope.UNCLEAR


def test_creates_and_updates_are_judged_apart():
    watch = FaultWatch()
    refuse(watch, "a", "b", "c")
    watch.passed(UPDATES)
    assert watch.scope(fault("a")) is FaultScope.WRITE_KIND
    watch.passed(CREATES)
    assert watch.scope(fault("a")) is FaultScope.RECORD


def test_another_sobject_that_passes_makes_it_this_kind_of_write_only():
    watch = FaultWatch()
    refuse(watch, "a", "b", "c")
    watch.passed(ACCOUNTS)
    assert watch.scope(fault("a")) is FaultScope.WRITE_KIND


def test_guilty_records_that_travel_together_are_not_taken_for_an_outage_again():
    watch = FaultWatch()
    guilty = [f"g{n}" for n in range(20)]
    refuse(watch, *guilty)
    watch.passed(CREATES)
    refuse(watch, *guilty)
    assert {watch.scope(fault(g)) for g in guilty} == {FaultScope.RECORD}


def test_a_record_that_passes_is_cleared_of_everything():
    watch = FaultWatch()
    refuse(watch, "a")
    watch.passed(CREATES)
    watch.clear(["a"])
    refuse(watch, "a")
    assert watch.scope(fault("a")) is FaultScope.UNCLEAR


@pytest.mark.parametrize(
    ("scope", "kind", "paid"),
    [
        (FaultScope.RECORD, BAD, Charge.AS_JUDGED),
        (FaultScope.UNCLEAR, BAD, Charge.ATTEMPT),
        (FaultScope.UNCLEAR, ErrorKind.UNKNOWN, Charge.ATTEMPT),
        (FaultScope.UNCLEAR, CONFIG, Charge.NOTHING),
        (FaultScope.UNCLEAR, TRANSIENT, Charge.NOTHING),
        (FaultScope.UNCLEAR, ErrorKind.LOCK, Charge.AS_JUDGED),
        (FaultScope.UNCLEAR, ErrorKind.ORDERING, Charge.AS_JUDGED),
        (FaultScope.WRITE_KIND, BAD, Charge.NOTHING),
        (FaultScope.EVERYBODY, ErrorKind.LOCK, Charge.NOTHING),
    ],
)
def test_nobody_pays_for_an_outage(scope, kind, paid):
    assert charge(scope, kind) is paid


def test_a_no_is_a_sign_of_life_and_an_edge_is_not():
    assert is_sign_of_life(403)
    assert is_sign_of_life(404)
    assert not any(map(is_sign_of_life, (0, 200, 429, 500, 503)))


@given(
    guilty=st.sets(st.integers(0, 30), max_size=15),
    innocent=st.sets(st.integers(100, 130), min_size=1, max_size=15),
    outages=st.lists(st.booleans(), max_size=6),
    kind=st.sampled_from([BAD, CONFIG, TRANSIENT, ErrorKind.UNKNOWN]),
)
def test_no_innocent_is_condemned_and_every_guilty_is_found_in_the_end(
    guilty, innocent, outages, kind
):
    watch = FaultWatch()

    def answer(records: list[str], *, is_outage: bool) -> set[str]:
        refused = [r for r in records if is_outage or int(r) in guilty]
        refuse(watch, *refused)
        taken = [r for r in records if r not in refused]
        if taken:
            watch.passed(CREATES, len(taken))
            watch.clear(taken)
        condemned = {r for r in refused if watch.scope(fault(r)) is FaultScope.RECORD}
        waiting.difference_update(taken)
        return condemned

    everybody = [str(n) for n in guilty | innocent]
    waiting = set(everybody)
    for is_outage in [*outages, False]:  # what an outage refuses comes back with the others
        condemned = answer(sorted(waiting), is_outage=is_outage)
        assert condemned <= {str(n) for n in guilty}
    watch.passed(CREATES)
    found = answer(sorted(waiting), is_outage=False)
    assert found == {str(n) for n in guilty}
