"""What a bundle pays, told without calls: the watch and the gate alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from agents.delivery.blame import Judge, end, fault_of, refused_as
from agents.delivery.fault_scope import (
    ANY_SOBJECT,
    ANYTHING,
    Fault,
    FaultScope,
    FaultWatch,
    WriteKind,
)
from agents.delivery.response_handling import Refusal, reason_of_row
from agents.delivery.types import NotSent, RefusedWrite, Written
from agents.pacing.system_failure import reason_of
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from stream.ops.alerts import Alert

CREATES = WriteKind("Opportunity", "create")
ACCOUNTS, ORDERS = WriteKind("Account", "create"), WriteKind("Opportunity", "any")


class Gate:
    """Records what it is told; `alerts` is itself."""

    def __init__(self) -> None:
        self.open_for: float | None = None
        self.told: list[tuple] = []
        self.alerts = self

    def trip(self, kind: ErrorKind, reason: str) -> None:
        self.open_for = 60.0
        self.told.append((kind, reason))

    def fire(self, alert: Alert, reason: str) -> None:
        self.told.append((alert, reason))

    def resolve(self, alert: Alert) -> None:
        self.told.append((alert,))


class Bench:
    def __init__(self) -> None:
        self.watch, self.gate = FaultWatch(), Gate()
        self.judge = Judge(self.watch, self.gate)

    def charged(self, *outcomes) -> list:
        writes = [SimpleNamespace(outcome=outcome) for outcome in outcomes]
        self.judge.charge_rows(writes)
        return [write.outcome for write in writes]

    def blamed(self, kind: ErrorKind, key: str = "a", **more):
        (write,) = bundles(key)
        self.judge.blame(refusal(kind, **more), write)
        return write.outcome


def refused(record: str | None, kind: ErrorKind = ErrorKind.PERMANENT, code="X") -> RefusedWrite:
    fault = None if record is None else Fault(CREATES, code, record)
    return RefusedWrite(kind, code, "no", sobject="Opportunity", fault=fault)


def bundles(*keys: str) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(bundle=SimpleNamespace(key=k), outcome=None, is_open=True) for k in keys
    ]


def refusal(kind: ErrorKind, **more) -> Refusal:
    error = SalesforceError("no", kind=kind, code="X", status=400, meaning="It is.", fix="Do it.")
    return Refusal(error, [], **({"sobject": "Opportunity"} | more))


THE_REASON = "X: It is. Do it."


def test_a_refusal_without_a_fault_is_left_as_it_is_and_so_is_what_was_not_refused() -> None:
    bench = Bench()
    odd, waits = refused(None), NotSent("later")
    assert bench.charged(odd, waits, None) == [odd, waits, None]
    assert not bench.watch.is_holding


def test_those_who_are_refused_together_are_each_others_evidence() -> None:
    bench = Bench()
    first, *others = bench.charged(*(refused(record) for record in "abc"))
    assert first == NotSent(reason_of_row(refused("a")))
    assert all(isinstance(outcome, NotSent) for outcome in others)
    (alone,) = Bench().charged(refused("a"))
    assert alone == replace(refused("a"), is_unproven=True)


@pytest.mark.parametrize(
    ("kind", "waits_for"),
    [(ErrorKind.PERMANENT, ErrorKind.CONFIG), (ErrorKind.TRANSIENT, ErrorKind.TRANSIENT)],
)
def test_rows_refused_for_everybody_open_the_breaker_once(kind, waits_for) -> None:
    bench = Bench()
    bench.charged(*(refused(record, kind) for record in "abc"))
    reason = reason_of_row(refused("a", kind))
    assert bench.gate.told == [(waits_for, reason), *[(Alert.WRITES_HELD, reason)] * 3]


def test_rows_of_one_kind_of_write_are_held_and_open_no_breaker() -> None:
    bench = Bench()
    for record in "abc":
        bench.watch.refused(Fault(CREATES, "X", record))
    bench.watch.passed(ACCOUNTS)
    assert bench.charged(refused("a")) == [NotSent(reason_of_row(refused("a")))]
    assert bench.gate.told == [(Alert.WRITES_HELD, reason_of_row(refused("a")))]


def test_a_row_that_waits_until_more_is_known_alarms_nobody() -> None:
    bench = Bench()
    row = refused("a", ErrorKind.TRANSIENT)
    assert bench.charged(row) == [NotSent(reason_of_row(row))]
    assert bench.gate.told == []


def test_a_locked_row_pays_what_a_lock_costs() -> None:
    bench = Bench()
    row = refused("a", ErrorKind.LOCK)
    assert bench.charged(replace(row, is_unproven=True)) == [row]


def test_bundles_whose_kind_of_write_is_held_wait_and_the_others_do_not() -> None:
    bench = Bench()
    for record in "abc":
        bench.watch.refused(Fault(CREATES, "X", record))
    held = refused("d")
    causes = [
        None,
        refused(None),
        refused("d", ErrorKind.ORDERING),
        refused("d", code="OTHER"),
        held,
    ]
    writes = [SimpleNamespace(cause=lambda c=cause: c, outcome=None) for cause in causes]
    bench.judge.hold_back(writes)
    assert [write.outcome for write in writes] == [None] * 4 + [NotSent(reason_of_row(held))]
    assert bench.gate.told == [(Alert.WRITES_HELD, reason_of_row(held))]


def test_a_suspect_is_at_fault_once_others_have_passed_since_its_call() -> None:
    bench = Bench()
    bench.watch.passed(CREATES, 5)
    suspicion = refusal(ErrorKind.PERMANENT, passes_before=5)
    early = refusal(ErrorKind.PERMANENT, passes_before=4)
    bench.judge.suspect(suspicion, bundles("a"))
    bench.judge.suspect(early, bundles("b"))
    assert not bench.watch.is_proven(Fault(ORDERS, "X", "a"))
    assert bench.watch.is_proven(Fault(ORDERS, "X", "b"))
    bench.watch.passed(CREATES)
    assert bench.watch.is_proven(Fault(ORDERS, "X", "a"))


def test_a_bundle_that_was_refused_alone_pays_by_the_kind_of_its_error() -> None:
    bench = Bench()
    plain = refused_as(refusal(ErrorKind.PERMANENT).error, "Opportunity")
    assert bench.blamed(ErrorKind.PERMANENT) == replace(plain, is_unproven=True)
    assert bench.blamed(ErrorKind.LOCK) == replace(plain, kind=ErrorKind.LOCK)
    assert bench.blamed(ErrorKind.TRANSIENT) == NotSent(THE_REASON)
    assert bench.gate.told == []
    bench.watch.passed(CREATES)
    assert bench.blamed(ErrorKind.PERMANENT) == plain


def test_the_third_bundle_that_was_refused_alone_is_held() -> None:
    bench = Bench()
    for key in "ab":
        bench.blamed(ErrorKind.TRANSIENT, key)
    assert bench.gate.told == []
    assert bench.blamed(ErrorKind.TRANSIENT, "c") == NotSent(THE_REASON)
    assert bench.gate.told == [(Alert.WRITES_HELD, THE_REASON)]


def test_a_call_that_the_configuration_refuses_opens_the_breaker_once() -> None:
    bench = Bench()
    writes = bundles("a", "b")
    for _ in range(2):
        bench.judge.hold(refusal(ErrorKind.CONFIG), writes)
    assert [write.outcome for write in writes] == [NotSent(THE_REASON)] * 2
    assert bench.gate.told == [(ErrorKind.CONFIG, THE_REASON)]
    assert not bench.watch.is_holding, "a whole call says nothing of who was in it"


@pytest.mark.parametrize(
    ("others", "scope", "told"),
    [(0, FaultScope.EVERYBODY, ErrorKind.CONFIG), (1, FaultScope.WRITE_KIND, Alert.WRITES_HELD)],
)
def test_a_part_that_the_configuration_refuses_stops_itself_where_others_passed_beside_it(
    others, scope, told
) -> None:
    bench = Bench()
    before = bench.watch.passes(ANYTHING)
    bench.watch.passed(ACCOUNTS, others)
    part = refusal(ErrorKind.CONFIG, is_part=True, anything_before=before)
    bench.judge.hold(part, bundles("a", "b", "c"))
    assert bench.watch.scope(Fault(ORDERS, "X", "a")) is scope
    assert bench.gate.told == [(told, THE_REASON)]


def test_what_is_written_is_no_suspect_and_ends_the_alarm_unless_others_are_held() -> None:
    bench = Bench()
    row = Fault(CREATES, "X", "a")
    for record in "abc":
        bench.watch.refused(replace(row, record=record))
    written, waiting = bundles("a", "b")
    written.outcome, waiting.outcome = Written({}), NotSent("why")
    bench.judge.clear([written, waiting])
    assert bench.gate.told == []
    bench.judge.watch.passed(CREATES)
    assert not bench.watch.is_proven(row)
    assert bench.watch.is_proven(replace(row, record="b"))
    bench.judge.clear([waiting])
    assert bench.gate.told == []
    bench.judge.clear([written])
    assert bench.gate.told == [(Alert.WRITES_HELD,)]


def test_only_what_is_open_gets_an_end() -> None:
    done = SimpleNamespace(is_open=False, outcome="written")
    open_ = SimpleNamespace(is_open=True, outcome=None)
    end([done, open_], NotSent("why"))
    assert (done.outcome, open_.outcome) == ("written", NotSent("why"))


def test_a_fault_is_named_by_its_rule_before_its_code() -> None:
    (write,) = bundles("a")
    plain = refusal(ErrorKind.CONFIG)
    assert fault_of(plain, write) == Fault(ORDERS, "X", "a")
    plain.error.rule = "R"
    assert fault_of(plain, write) == Fault(ORDERS, "R", "a")


def test_a_refused_call_names_the_sobject_where_there_is_one() -> None:
    error = SalesforceError(
        "no",
        kind=ErrorKind.CONFIG,
        code="X",
        status=400,
        fields=("Name",),
        meaning="It is.",
        fix="Do it.",
        rule="R",
    )
    assert refused_as(error, "Account") == RefusedWrite(
        ErrorKind.CONFIG,
        "X",
        "no",
        ("Name",),
        "Account",
        "Do it.",
        status=400,
        rule="R",
        meaning="It is.",
    )
    assert reason_of(error) == THE_REASON
    assert refused_as(error).sobject == refused_as(error, ANY_SOBJECT).sobject == ""


DELETES = WriteKind("OpportunityLineItem", "delete")


def removal(record: str) -> RefusedWrite:
    return replace(refused(record), fault=Fault(DELETES, "X", record))


def test_orders_whose_old_lines_nobody_may_delete_wait_and_open_no_breaker() -> None:
    bench = Bench()
    lines = {place: removal(record) for place, record in enumerate("abc")}
    reason = reason_of_row(removal("a"))
    assert bench.judge.charge_removals(DELETES, lines, 0) == dict.fromkeys(lines, NotSent(reason))
    assert bench.gate.told == [(Alert.WRITES_HELD, reason)] * 3


def test_an_old_line_that_stays_where_others_go_is_its_orders_own_matter() -> None:
    bench = Bench()
    found = bench.judge.charge_removals(DELETES, {4: removal("a"), 7: refused(None)}, 2)
    assert found == {4: removal("a"), 7: refused(None)}
    assert bench.watch.passes(DELETES) == bench.watch.passes(ANYTHING) == 2


def test_who_waits_has_the_code_of_the_refusal_that_all_share() -> None:
    bench, writes = Bench(), bundles("a")
    together = bench.charged(*(refused(record, code="Q") for record in "abc"))
    (unclear,) = Bench().charged(refused("a", ErrorKind.TRANSIENT, code="Q"))
    assert [waits.code for waits in (*together, unclear)] == ["Q"] * 4
    assert Bench().blamed(ErrorKind.TRANSIENT).code == "X"
    bench.judge.hold(refusal(ErrorKind.CONFIG), writes)
    assert writes[0].outcome.code == "X"
