"""The compose file for production: a foreign Kafka with TLS and SASL, nothing by default."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from support.compose_file import ROOT, SETTING_NAMES, VARIABLE, interpolate, seconds

from stream.config import load_settings

TEXT = (ROOT / "docker-compose.production.yml").read_text()
NEEDED = {
    "ORDERSTREAM_IMAGE": "registry.example.com/orderstream",
    "ORDERSTREAM_VERSION": "1.0.0",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka-0.example.com:9093",
}
OF_COMPOSE = {
    *("ORDERSTREAM_IMAGE", "ORDERSTREAM_VERSION", "ORDERSTREAM_CONFIG", "ORDERSTREAM_SECRETS"),
    *("INGRESS_WORKERS", "INGRESS_PUBLISH", "DASHBOARD_HOST_PORT"),
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.load(interpolate(TEXT, NEEDED), Loader=yaml.CSafeLoader)["services"]


@pytest.mark.parametrize("missing", NEEDED)
def test_nothing_starts_without_what_only_you_know(missing):
    with pytest.raises(KeyError, match=missing):
        interpolate(TEXT, {k: v for k, v in NEEDED.items() if k != missing})


def test_every_variable_is_a_setting_or_said_to_be_composes():
    assert {match[1] for match in VARIABLE.finditer(TEXT)} <= SETTING_NAMES | OF_COMPOSE


def test_every_process_speaks_tls_and_sasl_to_the_brokers(services):
    for service in services.values():
        values = {k.lower(): v for k, v in service["environment"].items() if k in SETTING_NAMES}
        assert set(service["environment"]) <= SETTING_NAMES
        settings = load_settings(env_file=None, **values)
        assert settings.kafka_security_protocol == "SASL_SSL"
        assert str(settings.kafka_ssl_ca_path) == "/config/kafka-ca.pem"
        assert settings.kafka_replication_factor == 3
        assert any(str(v).endswith(":/config:ro") for v in service["volumes"])


def test_brokers_with_a_certificate_of_a_public_ca_need_no_file_of_it():
    """What docs/kafka.md says of MSK and Confluent Cloud: leave KAFKA_SSL_CA_PATH empty."""
    made = yaml.load(
        interpolate(TEXT, {**NEEDED, "KAFKA_SSL_CA_PATH": ""}), Loader=yaml.CSafeLoader
    )["services"]
    assert {service["environment"]["KAFKA_SSL_CA_PATH"] for service in made.values()} == {""}


def test_every_process_is_confined_bounded_and_watched(services):
    for name, service in services.items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert name == "topics" or (service["mem_limit"] and service["healthcheck"])


def test_what_listens_listens_on_the_loopback_address(services):
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_dashboard_asks_processes_that_are_there_where_they_tell_their_metrics(services):
    named = services["dashboard"]["environment"]["DASHBOARD_METRICS_URLS"].split(",")
    told = {(url.hostname, str(url.port), url.path) for url in map(urlsplit, named)}
    assert {host for host, _, _ in told} == {"worker", "relay"}
    for host, port, path in told:
        assert (port, path) == (services[host]["environment"]["STATUS_PORT"], "/metrics")


def test_a_worker_is_given_the_time_it_takes_to_end(services):
    deadline = load_settings(env_file=None).worker_stop_deadline_seconds
    assert seconds(services["worker"]["stop_grace_period"]) > deadline
