"""Whose fault a refusal is: what the watch counts, keeps and forgets."""

from __future__ import annotations

from agents.delivery import fault_scope
from agents.delivery.fault_scope import (
    ANY_SOBJECT,
    ANYTHING,
    Fault,
    FaultScope,
    FaultWatch,
    WriteKind,
)

CREATES = WriteKind("Opportunity", "create")
UPDATES = WriteKind("Opportunity", "update")
OF_CALLS = WriteKind("Opportunity", "any")
ACCOUNTS = WriteKind("Account", "create")


def fault(record: str, kind: WriteKind = CREATES, answer: str = "X") -> Fault:
    return Fault(kind, answer, record)


def watch_after(*records: str, anything_before: int | None = None) -> FaultWatch:
    watch = FaultWatch()
    for record in records:
        watch.refused(fault(record), anything_before)
    return watch


def test_a_row_that_passes_counts_for_its_kind_its_sobject_and_for_anything() -> None:
    watch = FaultWatch()
    watch.passed(CREATES)
    watch.passed(CREATES, 3)
    watch.passed(OF_CALLS, 2)
    assert [watch.passes(k) for k in (CREATES, UPDATES, OF_CALLS, ACCOUNTS, ANYTHING)] == [
        4, 0, 6, 0, 6
    ]  # fmt: skip


def test_it_holds_from_the_third_record_until_one_of_its_kind_passes() -> None:
    watch = watch_after("a", "b")
    assert not watch.is_holding
    watch.refused(fault("c"))
    assert watch.is_holding
    watch.passed(ACCOUNTS)
    watch.passed(UPDATES)
    assert watch.is_holding
    watch.passed(CREATES)
    assert not watch.is_holding


def test_a_pass_of_a_call_clears_no_create_and_a_create_clears_the_calls() -> None:
    watch = watch_after("a", "b", "c")
    watch.passed(OF_CALLS)
    assert watch.scope(fault("a")) is FaultScope.WRITE_KIND
    for record in "abc":
        watch.refused(fault(record, OF_CALLS))
    watch.passed(UPDATES)
    assert watch.scope(fault("a", OF_CALLS)) is FaultScope.RECORD


def test_whatever_passes_proves_the_fault_of_a_call_of_several_sobjects() -> None:
    of_several = WriteKind(ANY_SOBJECT, "any")
    watch = FaultWatch()
    watch.refused(fault("a", of_several))
    assert not watch.is_proven(fault("a", of_several))
    watch.passed(ACCOUNTS)
    assert watch.is_proven(fault("a", of_several))


def test_records_are_counted_for_each_answer_alone() -> None:
    watch = watch_after("a", "b")
    watch.refused(fault("c", answer="Y"))
    assert watch.scope(fault("a")) is FaultScope.UNCLEAR
    assert not watch.is_holding


def test_what_passed_since_its_call_was_sent_shows_that_not_everything_is_refused() -> None:
    watch = FaultWatch()
    watch.passed(ACCOUNTS)
    for record in "abc":
        watch.refused(fault(record))
    assert watch.scope(fault("a")) is FaultScope.EVERYBODY
    watch = FaultWatch()
    watch.passed(ACCOUNTS)
    for record in "abc":
        watch.refused(fault(record), anything_before=0)
    assert watch.scope(fault("a")) is FaultScope.WRITE_KIND


def test_the_first_suspicion_counts_and_a_pass_as_old_as_it_proves_nothing() -> None:
    watch = FaultWatch()
    watch.passed(CREATES)
    watch.suspect(fault("a"), 1)
    assert not watch.is_proven(fault("a"))
    assert not watch.is_proven(fault("never refused"))
    watch.passed(CREATES)
    watch.suspect(fault("a"), 2)
    assert watch.is_proven(fault("a"))


def test_a_record_with_its_own_fault_says_nothing_about_others() -> None:
    watch = watch_after("a", "b", "odd")
    watch.passed(CREATES)
    for record in ("a", "b", "odd"):
        watch.refused(fault(record))
    assert not watch.is_holding


def test_only_records_that_are_written_are_cleared() -> None:
    watch = watch_after("a", "b")
    watch.passed(CREATES)
    watch.clear(["a"])
    assert not watch.is_proven(fault("a"))
    assert watch.is_proven(fault("b"))


def test_what_is_remembered_is_bounded_and_the_oldest_goes(monkeypatch) -> None:
    monkeypatch.setattr(fault_scope, "MAX_REMEMBERED", 3)
    watch = watch_after("a", "b", "c", "d")
    assert watch.scope(fault("d")) is FaultScope.EVERYBODY
    watch.passed(CREATES)
    assert [watch.is_proven(fault(record)) for record in "abcd"] == [False, True, True, True]


def test_a_long_outage_keeps_no_more_records_than_it_may(monkeypatch) -> None:
    monkeypatch.setattr(fault_scope, "MAX_REMEMBERED", 3)
    watch = watch_after(*"abcdefg")
    assert [len(streak.records) for streak in watch._streaks.values()] == [3]


class Counted(set[str]):
    """Records that count how often they are asked for one."""

    asked = 0

    def __contains__(self, record: object) -> bool:
        self.asked += 1
        return super().__contains__(record)


def test_who_is_cleared_is_looked_up_and_all_that_is_remembered_is_not_gone_through() -> None:
    """It was, with each call and each key that was given: 5 ms where 20,000 orders had died."""
    watch = watch_after(*map(str, range(100)))
    watch.refused(fault("7", UPDATES))
    written = Counted({"7", "new"})
    watch.clear(written)
    assert written.asked <= len(written)
    watch.passed(CREATES)
    watch.passed(UPDATES)
    assert [watch.is_proven(fault("7", kind)) for kind in (CREATES, UPDATES)] == [False, False]
    assert watch.is_proven(fault("8"))


def test_a_record_whose_oldest_fault_was_let_go_keeps_the_other(monkeypatch) -> None:
    monkeypatch.setattr(fault_scope, "MAX_REMEMBERED", 2)
    watch = FaultWatch()
    for one in (fault("a"), fault("a", UPDATES), fault("b")):
        watch.refused(one)
    watch.passed(UPDATES)
    assert watch.is_proven(fault("a", UPDATES))
    watch.clear({"a"})  # and nothing of what was let go is looked for
    assert not watch.is_proven(fault("a", UPDATES))
    watch.refused(fault("c"))
    watch.refused(fault("d"))  # "b" goes, and is all that was known of it
    watch.clear({"b"})
    watch.passed(CREATES)
    assert [watch.is_proven(fault(record)) for record in "bcd"] == [False, True, True]
