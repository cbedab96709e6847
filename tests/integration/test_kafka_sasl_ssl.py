"""Every client of ours through a listener with TLS and SASL."""

from __future__ import annotations

import pytest
from certificates import write_certificate

from sandbox.broker import Broker, BrokerError
from stream.config import load_settings
from stream.errors import TopicAdminError
from stream.publisher import KafkaPublisher, Record
from stream.topic_admin import TopicAdmin

pytestmark = pytest.mark.kafka

LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
PASSWORD = "a-password-for-tests"


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Settings of a broker that takes nobody without TLS, user and password."""
    certificate, key = write_certificate(tmp_path_factory.mktemp("pem"))
    keystore = certificate.with_name("keystore.pem")
    keystore.write_bytes(key.read_bytes() + certificate.read_bytes())
    properties = {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENT:SASL_SSL",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": (
            f'{LOGIN} required username="broker" password="{PASSWORD}" '
            f'user_broker="{PASSWORD}" user_orderstream="{PASSWORD}";'
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificate),
    }
    try:
        broker = Broker.start(extra_properties=properties)
    except BrokerError as error:
        pytest.skip(f"needs a broker of its own: {error}")
    with broker:
        yield {
            "kafka_bootstrap_servers": broker.bootstrap_servers,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_ssl_ca_path": certificate,
            "kafka_sasl_username": "orderstream",
            "kafka_sasl_password": PASSWORD,
            "kafka_partitions": 1,
        }


async def test_topics_are_made_and_records_acknowledged_through_tls_and_sasl(secured):
    settings = load_settings(env_file=None, **secured)
    async with TopicAdmin(settings) as admin:
        await admin.create(settings.topics.specs())
    publisher = KafkaPublisher(settings)
    await publisher.start()
    ack = await publisher.publish(Record(settings.topics.orders, b"1", b"v"), timeout_seconds=20)
    await publisher.stop()
    assert ack.offset == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"kafka_sasl_password": "another-password"},
        {"kafka_ssl_ca_path": None},
        {"kafka_security_protocol": "PLAINTEXT"},
    ],
    ids=["wrong password", "unknown authority", "no tls"],
)
async def test_a_client_with_wrong_settings_is_told_and_does_not_hang(secured, wrong):
    settings = load_settings(env_file=None, **{**secured, **wrong})
    with pytest.raises(TopicAdminError, match="KAFKA_BOOTSTRAP_SERVERS"):
        async with TopicAdmin(settings):
            pass
