"""A broker that takes nobody without TLS, user and password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.broker import Broker, BrokerError
from support.certificates import write_certificate

LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
PASSWORD = "a-password-for-tests"


@contextmanager
def secured_broker(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield the settings that get in; skips the test where no broker can be started."""
    certificate, key = write_certificate(directory)
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
