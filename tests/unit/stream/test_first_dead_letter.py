"""The first dead letter of its kind is news; the others of a day are not."""

from __future__ import annotations

from stream.dlq.growth_alert import QUIET_SECONDS, FirstDeadLetters
from stream.ops.alerts import Alert, Alerts


def told(alerts: Alerts) -> list[str | None]:
    heard: list[str | None] = []
    alerts.listeners.append(lambda _alert, detail: heard.append(detail))
    return heard


def test_one_alert_for_each_kind_and_day():
    alerts = Alerts()
    heard = told(alerts)
    first = FirstDeadLetters(alerts)
    first.note(("STRING_TOO_LONG", "Name"), "order 1", now=0)
    first.note(("STRING_TOO_LONG", "Name"), "order 2", now=1)
    first.note(("STRING_TOO_LONG", "Street"), "order 3", now=2)
    assert [detail for detail in heard if detail] == ["order 1", "order 3"]
    first.note(("STRING_TOO_LONG", "Name"), "order 4", now=2 + QUIET_SECONDS)
    assert alerts.active[Alert.DEAD_LETTER] == "order 4"


def test_the_alert_ends_when_nothing_has_died_for_a_while():
    alerts = Alerts()
    first = FirstDeadLetters(alerts)
    first.note(("A",), "order 1", now=0)
    first.quiet(599, window_seconds=600)
    assert Alert.DEAD_LETTER in alerts.active
    first.quiet(601, window_seconds=600)
    assert alerts.active == {}
