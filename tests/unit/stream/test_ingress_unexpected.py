"""Orders under names nobody knows: counted each, and said once."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from schemas.codec import placed
from schemas.event import Kind
from schemas.identity import PLAIN
from stream.ingress.webhook_steps import MAX_LABELS, WebhookSteps


def steps() -> WebhookSteps:
    acceptance: Any = None
    taken = frozenset({Kind.ORDER})
    return WebhookSteps(acceptance, max_body_bytes=1_000, identity=PLAIN, taken=taken)


def said(desk: WebhookSteps, names: list[str]) -> list[str]:
    order = b'{"event":"%s","order":{"increment_id":"1","grand_total":1}}'
    with capture_logs() as lines:
        for name in names:
            place = placed(order % name.encode(), event="", identity=PLAIN)
            assert place.is_unexpected
            desk._note_unexpected(place)
    return [line["event_name"] for line in lines]


def test_a_name_is_said_once() -> None:
    assert said(steps(), ["my_order_saved", "my_order_saved", "other_saved"]) == [
        "my_order_saved",
        "other_saved",
    ]


@pytest.mark.parametrize("name", ["order placed", "Bestellung/neu"])
def test_a_name_that_is_no_label_is_said_once_too(name: str) -> None:
    """A hook that calls its event so wrote a line for every order."""
    assert said(steps(), [name] * 3) == ["other"]


def test_names_without_end_are_not_said_without_end() -> None:
    names = [f"order_saved_{number}" for number in range(MAX_LABELS + 20)]
    assert len(said(steps(), names)) == MAX_LABELS + 1
