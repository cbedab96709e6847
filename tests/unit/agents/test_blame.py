"""What a bundle pays, told without calls: the watch and the gate alone."""

from __future__ import annotations

from types import SimpleNamespace

from agents.delivery.blame import Judge, end, refused_as
from agents.delivery.fault_scope import ANY_SOBJECT, Fault, FaultWatch, WriteKind
from agents.delivery.types import NotSent, RefusedWrite
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError

CREATES = WriteKind("Opportunity", "create")


def refused(record: str | None) -> RefusedWrite:
    fault = None if record is None else Fault(CREATES, "X", record)
    return RefusedWrite(ErrorKind.PERMANENT, "X", "no", sobject="Opportunity", fault=fault)


def judged(watch: FaultWatch, *outcomes) -> list:
    writes = [SimpleNamespace(outcome=outcome) for outcome in outcomes]
    gate = SimpleNamespace(open_for=60.0, alerts=SimpleNamespace(fire=lambda *_: None))
    Judge(watch, gate).charge_rows(writes)
    return [write.outcome for write in writes]


def test_a_refusal_without_a_fault_is_left_as_it_is_and_so_is_what_was_not_refused() -> None:
    watch, odd, waits = FaultWatch(), refused(None), NotSent("later")
    assert judged(watch, odd, waits, None) == [odd, waits, None]
    assert not watch.is_holding


def test_those_who_are_refused_together_are_each_others_evidence() -> None:
    first, *others = judged(FaultWatch(), *(refused(record) for record in "abc"))
    assert isinstance(first, NotSent)
    assert all(isinstance(outcome, NotSent) for outcome in others)
    (alone,) = judged(FaultWatch(), refused("a"))
    assert alone.is_unproven


def test_only_what_is_open_gets_an_end() -> None:
    done = SimpleNamespace(is_open=False, outcome="written")
    open_ = SimpleNamespace(is_open=True, outcome=None)
    end([done, open_], NotSent("why"))
    assert (done.outcome, open_.outcome) == ("written", NotSent("why"))


def test_a_refused_call_names_the_sobject_where_there_is_one() -> None:
    error = SalesforceError("no", kind=ErrorKind.CONFIG, code="X", status=400, rule="R")
    named = refused_as(error, "Account")
    assert (named.sobject, named.status, named.rule, named.fault) == ("Account", 400, "R", None)
    assert refused_as(error).sobject == refused_as(error, ANY_SOBJECT).sobject == ""
