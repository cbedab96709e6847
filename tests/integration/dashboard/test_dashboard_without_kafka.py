"""Kafka away: the dashboard says so, keeps what it knows, and comes back by itself."""

from __future__ import annotations

import pytest
from support.dashboard_site import dashboard_settings, open_site
from support.topic_writer import TopicWriter

from sandbox.ports import free_port
from schemas.result import Outcome
from stream.kafka.topic_admin import TopicAdmin

pytestmark = pytest.mark.kafka


async def test_it_starts_without_kafka_and_says_what_is_missing(make_settings):
    servers = f"127.0.0.1:{free_port()}"
    settings = dashboard_settings(make_settings, kafka_bootstrap_servers=servers)
    async with open_site(settings) as visit:
        ann = await visit().log_in()
        await ann.until(lambda: ann.state.watch.problems)
        page = await ann.text("/")
        assert f"Kafka at {servers} does not answer" in page
        assert "every event is accounted for" not in page  # nothing is claimed that nobody counted
        status, text = await ann.get("/readyz")
        assert (status, servers in text) == (503, True)
        assert (await ann.get("/livez"))[0] == 200


@pytest.mark.proof
async def test_an_outage_keeps_the_last_figures_with_a_warning_and_then_it_goes_on(
    make_settings, own_broker, monkeypatch
):
    monkeypatch.setattr("dashboard.data.snapshots.AFTER_FAILURE_SECONDS", 0.5)
    monkeypatch.setattr("dashboard.data.snapshots.STALE_SECONDS", 2.0)
    settings = dashboard_settings(
        make_settings, kafka_bootstrap_servers=own_broker.bootstrap_servers
    )
    async with TopicAdmin(settings) as admin:
        await admin.create(settings.topics.specs())
    async with open_site(settings) as visit:
        ann = await visit().log_in()
        async with TopicWriter(settings) as writer:
            await writer.conclude(await writer.accept("1"), Outcome.SYNCED)
        await ann.until(lambda: ann.state.watch.balance.balance.synced == 1)
        await ann.until(lambda: not ann.state.watch.not_ready)
        own_broker.kill()
        await ann.until(lambda: ann.state.watch.warnings)
        assert "1 accepted = 1 synced" in await ann.text("/")
        assert (await ann.get("/readyz"))[0] == 503
        assert (await ann.get("/letters"))[0] == 200

        own_broker.restart()
        await ann.until(lambda: not ann.state.watch.not_ready, timeout_seconds=60)
        async with TopicWriter(settings) as writer:
            await writer.conclude(await writer.accept("2"), Outcome.SYNCED)
        await ann.until(lambda: ann.state.watch.balance.balance.synced == 2)
