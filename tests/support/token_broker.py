"""A Kafka that is entered by token only, OAUTHBEARER by client credentials, and settings for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.broker import Broker, BrokerError
from sandbox.token_server import AUDIENCE, ISSUER, TokenServer
from stream.config import Settings, load_settings
from support.certificates import write_certificate

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
