"""How to reach Kafka: the one place where connection settings become client arguments.

Producers, consumers and the admin client take the same keyword arguments (aiokafka's); Faust takes
the same facts as a credentials object.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from stream.errors import SettingsError
from stream.settings.kafka import KafkaSettings


def kafka_connection(settings: KafkaSettings) -> dict[str, Any]:
    """Return aiokafka's connection arguments: servers, protocol, TLS and SASL.

    Raises SettingsError for a certificate that cannot be read or SASL without a user.
    """
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if uses_tls(settings):
        arguments["ssl_context"] = tls_context(settings)
    if uses_sasl(settings):
        arguments["sasl_mechanism"] = settings.kafka_sasl_mechanism
        arguments["sasl_plain_username"] = settings.kafka_sasl_username
        arguments["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return arguments


def faust_credentials(settings: KafkaSettings) -> Any:
    """Return what Faust calls `broker_credentials`; None for a plain connection."""
    # Faust is the agents' dependency: the ingress and the relay start without importing it.
    from faust.auth import SASLCredentials, SSLCredentials  # noqa: PLC0415 - loaded only where it is used: the extra or a slow import

    context = tls_context(settings) if uses_tls(settings) else None
    if uses_sasl(settings):
        return SASLCredentials(
            username=settings.kafka_sasl_username,
            password=settings.kafka_sasl_password.get_secret_value(),
            ssl_context=context,
            mechanism=settings.kafka_sasl_mechanism,
        )
    return SSLCredentials(context) if context is not None else None


def uses_tls(settings: KafkaSettings) -> bool:
    return settings.kafka_security_protocol in {"SSL", "SASL_SSL"}


def uses_sasl(settings: KafkaSettings) -> bool:
    """Return whether SASL is used; raises SettingsError when its user or password is missing."""
    if not settings.kafka_security_protocol.startswith("SASL_"):
        return False
    problems = [
        f"{name}: missing; {settings.kafka_security_protocol} needs it"
        for name, value in (
            ("KAFKA_SASL_USERNAME", settings.kafka_sasl_username),
            ("KAFKA_SASL_PASSWORD", settings.kafka_sasl_password.get_secret_value()),
        )
        if not value
    ]
    if problems:
        raise SettingsError(problems)
    return True


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """Return a context that verifies the broker's certificate and host name."""
    certificate, key = settings.kafka_ssl_cert_path, settings.kafka_ssl_key_path
    files = {
        "KAFKA_SSL_CA_PATH": settings.kafka_ssl_ca_path,
        "KAFKA_SSL_CERT_PATH": certificate,
        "KAFKA_SSL_KEY_PATH": key,
    }
    problems = [f"{name}: no such file: {path}" for name, path in files.items() if _is_absent(path)]
    if (certificate is None) != (key is None):
        problems.append("KAFKA_SSL_CERT_PATH and KAFKA_SSL_KEY_PATH: set both or neither")
    if problems:
        raise SettingsError(problems)
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ssl_ca_path)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        names = ", ".join(name for name, path in files.items() if path is not None)
        raise SettingsError([f"{names}: not usable as PEM: {error}"]) from error
    return context


def _is_absent(path: Path | None) -> bool:
    return path is not None and not path.is_file()
