"""An audit that could not read everything does not say yes."""

from __future__ import annotations

from cli.commands.audit import print_report, report_json
from stream.audit.outcome_bitmap import Balance
from stream.audit.report import AuditReport


def report(**found):
    found.setdefault("topics", {"magento.orders": Balance(accepted=3, synced=3)})
    return AuditReport(at_ms=0, grace_seconds=60, **found)


def test_what_was_read_in_full_and_has_outcomes_is_accounted_for(capsys):
    assert report().is_ok
    print_report(report(), is_masked=True)
    assert "every event is accounted for" in (said := capsys.readouterr().out)
    assert "not known" not in said


def test_what_was_not_read_is_no_yes_and_no_problem_either(capsys):
    unread = report(unread={"magento.orders-1": "no leader"})
    assert (unread.is_ok, unread.problems) == (False, [])
    told = report_json(unread)
    assert (told["ok"], told["unread"]) == (False, {"magento.orders-1": "no leader"})
    print_report(unread, is_masked=True)
    said = capsys.readouterr().out
    assert "magento.orders-1 was not read in full: no leader" in said
    assert "is not known" in said
    assert "✓" not in said
