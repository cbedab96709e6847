"""OAUTHBEARER by client credentials, against Kafka's own validator and an OIDC provider."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.certificates import write_certificate
from support.salesforce_fixtures import org_keys, salesforce_process
from support.worker_rig import WorkerRig

from sandbox.broker import Broker, BrokerError
from sandbox.token_server import AUDIENCE, ISSUER, TokenServer
from stream.config import Settings, load_settings
from stream.errors import BrokerError as NoAnswer
from stream.errors import TopicAdminError
from stream.kafka.publisher import Ack, KafkaPublisher, Record
from stream.kafka.range_reader import RangeReader
from stream.kafka.topic_admin import TopicAdmin

__all__ = ["org_keys", "salesforce_process"]
pytestmark = [pytest.mark.kafka, pytest.mark.timeout(150)]

CLIENT, SECRET = "orderstream-worker", "a-client-secret-of-these-tests"
MODULES = "org.apache.kafka.common.security"
PACKAGE = f"{MODULES}.oauthbearer"


@contextmanager
def broker_that_asks(provider: TokenServer, directory: Path) -> Iterator[Broker]:
    """A broker that takes tokens of this provider only, and ends a session with its token."""
    certificate, key = write_certificate(directory)
    keystore = certificate.with_name("keystore.pem")
    keystore.write_bytes(key.read_bytes() + certificate.read_bytes())
    oauth = "listener.name.client.oauthbearer"
    properties = {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENT:SASL_SSL",
        "sasl.enabled.mechanisms": "OAUTHBEARER,PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": (
            f'{MODULES}.plain.PlainLoginModule required username="b" password="b" user_b="b";'
        ),
        f"{oauth}.sasl.jaas.config": f"{PACKAGE}.OAuthBearerLoginModule required;",
        f"{oauth}.sasl.server.callback.handler.class": (
            f"{PACKAGE}.OAuthBearerValidatorCallbackHandler"
        ),
        f"{oauth}.sasl.oauthbearer.jwks.endpoint.url": provider.keys_url,
        f"{oauth}.sasl.oauthbearer.expected.audience": AUDIENCE,
        f"{oauth}.sasl.oauthbearer.expected.issuer": ISSUER,
        f"{oauth}.connections.max.reauth.ms": "600000",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificate),
    }
    with pytest.MonkeyPatch.context() as environment:
        # Kafka asks no address that its operator has not named on the JVM's command line.
        allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={provider.keys_url}"
        environment.setenv("JDK_JAVA_OPTIONS", allowed)
        try:
            broker = Broker.start(extra_properties=properties)
        except BrokerError as error:
            pytest.skip(f"needs a broker of its own: {error}")
    with broker:
        yield broker


def settings_for(
    broker: Broker, provider: TokenServer, directory: Path, **changes: Any
) -> Settings:
    values: dict[str, Any] = {
        "kafka_bootstrap_servers": broker.bootstrap_servers,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_ssl_ca_path": directory / "cert.pem",
        "kafka_sasl_mechanism": "OAUTHBEARER",
        "kafka_oauth_token_url": provider.token_url,
        "kafka_oauth_client_id": CLIENT,
        "kafka_oauth_client_secret": SECRET,
        "kafka_oauth_scope": "kafka",
        "kafka_partitions": 2,
        "operator_signing_key": "operators-of-these-tests-9f3c1be27a60",
    }
    return load_settings(env_file=None, **{**values, **changes})


async def test_the_pipe_runs_on_tokens_that_end_while_it_does(salesforce_process, tmp_path):
    """Sessions end with their tokens, every few seconds; worker, relay and publisher go on."""
    with (
        TokenServer(client_id=CLIENT, client_secret=SECRET, life_seconds=6) as provider,
        broker_that_asks(provider, tmp_path) as broker,
    ):
        settings = settings_for(broker, provider, tmp_path)
        async with TopicAdmin(settings) as admin:
            await admin.apply(settings.topics.specs())
        env = {
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SSL_CA_PATH": str(tmp_path / "cert.pem"),
            "KAFKA_SASL_MECHANISM": "OAUTHBEARER",
            "KAFKA_OAUTH_TOKEN_URL": provider.token_url,
            "KAFKA_OAUTH_CLIENT_ID": CLIENT,
            "KAFKA_OAUTH_CLIENT_SECRET": SECRET,
        }
        async with WorkerRig(settings, salesforce_process, tmp_path / "run", env) as rig:
            await rig.worker()
            await rig.relay()
            count, seen = 0, provider.issued
            while provider.issued < seen + 6:  # two more tokens for each of three processes
                await rig.publish([(count, 1)])
                count += 1
                await asyncio.sleep(0.5)
            report = await rig.settled(count)
            assert report.total.synced == count
            assert "kafka" in provider.scopes


async def test_what_the_provider_or_the_broker_refuses_is_said(tmp_path):
    with (
        TokenServer(client_id=CLIENT, client_secret=SECRET) as provider,
        broker_that_asks(provider, tmp_path) as broker,
    ):
        wrong = settings_for(broker, provider, tmp_path, kafka_oauth_client_secret="not-this-one")
        with pytest.raises((NoAnswer, TopicAdminError)):
            async with RangeReader(wrong):
                pass
        with TokenServer(client_id=CLIENT, client_secret=SECRET) as stranger:
            strange = settings_for(broker, stranger, tmp_path)
            with pytest.raises((NoAnswer, TopicAdminError)):
                async with RangeReader(strange):
                    pass
        good = settings_for(broker, provider, tmp_path)
        async with TopicAdmin(good) as admin:
            await admin.apply(good.topics.specs())
        provider.fail(503)
        later = settings_for(broker, provider, tmp_path, kafka_oauth_scope="another")
        publisher = KafkaPublisher(later)
        await publisher.start()  # Kafka is away for it, which is no reason to end
        provider.fail(0)
        async with asyncio.timeout(60):
            while True:
                (answer,) = await publisher.publish_each([Record(good.topics.orders, b"1", b"{}")])
                if isinstance(answer, Ack):
                    break
                await asyncio.sleep(0.5)
        await publisher.stop()
