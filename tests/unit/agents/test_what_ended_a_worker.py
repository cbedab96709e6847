"""What a person is told of a worker that ended itself: what to do, and nobody's data."""

from __future__ import annotations

import pytest
from aiokafka.errors import TopicAuthorizationFailedError

from agents.worker import shutdown
from agents.worker.shutdown import EXIT_STALLED, end_uncommitted
from stream.errors import FrozenError
from stream.ops.alerts import Alert, Alerts


@pytest.fixture
def exits(monkeypatch):
    codes: list[int] = []
    monkeypatch.setattr(shutdown.os, "_exit", codes.append)
    return codes


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TopicAuthorizationFailedError("magento.orders"), "no Read on topic magento.orders"),
        (ValueError("jane@example.com"), "a bug: ValueError; the log says where"),
    ],
)
def test_a_right_that_was_taken_away_is_no_bug(exits, error, said):
    """A page said "a bug: TopicAuthorizationFailedError" at each restart, and nobody what to grant."""
    end_uncommitted(error, alerts := Alerts())
    assert exits == [EXIT_STALLED]
    assert said in alerts.active[Alert.WORKER_STALLED]
    assert "jane" not in alerts.active[Alert.WORKER_STALLED]


def test_who_was_frozen_says_so(exits):
    end_uncommitted(FrozenError("frozen for 40 s"), alerts := Alerts())
    assert alerts.active[Alert.WORKER_FROZEN] == "frozen for 40 s"
