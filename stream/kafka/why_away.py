"""Why no configured address let us in, with the setting to look at.

aiokafka logs the reason of each address and raises `Unable to bootstrap from` them all: a wrong
password was "no Kafka at …" to whoever ran a command, as was a certificate that nobody trusts.
"""

from __future__ import annotations

import ssl
from contextvars import ContextVar
from socket import gaierror
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from stream.kafka.error_text import error_text

# What an address did, and what to look at; the first that fits.
TOLD: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (SaslAuthenticationFailed, AuthenticationFailedError),
        "refuses the user: check KAFKA_SASL_USERNAME and its password or token",
    ),
    (
        (UnsupportedSaslMechanismError, AuthenticationMethodNotSupported),
        "does not take this KAFKA_SASL_MECHANISM",
    ),
    (
        (ssl.SSLCertVerificationError,),
        "shows a certificate that is not trusted ({0.verify_message}): check KAFKA_SSL_CA_PATH",
    ),
    ((ssl.SSLError,), "fails in TLS ({0.reason}): check KAFKA_SECURITY_PROTOCOL and KAFKA_SSL_…"),
    ((gaierror,), "has no address: its name does not resolve"),
    ((TimeoutError,), "does not answer in time"),
)

MOST_REASONS = 50
_reasons: ContextVar[list[str] | None] = ContextVar("reasons", default=None)
_bootstrap: Any = AIOKafkaClient.bootstrap


def tell_why() -> None:
    """Have all Kafka clients of this process say so. May be called again."""
    client: Any = AIOKafkaClient
    client.bootstrap = _told


def note_failure(address: str, error: BaseException) -> None:
    """Keep why an address did not let us in, for whoever tries them all."""
    reasons = _reasons.get()
    # A client's own task, begun while it bootstrapped, has that list as long as it lives.
    if reasons is not None and len(reasons) < MOST_REASONS:
        reasons.append(f"{address} {reason_of(error)}")


def reason_of(error: BaseException) -> str:
    """Return what an address did, and what to look at."""
    for kinds, told in TOLD:
        if isinstance(error, kinds):
            return told.format(error)
    text = (error.strerror if isinstance(error, OSError) else "") or error_text(error)
    if isinstance(error, KafkaConnectionError) and "KAFKA_" not in text:
        return f"does not talk to us ({text}): check KAFKA_SECURITY_PROTOCOL"
    return f"does not answer: {text}"


async def _told(client: Any) -> None:
    reasons: list[str] = []
    mark = _reasons.set(reasons)
    try:
        await _bootstrap(client)
    except KafkaConnectionError as error:
        if not reasons:
            raise
        raise KafkaConnectionError("; ".join(dict.fromkeys(reasons))) from error
    finally:
        _reasons.reset(mark)
