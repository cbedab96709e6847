"""Every client of ours through a listener with TLS and SASL."""

from __future__ import annotations

import pytest
from support.secured_broker import secured_broker

from stream.config import load_settings
from stream.errors import TopicAdminError
from stream.kafka.publisher import KafkaPublisher, Record
from stream.kafka.topic_admin import TopicAdmin

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Settings of a broker that takes nobody without TLS, user and password."""
    with secured_broker(tmp_path_factory.mktemp("pem")) as settings:
        yield settings


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
    ("wrong", "told"),
    [
        (
            {"kafka_sasl_password": "another-password"},
            "refuses the user: check KAFKA_SASL_USERNAME",
        ),
        ({"kafka_ssl_ca_path": None}, "certificate that is not trusted .*KAFKA_SSL_CA_PATH"),
        ({"kafka_sasl_mechanism": "SCRAM-SHA-512"}, "does not take this KAFKA_SASL_MECHANISM"),
        ({"kafka_security_protocol": "PLAINTEXT"}, "check KAFKA_SECURITY_PROTOCOL"),
        ({"kafka_security_protocol": "SSL"}, "check KAFKA_SECURITY_PROTOCOL"),
    ],
    ids=["wrong password", "unknown authority", "other mechanism", "no tls", "no sasl"],
)
async def test_a_client_with_wrong_settings_is_told_which_and_does_not_hang(secured, wrong, told):
    """`no Kafka at …: Unable to bootstrap` was all that a wrong password said."""
    settings = load_settings(env_file=None, **{**secured, **wrong})
    with pytest.raises(TopicAdminError, match=f"KAFKA_BOOTSTRAP_SERVERS.*{told}"):
        async with TopicAdmin(settings):
            pass
