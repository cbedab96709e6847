"""How to reach Kafka: the one place where connection settings become client arguments.

Producers, consumers and the admin client take the same keyword arguments (aiokafka's); Faust takes
the same facts as a credentials object.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from aiokafka.abc import AbstractTokenProvider
from pydantic import SecretStr

from stream.errors import SettingsError
from stream.kafka.any_records import take_any_records
from stream.kafka.asking_only import make_no_topics
from stream.kafka.heeding_fetcher import heed_fetch_errors
from stream.kafka.known_brokers import find_brokers_again
from stream.kafka.prompt_connection import give_up_in_time
from stream.kafka.tls import TlsFiles, tls_context_of
from stream.kafka.why_away import tell_why
from stream.settings.kafka import KafkaSettings

# Networks forget who says nothing, most of them without a word: Azure after 240 s, AWS's load
# balancers after 350. What is sent then waits for its whole deadline; a new connection takes
# milliseconds.
IDLE_MS = 180_000
PASSWORD = ("kafka_sasl_username", "kafka_sasl_password")
# What a mechanism needs, by setting.
NEEDED: dict[str, tuple[str, ...]] = {
    "OAUTHBEARER": ("kafka_oauth_token_url", "kafka_oauth_client_id", "kafka_oauth_client_secret"),
    "AWS_MSK_IAM": ("kafka_aws_region",),
}


def kafka_connection(settings: KafkaSettings) -> dict[str, Any]:
    """Return aiokafka's connection arguments: servers, protocol, TLS and SASL.

    Raises SettingsError for a certificate that cannot be read or SASL without a user.
    """
    mend_clients()
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
        "connections_max_idle_ms": IDLE_MS,
    }
    if uses_tls(settings):
        arguments["ssl_context"] = tls_context(settings)
    if uses_sasl(settings):
        arguments |= _sasl(settings)
    return arguments


def mend_clients() -> None:
    """Have all Kafka clients of this process do what aiokafka's does not. May be called again."""
    make_no_topics()
    take_any_records()
    heed_fetch_errors()
    find_brokers_again()
    give_up_in_time()
    tell_why()


def faust_credentials(settings: KafkaSettings) -> Any:
    """Return what Faust calls `broker_credentials`; None for a plain connection."""
    # Faust is the agents' dependency: the ingress and the relay start without importing it.
    from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials  # noqa: PLC0415 - loaded only where it is used: the extra or a slow import

    mend_clients()
    context = tls_context(settings) if uses_tls(settings) else None
    if uses_sasl(settings) and uses_tokens(settings):
        return OAuthCredentials(oauth_cb=_provider(settings), ssl_context=context)
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


def uses_tokens(settings: KafkaSettings) -> bool:
    """Return whether SASL is by token, not by password."""
    return settings.kafka_sasl_mechanism in {"OAUTHBEARER", "AWS_MSK_IAM"}


def uses_sasl(settings: KafkaSettings) -> bool:
    """Return whether SASL is used; raises SettingsError for what its mechanism lacks."""
    if not settings.kafka_security_protocol.startswith("SASL_"):
        return False
    problems = [
        f"{name.upper()}: missing; {settings.kafka_sasl_mechanism} over "
        f"{settings.kafka_security_protocol} needs it"
        for name in NEEDED.get(settings.kafka_sasl_mechanism, PASSWORD)
        if not _text(getattr(settings, name))
    ]
    if problems:
        raise SettingsError(problems)
    return True


def _text(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _sasl(settings: KafkaSettings) -> dict[str, Any]:
    if uses_tokens(settings):
        return {
            "sasl_mechanism": "OAUTHBEARER",  # what AWS_MSK_IAM is for clients that are not Java
            "sasl_oauth_token_provider": _provider(settings),
        }
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
    }


def _provider(settings: KafkaSettings) -> AbstractTokenProvider:
    from stream.kafka.oauth import token_provider  # noqa: PLC0415 - few need it, and it is slow

    return token_provider(settings)


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
        return tls_context_of(TlsFiles(settings.kafka_ssl_ca_path, certificate, key))
    except (ssl.SSLError, OSError) as error:
        names = ", ".join(name for name, path in files.items() if path is not None)
        raise SettingsError([f"{names}: not usable as PEM: {error}"]) from error


def _is_absent(path: Path | None) -> bool:
    return path is not None and not path.is_file()
