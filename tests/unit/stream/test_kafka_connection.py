from __future__ import annotations

import ssl

import pytest
from support.certificates import write_certificate

from agents.worker.faust_app import create_app
from stream.config import load_settings
from stream.errors import SettingsError
from stream.kafka.connection import IDLE_MS, faust_credentials, kafka_connection

# learn.microsoft.com/azure/event-hubs/apache-kafka-configurations: of its network, not of its Kafka
AZURE_FORGETS_MS = 240_000


def settings(**values):
    return load_settings(env_file=None, kafka_bootstrap_servers="kafka:9092", **values)


@pytest.fixture(scope="module")
def pem_files(tmp_path_factory):
    """A self-signed certificate and its key."""
    return write_certificate(tmp_path_factory.mktemp("pem"))


def test_a_plain_connection_needs_no_more_than_the_servers():
    assert kafka_connection(settings()) == {
        "bootstrap_servers": "kafka:9092",
        "security_protocol": "PLAINTEXT",
        "connections_max_idle_ms": IDLE_MS,
    }
    assert faust_credentials(settings()) is None


def test_a_connection_that_says_nothing_is_closed_before_a_network_forgets_it():
    """After a quiet spell the first webhook waited for its whole deadline, and got a 503."""
    assert IDLE_MS < AZURE_FORGETS_MS
    conf = create_app(settings()).conf
    assert conf.consumer_connections_max_idle_ms == IDLE_MS


def test_tls_verifies_the_brokers_certificate_and_name():
    made = settings(kafka_security_protocol="SSL")
    context = kafka_connection(made)["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert faust_credentials(made).context.verify_mode is ssl.CERT_REQUIRED


def test_own_ca_and_client_certificate_are_used(pem_files):
    certificate, key = pem_files
    made = settings(
        kafka_security_protocol="SSL",
        kafka_ssl_ca_path=certificate,
        kafka_ssl_cert_path=certificate,
        kafka_ssl_key_path=key,
    )
    (authority,) = kafka_connection(made)["ssl_context"].get_ca_certs()
    assert authority["subject"] == ((("commonName", "127.0.0.1"),),)


def test_sasl_over_tls_carries_user_and_password():
    made = settings(
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="u",
        kafka_sasl_password="p",
    )
    connection = kafka_connection(made)
    assert connection["sasl_mechanism"] == "SCRAM-SHA-512"
    assert connection["sasl_plain_username"] == "u"
    assert connection["sasl_plain_password"] == "p"
    credentials = faust_credentials(made)
    assert (credentials.username, credentials.password) == ("u", "p")
    assert credentials.mechanism.value == "SCRAM-SHA-512"
    assert credentials.ssl_context is not None


def test_sasl_without_user_and_password_names_both():
    with pytest.raises(SettingsError) as caught:
        kafka_connection(settings(kafka_security_protocol="SASL_PLAINTEXT"))
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "KAFKA_SASL_USERNAME",
        "KAFKA_SASL_PASSWORD",
    ]


def test_a_certificate_without_its_key_and_a_missing_ca_are_reported_together(pem_files, tmp_path):
    with pytest.raises(SettingsError) as caught:
        kafka_connection(
            settings(
                kafka_security_protocol="SSL",
                kafka_ssl_ca_path=tmp_path / "absent.pem",
                kafka_ssl_cert_path=pem_files[0],
            )
        )
    text = str(caught.value)
    assert "KAFKA_SSL_CA_PATH: no such file" in text
    assert "KAFKA_SSL_CERT_PATH and KAFKA_SSL_KEY_PATH: set both or neither" in text


def test_a_file_that_is_no_certificate_is_named(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text("not a certificate")
    with pytest.raises(SettingsError, match="KAFKA_SSL_CA_PATH: not usable as PEM"):
        kafka_connection(settings(kafka_security_protocol="SSL", kafka_ssl_ca_path=path))
