"""An alert on the first screen says what it means and where to read what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.data.overview import ALERT_HELP, alerts
from dashboard.data.worker_metrics import ProcessMetrics, together
from stream.ops.alerts import Alert

RUNBOOK = Path("docs/runbook.md").read_text(encoding="utf-8")


def shown(name: str) -> list[str]:
    return alerts(None, None, together([ProcessMetrics("http://worker", alerts=(name,))]))


@pytest.mark.parametrize("alert", Alert)
def test_each_alert_says_what_it_means_and_where_the_runbook_has_it(alert):
    [line] = shown(alert.value)
    assert ALERT_HELP[alert] in line
    assert f"docs/runbook.md, {alert}" in line
    assert f"\n### {alert}\n" in RUNBOOK


def test_an_alert_of_another_version_is_shown_by_its_name():
    assert shown("disk_full") == ["Disk full"]
