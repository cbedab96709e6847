"""What an event pays whose record could not get its key, told without calls."""

from __future__ import annotations

import pytest
from support.fake_org import make_gate

from agents.delivery.blame import Judge
from agents.delivery.fault_scope import ANYTHING, FaultWatch, WriteKind
from agents.delivery.types import NotSent, RefusedWrite
from agents.salesforce.errors.error_kind import ErrorKind

UPDATES = WriteKind("Account", "update")


def judge() -> Judge:
    return Judge(FaultWatch(), make_gate())


def refused(kind: ErrorKind) -> RefusedWrite:
    return RefusedWrite(kind, "X", "no", sobject="Account", rule="X", meaning="m", fix="f")


def test_while_nothing_passes_an_outage_costs_nothing() -> None:
    told = judge().key_refused(refused(ErrorKind.TRANSIENT), "001")
    assert told == NotSent("Account: X: m f", code="X")


@pytest.mark.parametrize("kind", [ErrorKind.PERMANENT, ErrorKind.UNKNOWN])
def test_while_nothing_passes_a_bad_record_is_tried_again(kind) -> None:
    told = judge().key_refused(refused(kind), "001")
    assert isinstance(told, RefusedWrite)
    assert told.is_unproven


def test_it_is_the_records_own_fault_once_another_got_its_key() -> None:
    bench = judge()
    bench.key_refused(refused(ErrorKind.TRANSIENT), "001")
    bench.key_given("Account", "002")
    told = bench.key_refused(refused(ErrorKind.TRANSIENT), "001")
    assert isinstance(told, RefusedWrite)
    assert not told.is_unproven
    assert (told.fault.kind, told.fault.answer, told.fault.record) == (UPDATES, "X", "001")


def test_who_got_its_key_is_suspected_no_more() -> None:
    bench = judge()
    bench.key_refused(refused(ErrorKind.TRANSIENT), "001")
    bench.key_given("Account", "001")
    assert bench.watch.passes(UPDATES) == bench.watch.passes(ANYTHING) == 1
    assert isinstance(bench.key_refused(refused(ErrorKind.TRANSIENT), "001"), NotSent)
