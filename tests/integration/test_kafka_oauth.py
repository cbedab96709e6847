"""OAUTHBEARER by client credentials, against Kafka's own validator and an OIDC provider."""

from __future__ import annotations

import pytest
from support.token_broker import CLIENT, SECRET, broker_that_asks, settings_for

from sandbox.token_server import TokenServer
from stream.kafka.topic_admin import TopicAdmin

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


async def test_topics_are_made_by_token(tmp_path):
    with (
        TokenServer(client_id=CLIENT, client_secret=SECRET, life_seconds=6) as provider,
        broker_that_asks(provider, tmp_path) as broker,
    ):
        settings = settings_for(broker, provider, tmp_path)
        async with TopicAdmin(settings) as admin:
            await admin.apply(settings.topics.specs())
        assert "kafka" in provider.scopes
