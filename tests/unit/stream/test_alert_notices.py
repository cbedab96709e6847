from __future__ import annotations

import pytest

from stream.dlq.growth_alert import DeadLetterGrowth, FirstDeadLetters
from stream.ops.alert_dedup import CALM_SECONDS, Notices, safe_text
from stream.ops.alerts import Alert, Alerts

HOUR = 3600.0


def make() -> Notices:
    return Notices(source="worker w-1", repeat_seconds=4 * HOUR)


def test_an_alert_is_told_once():
    notices = make()
    text = notices.changed(Alert.BREAKER_OPEN, "SERVER_UNAVAILABLE", 0)
    assert text == "ALERT breaker_open (worker w-1): SERVER_UNAVAILABLE"
    assert notices.changed(Alert.BREAKER_OPEN, "SERVER_UNAVAILABLE", 5) is None
    assert notices.due(100) == []


@pytest.mark.parametrize("alert", [Alert.WORKER_FROZEN, Alert.WORKER_STALLED])
def test_the_last_words_of_a_process_say_that_nobody_will_call_them_over(alert):
    assert "no RESOLVED follows" in str(make().changed(alert, "frozen for 40 s", 0))
    assert "no RESOLVED follows" not in str(make().changed(Alert.BREAKER_OPEN, "x", 0))


def test_it_is_told_again_after_hours_with_the_latest_detail():
    notices = make()
    notices.changed(Alert.BREAKER_OPEN, "first", 0)
    notices.changed(Alert.BREAKER_OPEN, "latest", 10)
    assert notices.due(4 * HOUR) == [
        "STILL ACTIVE breaker_open (worker w-1): for 4 h 0 min: latest"
    ]
    assert notices.due(4 * HOUR + 1) == []
    assert len(notices.due(8 * HOUR)) == 1


def test_the_end_is_told_after_a_calm_spell():
    notices = make()
    notices.changed(Alert.BREAKER_OPEN, "x", 0)
    assert notices.changed(Alert.BREAKER_OPEN, None, 600) is None
    assert notices.due(600 + CALM_SECONDS - 1) == []
    assert notices.due(600 + CALM_SECONDS) == [
        "RESOLVED breaker_open (worker w-1): it lasted 10 min"
    ]
    assert notices.due(9 * HOUR) == []


def test_the_end_is_told_before_the_process_ends_and_what_lasts_is_not_over():
    """A worker that was restarted within the calm spell left its alert active for who reads it."""
    notices = make()
    notices.changed(Alert.BREAKER_OPEN, "x", 0)
    notices.changed(Alert.BUDGET_LOW, "9 %", 0)
    notices.changed(Alert.BREAKER_OPEN, None, 600)
    assert notices.last(610) == ["RESOLVED breaker_open (worker w-1): it lasted 10 min"]
    assert notices.last(620) == []


def test_what_comes_and_goes_rings_once():
    notices = make()
    said = [notices.changed(Alert.BREAKER_OPEN, "x", 0)]
    for second in range(1, 600, 30):
        said.append(notices.changed(Alert.BREAKER_OPEN, None, second))
        said.append(notices.changed(Alert.BREAKER_OPEN, "x", second + 15))
        said += notices.due(second + 15)
    assert len([text for text in said if text]) == 1


def test_a_dead_letter_of_another_kind_is_told_while_the_first_is_active():
    """It came within the calm spell of the first, and the administrator heard of one kind only."""
    alerts, told, now = Alerts(), make(), 0.0
    texts: list[str] = []

    def listen(alert: Alert, detail: str | None) -> None:
        if text := told.changed(alert, detail, now):
            texts.append(text)

    alerts.listeners.append(listen)
    first = FirstDeadLetters(alerts)
    first.note(("STRING_TOO_LONG", "Name"), "order 1", now=0)
    first.note(("STRING_TOO_LONG", "Name"), "order 2", now=1)
    first.note(("ENTITY_IS_LOCKED",), "order 3", now=2)
    assert [text.rpartition(" ")[2] for text in texts] == ["1", "3"]
    assert told.due(CALM_SECONDS) == []
    alerts.resolve(Alert.DEAD_LETTER)
    assert len(told.due(CALM_SECONDS)) == 1


def test_alerts_are_told_apart_and_an_unknown_end_is_nothing():
    notices = make()
    assert notices.changed(Alert.BREAKER_OPEN, "x", 0)
    assert notices.changed(Alert.AUTH_BROKEN, "y", 0)
    assert notices.changed(Alert.BUDGET_LOW, None, 0) is None
    assert notices.due(CALM_SECONDS * 2) == []


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("bad jane.doe@example.com here", "bad j***@example.com here"),
        ('value "jane@example.com"', 'value "j***@example.com"'),
        ("call +49 30 1234567 now", "call *** now"),
        ("42 of 1000 calls", "42 of 1000 calls"),
        ("x" * 1000, "x" * 400),
    ],
)
def test_texts_carry_no_personal_data_and_are_short(text, safe):
    assert safe_text(text) == safe


def test_listeners_hear_of_changes_only():
    alerts, heard = Alerts(), []
    alerts.listeners.append(lambda alert, detail: heard.append((alert, detail)))
    alerts.fire(Alert.BUDGET_LOW, "9 %")
    alerts.fire(Alert.BUDGET_LOW, "8 %")
    alerts.resolve(Alert.BUDGET_LOW)
    alerts.resolve(Alert.BUDGET_LOW)
    assert heard == [(Alert.BUDGET_LOW, "9 %"), (Alert.BUDGET_LOW, None)]


def test_dead_letters_are_counted_within_the_window():
    growth = DeadLetterGrowth(threshold=10, window_seconds=600)
    counts = [(0, 100), (300, 104), (600, 108), (900, 112), (1200, 112)]
    assert [growth.added(now, count) for now, count in counts] == [0, 4, 8, 8, 4]


def test_a_dead_letter_queue_that_was_emptied_starts_anew():
    growth = DeadLetterGrowth(threshold=10, window_seconds=600)
    growth.added(0, 100)
    assert growth.added(1, 0) == 0


def test_growth_fires_and_calm_resolves():
    alerts, growth = Alerts(), DeadLetterGrowth(threshold=10, window_seconds=600)
    growth.watch(alerts, 0, 0)
    growth.watch(alerts, 60, 9)
    assert alerts.active == {}
    growth.watch(alerts, 120, 10)
    assert "10 new dead letters in 10 min" in alerts.active[Alert.DEAD_LETTERS_GROWING]
    growth.watch(alerts, 600, 10)
    assert Alert.DEAD_LETTERS_GROWING in alerts.active
    growth.watch(alerts, 1300, 10)
    assert alerts.active == {}
