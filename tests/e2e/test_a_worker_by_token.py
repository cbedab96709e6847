"""A worker that enters Kafka by token brings orders to the org, also when its first token is over."""

import pytest
from support.token_broker import CLIENT, SECRET, broker_that_asks, settings_for
from support.worker_rig import WorkerRig

from sandbox.token_server import TokenServer
from stream.kafka.topic_admin import TopicAdmin

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.proof]

LIFE_SECONDS = 8


async def test_an_order_gets_through_by_token(tmp_path, salesforce_process):
    with (
        TokenServer(client_id=CLIENT, client_secret=SECRET, life_seconds=LIFE_SECONDS) as provider,
        broker_that_asks(provider, tmp_path) as broker,
    ):
        settings = settings_for(broker, provider, tmp_path)
        async with TopicAdmin(settings) as admin:
            await admin.create(settings.topics.specs())
        env = {
            "KAFKA_SECURITY_PROTOCOL": settings.kafka_security_protocol,
            "KAFKA_SSL_CA_PATH": str(settings.kafka_ssl_ca_path),
            "KAFKA_SASL_MECHANISM": "OAUTHBEARER",
            "KAFKA_OAUTH_TOKEN_URL": provider.token_url,
            "KAFKA_OAUTH_CLIENT_ID": CLIENT,
            "KAFKA_OAUTH_CLIENT_SECRET": SECRET,
            "KAFKA_OAUTH_SCOPE": "kafka",
        }
        async with WorkerRig(settings, salesforce_process, tmp_path / "run", env) as rig:
            worker = await rig.worker()
            await rig.publish([(1, 1)])
            await rig.settled(1, timeout_seconds=90)
            given = provider.issued
            # Two processes have a token each: by the third new one both have another than before.
            await rig.until(lambda: provider.issued >= given + 3, timeout_seconds=120)
            await rig.publish([(1, 2)])
            report = await rig.settled(2, timeout_seconds=90)
            assert report.total.dead == 0
            assert set(rig.versions().values()) == {2.0}
            assert await worker.stop() == 0
