"""The gap detector runs every five minutes: it rings once, and says when it is over."""

from __future__ import annotations

import pytest

from agents.reconcile.gap_alert import tell_gaps
from stream.kafka.log.range_reader import RangeReader
from stream.ops.alert_webhook import AlertWebhook

pytestmark = pytest.mark.kafka


@pytest.fixture
def told(monkeypatch):
    texts = []

    async def post(_webhook, _session, text):
        texts.append(text.split(":")[0])
        return ""

    monkeypatch.setattr(AlertWebhook, "_post", post)
    return texts


async def runs(settings, *found):
    """Each as a process of its own would."""
    for text in found:
        async with RangeReader(settings) as reader:
            await tell_gaps(settings, reader, text)


async def test_what_is_still_missing_rings_once_and_its_end_is_told(make_settings, topics, told):
    settings = make_settings(alert_webhook_url="http://127.0.0.1:1/hook")
    await runs(settings, "", "3 of 4 saves", "3 of 4 saves", "1 of 9 saves", "", "")
    alert, over = "ALERT webhooks_missing (reconcile)", "RESOLVED webhooks_missing (reconcile)"
    assert told == [alert, over]
    await runs(settings, "2 of 2 saves", "2 of 2 saves")
    assert told == [alert, over, alert]
    often = make_settings(alert_webhook_url="http://127.0.0.1:1/hook", alert_repeat_seconds=1e-3)
    await runs(often, "2 of 2 saves", "")
    assert told[3:] == ["STILL ACTIVE webhooks_missing (reconcile)", over]
