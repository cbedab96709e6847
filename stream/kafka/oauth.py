"""Tokens for OAUTHBEARER: OIDC client credentials, or AWS MSK's signed requests.

aiokafka asks for a token at every connection, from several loops and threads of a process. One
source serves them all: it keeps a token for four fifths of its life and lets one thread fetch the
next while the others wait. A broker ends a session when its token ends; the clients connect again
with the next one.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

import orjson
import requests
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError
from urllib3.exceptions import HTTPError

from stream.errors import SettingsError
from stream.settings.kafka import KafkaSettings

USED_SHARE = 0.8
# Where the answer does not say how long a token lives, and the most that is believed: some say
# milliseconds, or for ever, and a token that has ended is no connection until it is replaced.
LIFE_SECONDS, LONGEST_LIFE_SECONDS = 300.0, 3600.0
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0  # the answer: each wait for it, and all of it
MAX_ANSWER_BYTES = 64 * 1024
MSK_MODULE = "aws_msk_iam_sasl_signer.MSKAuthTokenProvider"


@dataclass(frozen=True, slots=True)
class BrokerToken:
    """A token and when it should be replaced, by `time.monotonic`."""

    text: str = field(repr=False)
    use_until: float


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """How to ask an OIDC provider's token endpoint (RFC 6749, 4.4)."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""

    def fetch(self) -> BrokerToken:
        """Ask for a token. Raises KafkaConnectionError: whoever connects tries again later."""
        asked_at = time.monotonic()
        form = {"grant_type": "client_credentials"} | ({"scope": self.scope} if self.scope else {})
        try:
            with requests.post(
                self.url,
                data=form,
                auth=(self.client_id, self.client_secret),
                headers={"Accept": "application/json"},
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = _body_of(answer, asked_at + ANSWER_SECONDS)
                status = answer.status_code
        except (requests.RequestException, HTTPError, OSError) as error:
            raise KafkaConnectionError(f"{_WHERE}: {type(error).__name__}") from None
        if status != requests.codes.ok:
            raise KafkaConnectionError(f"{_WHERE}: HTTP {status}{_code_in(body)}")
        return _token_in(body, asked_at)


@dataclass(frozen=True, slots=True)
class MskSigner:
    """Signs tokens for AWS MSK with the credentials that the AWS SDK finds (role, profile, env)."""

    region: str

    def fetch(self) -> BrokerToken:
        """Sign a token. Raises KafkaConnectionError."""
        asked_at, now_ms = time.monotonic(), time.time() * 1000
        signer = importlib.import_module(MSK_MODULE)
        try:
            text, ends_ms = signer.generate_auth_token(self.region)
        except Exception as error:  # noqa: BLE001 - the SDK's many: no credentials, no role, no answer
            raise KafkaConnectionError(
                f"no AWS credentials for MSK: {type(error).__name__}"
            ) from None
        return BrokerToken(
            str(text), asked_at + USED_SHARE * max(0.0, float(ends_ms) - now_ms) / 1000
        )


class BrokerTokenProvider(AbstractTokenProvider):
    """aiokafka's port to a source of tokens; any loop of any thread may ask."""

    def __init__(self, fetch: Callable[[], BrokerToken], extensions: Mapping[str, str]) -> None:
        self._fetch = fetch
        self._extensions = dict(extensions)
        self._lock = threading.Lock()
        self._token: BrokerToken | None = None

    async def token(self) -> str:
        """Return a token that is still good for a while. Raises KafkaConnectionError."""
        held = self._token
        if held is not None and time.monotonic() < held.use_until:
            return held.text
        return await asyncio.to_thread(self._next)

    def extensions(self) -> dict[str, str]:
        """Return what is sent beside the token: Confluent Cloud's cluster and identity pool."""
        return self._extensions

    def _next(self) -> str:
        with self._lock:
            held = self._token
            if held is None or time.monotonic() >= held.use_until:
                held = self._token = self._fetch()
            return held.text


def token_provider(settings: KafkaSettings) -> BrokerTokenProvider:
    """Return the process's one provider for these settings. Raises SettingsError."""
    if settings.kafka_sasl_mechanism == "AWS_MSK_IAM":
        _check_msk(settings.kafka_aws_region)
        return _provider(MskSigner(settings.kafka_aws_region), ())
    pairs = tuple(settings.oauth_extensions.items())
    return _provider(
        ClientCredentials(
            settings.kafka_oauth_token_url,
            settings.kafka_oauth_client_id,
            settings.kafka_oauth_client_secret.get_secret_value(),
            settings.kafka_oauth_scope,
        ),
        pairs,
    )


@lru_cache(maxsize=8)
def _provider(
    source: ClientCredentials | MskSigner, extensions: tuple[tuple[str, str], ...]
) -> BrokerTokenProvider:
    return BrokerTokenProvider(source.fetch, dict(extensions))


def _check_msk(region: str) -> None:
    try:
        importlib.import_module(MSK_MODULE)
    except ImportError:
        raise SettingsError(
            ["KAFKA_SASL_MECHANISM: AWS_MSK_IAM needs the extra: pip install 'orderstream[msk]'"]
        ) from None
    if not region:
        raise SettingsError(["KAFKA_AWS_REGION: missing; the region of the MSK cluster"])


def _body_of(answer: requests.Response, deadline: float) -> bytes:
    """Return the body as far as a token needs it. Raises HTTPError and Timeout.

    Piece by piece: `read` waits for all of it, each byte anew, with everybody behind the lock.
    """
    body = b""
    while len(body) < MAX_ANSWER_BYTES:
        if time.monotonic() > deadline:
            raise requests.Timeout
        piece: bytes = answer.raw.read1(MAX_ANSWER_BYTES, decode_content=True)
        if not piece:
            break
        body += piece
    return body


def _token_in(body: bytes, asked_at: float) -> BrokerToken:
    try:
        read = orjson.loads(body)
        text = read["access_token"]
        life = _life(read.get("expires_in"))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise KafkaConnectionError(f"{_WHERE}: the answer has no access_token") from None
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable():
        raise KafkaConnectionError(f"{_WHERE}: the access_token is no token")
    return BrokerToken(text, asked_at + USED_SHARE * life)


def _life(told: object) -> float:
    seconds = 0.0
    if isinstance(told, int | float | str) and not isinstance(told, bool):
        with suppress(ValueError):
            seconds = float(told)
    return min(seconds, LONGEST_LIFE_SECONDS) if seconds > 0 else LIFE_SECONDS


def _code_in(body: bytes) -> str:
    """Return the error's code, which RFC 6749 (5.2) defines; its description may be anything."""
    try:
        code = orjson.loads(body)["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    is_code = isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum()
    return f" {code[:40]}" if is_code else ""


_WHERE = "no token for Kafka from KAFKA_OAUTH_TOKEN_URL"
