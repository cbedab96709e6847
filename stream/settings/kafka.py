"""The cluster, and the topics of this installation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from stream.topics import Topics

DELAY = re.compile(r"^(\d+)(s|m|h)$")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
# RFC 7628: a name of letters, a value of visible characters.
EXTENSIONS = re.compile(r" *[A-Za-z]+ *=[!-+\--~]+(, *[A-Za-z]+ *=[!-+\--~]+)*")
DELAY_SECONDS = {"s": 1, "m": 60, "h": 3600}
# Names of containers have an underscore; a longer label is none to the resolver.
BROKER = re.compile(
    r"(?:(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?|\[[\da-fA-F:.]{2,45}\])(?::(\d{1,5}))?", re.ASCII
)
MAX_PORT = 65_535
# Kafka takes topics of 249 characters; the longest of ours is far shorter than the rest.
PREFIX = re.compile(r"[A-Za-z0-9._-]{0,150}")


class KafkaSettings(BaseSettings):
    """The cluster, and the topics of this installation."""

    kafka_bootstrap_servers: str = Field("", description="host:port[,host:port].")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="As Kafka's security.protocol."
    )
    kafka_sasl_mechanism: Literal[
        "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"
    ] = Field(
        "PLAIN",
        description="SASL mechanism: by password, by OIDC client credentials (OAUTHBEARER), or by "
        "AWS's own credentials (AWS_MSK_IAM, with the extra `msk`).",
    )
    kafka_sasl_username: str = Field("", description="SASL user.")
    kafka_sasl_password: SecretStr = Field(SecretStr(""), description="SASL password.")
    kafka_oauth_token_url: str = Field(
        "", description="OAUTHBEARER: the token endpoint; https, or a loopback address."
    )
    kafka_oauth_client_id: str = Field("", description="OAUTHBEARER: client id.")
    kafka_oauth_client_secret: SecretStr = Field(
        SecretStr(""), description="OAUTHBEARER: client secret."
    )
    kafka_oauth_scope: str = Field("", description="OAUTHBEARER: scope, where it is asked for.")
    kafka_oauth_extensions: str = Field(
        "",
        description="OAUTHBEARER: `name=value` pairs, separated by commas. Confluent Cloud: "
        "`logicalCluster=lkc-…,identityPoolId=pool-…`.",
    )
    kafka_aws_region: str = Field("", description="AWS_MSK_IAM: the cluster's region.")
    kafka_ssl_ca_path: Path | None = Field(None, description="CA file; system CAs when empty.")
    kafka_ssl_cert_path: Path | None = Field(None, description="Client certificate (mutual TLS).")
    kafka_ssl_key_path: Path | None = Field(None, description="Key of the client certificate.")
    kafka_topic_prefix: str = Field("", description="Prefix of topics and groups, e.g. `staging.`.")
    kafka_partitions: int = Field(8, ge=1, description="Partition count of every topic.")
    kafka_replication_factor: int = Field(1, ge=1, description="3 in production.")
    kafka_compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        "none", description="Codec of what is published: less disk and network for some CPU."
    )
    kafka_session_timeout_seconds: float = Field(
        30.0, gt=0, description="After this long without heartbeat a worker's partitions move."
    )

    operator_signing_key: SecretStr = Field(
        SecretStr(""),
        description="Signs what operators publish (replay, requeue, backfill, erasure …): the same "
        "for workers, dashboard and commands, unknown to ingress and relay. Several separated by "
        "commas while you rotate: the first signs, workers believe all.",
    )

    retry_delays: Annotated[tuple[int, ...], NoDecode] = Field(
        (30, 120, 600, 3600),
        description="Retry tiers, e.g. `30s,2m,10m,1h`; the length is the limit of attempts.",
    )

    @field_validator("retry_delays", mode="before")
    @classmethod
    def _delays(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        matches = [DELAY.match(part.strip()) for part in value.split(",")]
        if not matches or any(match is None for match in matches):
            raise ValueError("write delays like 30s,2m,10m,1h")
        delays = tuple(int(m[1]) * DELAY_SECONDS[m[2]] for m in matches if m)
        if list(delays) != sorted(set(delays)) or delays[0] == 0:
            raise ValueError("delays must be above 0, grow, and differ")
        return delays

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _brokers(cls, value: str) -> str:
        parts = [part for raw in value.split(",") if (part := raw.strip())]
        if value and not (parts and all(map(_is_broker, parts))):
            raise ValueError("write host:port, several separated by commas, without a scheme")
        return ",".join(parts)

    @field_validator("kafka_topic_prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        if not PREFIX.fullmatch(value):
            raise ValueError("letters, digits, `.`, `_` and `-` only, at most 150: it names topics")
        return value

    @field_validator("kafka_oauth_token_url")
    @classmethod
    def _tells_no_stranger(cls, value: str) -> str:
        parts = urlsplit(value)
        is_near = parts.scheme == "http" and parts.hostname in LOOPBACK
        if value and not is_near and not (parts.scheme == "https" and parts.hostname):
            raise ValueError("must begin with https://: the client secret is sent there")
        return value

    @field_validator("kafka_oauth_extensions")
    @classmethod
    def _pairs(cls, value: str) -> str:
        if value and not EXTENSIONS.fullmatch(value):
            raise ValueError("write `name=value`, several separated by commas")
        return value

    @property
    def oauth_extensions(self) -> dict[str, str]:
        """What is sent beside a token."""
        pairs = (part.partition("=") for part in self.kafka_oauth_extensions.split(",") if part)
        return {name.strip(): value.strip() for name, _, value in pairs}

    @property
    def topics(self) -> Topics:
        """The topic names of this installation."""
        return Topics(self.kafka_topic_prefix, self.retry_delays)

    @property
    def operator_signing_keys(self) -> tuple[str, ...]:
        """The active keys; the first one signs."""
        parts = self.operator_signing_key.get_secret_value().split(",")
        return tuple(part.strip() for part in parts if part.strip())

    @property
    def worker_group(self) -> str:
        """Consumer group of the agents (also the Faust app id)."""
        return f"{self.kafka_topic_prefix}orderstream"

    @property
    def relay_group(self) -> str:
        """Consumer group of the retry relay."""
        return f"{self.kafka_topic_prefix}orderstream-relay"


def _is_broker(address: str) -> bool:
    found = BROKER.fullmatch(address)
    return found is not None and (found[1] is None or 0 < int(found[1]) <= MAX_PORT)
