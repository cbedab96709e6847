"""Settings: the only reader of the environment.

The blueprint's names are kept exactly (`MAGENTO_BASE_URL` … `SALESFORCE_API_VERSION`); everything
else is ours. `.env.example` and the table in docs/settings.md are checked against this file by a
test. There is no default secret: a missing, sample or short one stops the process, and all
problems are reported together.
"""

from __future__ import annotations

import re
import socket
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from stream.errors import SettingsError
from stream.sender_names import Extra, Sender, checked_names, names_in
from stream.topics import Topics

MIN_SECRET_CHARACTERS = 16
SAMPLE_SECRETS = ("your_", "super_secret", "changeme", "change_me", "example", "secret_key")

DELAY = re.compile(r"^(\d+)(s|m|h)$")
DELAY_SECONDS = {"s": 1, "m": 60, "h": 3600}


class Role(StrEnum):
    """Which process asks: each needs other settings."""

    INGRESS = "ingress"
    WORKER = "worker"
    RELAY = "relay"
    OPERATOR = "operator"
    SALESFORCE = "salesforce"  # asks the org, needs no broker
    MAGENTO = "magento"  # asks the store's REST API, needs no broker
    DASHBOARD = "dashboard"


class Settings(BaseSettings):
    """Every setting with its meaning; units are in the names."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    # Magento (blueprint step 1)
    magento_base_url: str = Field("", description="Base URL of the store, for its REST API.")
    magento_consumer_key: SecretStr = Field(SecretStr(""), description="Integration: consumer key.")
    magento_consumer_secret: SecretStr = Field(
        SecretStr(""), description="Integration: consumer secret."
    )
    magento_access_token: SecretStr = Field(SecretStr(""), description="Integration: access token.")
    magento_access_token_secret: SecretStr = Field(
        SecretStr(""), description="Integration: access token secret."
    )
    magento_webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="HMAC key of the webhooks. Several, separated by commas, are all accepted: "
        "add the new one, switch the store, remove the old one.",
    )
    mageos_verification_token: SecretStr = Field(
        SecretStr(""),
        description="HMAC key of mage-os async events, as MAGENTO_WEBHOOK_SECRET; the token that "
        "`orderstream magento subscribe` puts into its subscriptions.",
    )
    adobe_webhooks_public_key_path: Path | None = Field(
        None,
        description="PEM file of the store's public key for Adobe Commerce Webhooks; two in one "
        "file are both accepted.",
    )
    adobe_events_client_id: str = Field(
        "", description="Client ID of the project in Adobe's console that I/O Events are for."
    )
    magento_instance: str = Field(
        "", description="Prefix of order keys (`<instance>:<increment_id>`) with several stores."
    )

    magento_auth: Literal["oauth", "bearer"] = Field(
        "oauth",
        description="oauth: every call is signed (OAuth 1.0a). bearer: the access token alone, "
        "which the store allows only with oauth/consumer/enable_integration_as_bearer.",
    )
    magento_rest_path: str = Field(
        "/rest/all/V1", description="Where REST begins below the base URL; Adobe's SaaS: /V1."
    )
    magento_insecure_url: str = Field(
        "", description="Allow this one http address as MAGENTO_BASE_URL: simulators only."
    )
    magento_calls_per_second: float = Field(
        4.0, gt=0, description="Calls per second to the store's REST API, per process."
    )
    magento_page_size: int = Field(
        100, ge=1, le=300, description="Orders or customers of one REST call."
    )
    magento_timeout_seconds: float = Field(
        30.0, gt=0, description="Deadline of one call to the store's REST API."
    )
    magento_overlap_seconds: float = Field(
        300.0,
        ge=0,
        description="How long a checkout's transaction may take: a read of recent changes looks "
        "at this much again, because what commits late is older than what was read.",
    )
    magento_enrich: bool = Field(
        False,
        description="Complete events that carry only an id, or that were sent before the store's "
        "commit, by its REST API; on or off.",
    )

    # Salesforce (blueprint step 1)
    salesforce_client_id: SecretStr = Field(SecretStr(""), description="Consumer key of the app.")
    salesforce_client_secret: SecretStr = Field(
        SecretStr(""), description="Consumer secret: web-server and client-credentials flows only."
    )
    salesforce_username: str = Field("", description="User that the JWT flow acts as.")
    salesforce_private_key_path: Path | None = Field(
        None, description="PEM file of the private key that signs the JWT assertion."
    )
    salesforce_login_url: str = Field(
        "https://login.salesforce.com",
        description="Token host: login.salesforce.com, test.salesforce.com or your My Domain.",
    )
    salesforce_api_version: str = Field("v58.0", description="REST API version, e.g. v58.0.")
    salesforce_auth_flow: Literal["jwt", "web", "client_credentials"] = Field(
        "jwt",
        description="jwt (default), web (refresh token of `orderstream login`) or "
        "client_credentials.",
    )
    salesforce_refresh_token_path: Path = Field(
        Path(".orderstream/refresh_token"), description="Where `orderstream login` keeps its token."
    )
    salesforce_insecure_url: str = Field(
        "", description="Allow this one http address as login and instance URL: simulators only."
    )
    salesforce_calls_per_second: float = Field(
        10.0, gt=0, description="Calls per second of the whole org share; divided over workers."
    )
    salesforce_concurrency: int = Field(
        5, ge=1, le=25, description="Most calls in flight per worker; adapts downwards."
    )
    salesforce_concurrency_min: int = Field(
        1, ge=1, le=25, description="Least calls in flight per worker, however slow Salesforce is."
    )
    salesforce_timeout_seconds: float = Field(
        60.0, gt=0, description="Deadline of one Salesforce call."
    )
    salesforce_daily_share: float = Field(
        0.8, gt=0, le=1, description="Share of the org's daily API calls that orderstream may use."
    )
    salesforce_auth_probe_seconds: float = Field(
        60.0,
        gt=0,
        description="Pause between logins while Salesforce refuses them, jittered; grows to five "
        "times this.",
    )
    salesforce_compress_requests: bool = Field(
        False, description="Send request bodies gzipped: less traffic for more CPU."
    )
    salesforce_allow_duplicates: bool = Field(
        False,
        description="Send Sforce-Duplicate-Rule-Header: allowSave=true, so that duplicate rules "
        "whose action is Alert let records pass.",
    )
    salesforce_bulk_threshold_events: int = Field(
        50_000, ge=0, description="Backlog from which Bulk API 2.0 is used; 0 = never."
    )
    salesforce_stale_guard: Literal["auto", "on", "off"] = Field(
        "auto", description="Send Magento_Updated_At__c: auto = when describe shows the field."
    )
    breaker_failures: int = Field(
        5, ge=1, description="Consecutive system failures that open the circuit breaker."
    )
    breaker_probe_seconds: float = Field(
        15.0, gt=0, description="Pause before a half-open probe, jittered."
    )
    breaker_dead_letter_after_seconds: float = Field(
        0.0,
        ge=0,
        description="Move events to the DLQ when the breaker was open this long; "
        "0 = never (lag grows instead).",
    )

    # Kafka
    kafka_bootstrap_servers: str = Field("", description="host:port[,host:port].")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="As Kafka's security.protocol."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="SASL mechanism."
    )
    kafka_sasl_username: str = Field("", description="SASL user.")
    kafka_sasl_password: SecretStr = Field(SecretStr(""), description="SASL password.")
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

    # Ingress
    ingress_senders: str = Field(
        Sender.HMAC.value,
        description="Who may post, separated by commas: hmac, module, mageos, adobe_webhooks, "
        "adobe_events. Each needs its secret or key, see docs/senders.md.",
    )
    ingress_replay_window_seconds: float = Field(
        300.0,
        gt=0,
        description="A time in a signature (module) may be this far off our clock, either way.",
    )
    ingress_also_take: str = Field(
        "",
        description="Events that are ignored otherwise, separated by commas: customer_deleted, "
        "subscriber. Your mapping file needs rules for them.",
    )
    ingress_host: str = Field("127.0.0.1", description="Address the ingress listens on.")
    ingress_port: int = Field(8080, ge=0, le=65535, description="0 = any free port.")
    ingress_max_body_bytes: int = Field(5 * 1024 * 1024, gt=0, description="Over it: 413.")
    ingress_request_timeout_seconds: float = Field(
        10.0, gt=0, description="Deadline of a whole request, slow senders included."
    )
    ingress_publish_timeout_seconds: float = Field(
        5.0, gt=0, description="Without a broker ack within it: 503 with Retry-After."
    )
    ingress_keepalive_seconds: float = Field(
        75.0, gt=0, description="An idle connection is kept this long; more than your proxy's."
    )
    ingress_max_in_flight: int = Field(
        1000, ge=1, description="Most publishes awaiting an ack, per process. Over it: 503."
    )
    ingress_max_held_bytes: int = Field(
        128 * 1024 * 1024,
        gt=0,
        description="Most body bytes in memory, per process. Over it: 503.",
    )
    ingress_max_connections: int = Field(
        2000,
        ge=1,
        description="Most connections, per process. Over it the one that has waited longest "
        "without a complete request is cut.",
    )
    ingress_drain_notice_seconds: float = Field(
        0.0,
        ge=0,
        description="On SIGTERM /readyz says 503 this long before the port closes, "
        "for load balancers that need notice.",
    )

    # Worker and relay
    worker_id: str = Field(
        default_factory=socket.gethostname, description="Name in results, logs and metrics."
    )
    worker_count: int = Field(
        1, ge=1, description="How many workers share the Salesforce limits of this org."
    )
    worker_batch_max_events: int = Field(1000, ge=1, description="Most events of one batch.")
    worker_linger_seconds: float = Field(
        0.2, gt=0, description="How long a batch waits to fill at a trickle."
    )
    worker_linger_max_seconds: float = Field(
        10.0, gt=0, description="The linger grows up to this as the daily API budget shrinks."
    )
    worker_stop_deadline_seconds: float = Field(
        25.0, gt=0, description="SIGTERM ends the worker within this time, whatever it is doing."
    )
    worker_stall_seconds: float = Field(
        300.0,
        gt=0,
        description="No progress for this long while there is lag: the watchdog ends "
        "the worker so that its supervisor restarts it.",
    )
    status_host: str = Field("127.0.0.1", description="Address of /livez, /readyz and /metrics.")
    status_port: int = Field(0, ge=0, le=65535, description="Worker and relay; 0 = any free port.")
    state_directory: Path = Field(
        Path(".orderstream"), description="Local files: caches and job cursors; safe to delete."
    )
    mapping_file: Path | None = Field(
        None, description="Your mapping.yaml; the shipped default when empty."
    )
    retry_delays: Annotated[tuple[int, ...], NoDecode] = Field(
        (30, 120, 600, 3600),
        description="Retry tiers, e.g. `30s,2m,10m,1h`; the length is the limit of attempts.",
    )
    debounce_seconds: float = Field(
        0.0, ge=0, description="Wait this long for an order to settle; 0 = off, 2 is a good value."
    )
    debounce_max_seconds: float = Field(
        10.0, ge=0, description="A debounced order is never delayed longer than this."
    )

    # Dashboard
    dashboard_host: str = Field("127.0.0.1", description="Address the dashboard listens on.")
    dashboard_port: int = Field(8081, ge=0, le=65535, description="0 = any free port.")
    dashboard_public_url: str = Field(
        "",
        description="How browsers reach it behind a proxy, e.g. https://orderstream.example.com: "
        "forms must come from there, and with https the session cookie is Secure. Empty: as asked.",
    )
    dashboard_operator_password: SecretStr = Field(
        SecretStr(""), description="Lets people in who may requeue, replay, edit, drop and unmask."
    )
    dashboard_reader_password: SecretStr = Field(
        SecretStr(""), description="Lets people in who may look. Empty: nobody may only look."
    )
    dashboard_session_hours: float = Field(
        12.0, gt=0, le=168, description="A login ends after this long."
    )
    dashboard_metrics_urls: str = Field(
        "",
        description="`/metrics` of workers, relay and ingress, separated by commas: breaker, "
        "concurrency, API budget and alerts are read there.",
    )
    dashboard_window_days: float = Field(
        7.0,
        gt=0,
        description="The dashboard's balance counts the events of this many days, one byte each.",
    )

    # Operations
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    log_format: Literal["json", "console"] = Field("json", description="json, or console to read.")
    tracing_otlp_endpoint: str = Field(
        "",
        description="OpenTelemetry collector (OTLP over HTTP), e.g. http://127.0.0.1:4318: traces "
        "from webhook to Salesforce call. Needs the extra: pip install 'orderstream[otel]'.",
    )
    tracing_sample_ratio: float = Field(
        1.0, gt=0, le=1, description="This part of the webhooks is traced, each of them whole."
    )
    alert_webhook_url: SecretStr = Field(
        SecretStr(""), description="Slack-compatible webhook for alerts."
    )
    alert_repeat_seconds: float = Field(
        14_400.0, gt=0, description="The webhook is told again of an alert that is still active."
    )
    alert_dead_letters: int = Field(
        10, ge=1, description="This many new dead letters within the window are an alert."
    )
    alert_dead_letters_window_seconds: float = Field(
        600.0, gt=0, description="The window of ALERT_DEAD_LETTERS."
    )
    audit_grace_seconds: float = Field(
        900.0, ge=0, description="Events without outcome older than this fail the audit."
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

    @field_validator("ingress_senders")
    @classmethod
    def _senders(cls, value: str) -> str:
        if not names_in(value):
            raise ValueError(f"names no sender; known are {', '.join(Sender)}")
        return checked_names(value, Sender)

    @field_validator("ingress_also_take")
    @classmethod
    def _extras(cls, value: str) -> str:
        return checked_names(value, Extra)

    @field_validator("salesforce_api_version")
    @classmethod
    def _version(cls, value: str) -> str:
        if not re.fullmatch(r"v\d+\.0", value):
            raise ValueError("write it like v58.0")
        return value

    @property
    def topics(self) -> Topics:
        """The topic names of this installation."""
        return Topics(self.kafka_topic_prefix, self.retry_delays)

    @property
    def worker_group(self) -> str:
        """Consumer group of the agents (also the Faust app id)."""
        return f"{self.kafka_topic_prefix}orderstream"

    @property
    def relay_group(self) -> str:
        """Consumer group of the retry relay."""
        return f"{self.kafka_topic_prefix}orderstream-relay"

    @property
    def metrics_urls(self) -> tuple[str, ...]:
        """Where the dashboard reads the metrics of the other processes."""
        return tuple(
            url for part in self.dashboard_metrics_urls.split(",") if (url := part.strip())
        )

    @property
    def senders(self) -> tuple[Sender, ...]:
        """Who may post events."""
        return tuple(Sender(name) for name in names_in(self.ingress_senders))

    @property
    def also_taken(self) -> tuple[Extra, ...]:
        """The events that are taken beside orders and customers."""
        return tuple(Extra(name) for name in names_in(self.ingress_also_take))

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The active webhook secrets, in the order they are written."""
        return _parts(self.magento_webhook_secret)

    @property
    def mageos_tokens(self) -> tuple[str, ...]:
        """The active verification tokens of mage-os subscriptions."""
        return _parts(self.mageos_verification_token)


def _parts(secret: SecretStr) -> tuple[str, ...]:
    return tuple(part.strip() for part in secret.get_secret_value().split(",") if part.strip())


def load_settings(*roles: Role, env_file: str | Path | None = ".env", **overrides: Any) -> Settings:
    """Return checked settings for the given roles.

    `overrides` (field names) win over the environment. Raises SettingsError naming every missing
    or bad setting at once.
    """
    problems: list[str] = []
    try:
        settings = Settings(_env_file=env_file, **overrides)
    except ValidationError as error:
        problems = [_bad(item) for item in error.errors()]
        # What is missing is named beside what is bad, so go on with the defaults of the bad ones.
        bad = {str(item["loc"][0]).lower() for item in error.errors()}
        fields = {name: field for name, field in Settings.model_fields.items() if name in bad}
        defaults = {
            name: field.get_default(call_default_factory=True) for name, field in fields.items()
        }
        settings = Settings(_env_file=env_file, **{**overrides, **defaults})
    named = {line.partition(":")[0] for line in problems}
    for role in roles:
        missing = [line for line in _missing(settings, role) if line not in problems]
        problems += [line for line in missing if line.partition(":")[0] not in named]
    if problems:
        raise SettingsError(problems)
    return settings


def _bad(item: ErrorDetails) -> str:
    name = ".".join(str(part) for part in item["loc"]).upper()
    return f"{name}: {item['msg'].removeprefix('Value error, ')}"


def _missing(settings: Settings, role: Role) -> list[str]:
    problems = []
    if role not in (Role.SALESFORCE, Role.MAGENTO) and not settings.kafka_bootstrap_servers:
        problems.append("KAFKA_BOOTSTRAP_SERVERS: missing; set host:port of your Kafka")
    if role is Role.INGRESS:
        problems += _sender_problems(settings)
    if role in (Role.WORKER, Role.SALESFORCE):
        problems += _salesforce_problems(settings)
    if role is Role.DASHBOARD:
        problems += _dashboard_problems(settings)
    if role is Role.MAGENTO or (role is Role.WORKER and settings.magento_enrich):
        problems += _magento_problems(settings)
    return problems


def _magento_problems(settings: Settings) -> list[str]:
    url = settings.magento_base_url
    insecure = settings.magento_insecure_url
    is_simulator = bool(insecure) and url.rstrip("/") == insecure.rstrip("/")
    problems = []
    if not url:
        problems.append(
            "MAGENTO_BASE_URL: missing; the store's address, e.g. https://shop.example.com"
        )
    elif not url.startswith("https://") and not is_simulator:
        problems.append(
            "MAGENTO_BASE_URL: must begin with https://; for a simulator set "
            "MAGENTO_INSECURE_URL to the same address"
        )
    names = ["magento_access_token"]
    if settings.magento_auth == "oauth":
        names += ["magento_consumer_key", "magento_consumer_secret", "magento_access_token_secret"]
    return problems + [
        f"{name.upper()}: missing; System > Integrations in the store's admin shows it"
        for name in names
        if not getattr(settings, name).get_secret_value()
    ]


def _sender_problems(settings: Settings) -> list[str]:
    """Return what the senders that are on lack; none is on without its secret or key."""
    senders = settings.senders
    problems = []
    if Sender.HMAC in senders or Sender.MODULE in senders:
        problems += secret_problems("MAGENTO_WEBHOOK_SECRET", settings.webhook_secrets)
    if Sender.MAGEOS in senders:
        problems += secret_problems("MAGEOS_VERIFICATION_TOKEN", settings.mageos_tokens)
    if Sender.ADOBE_WEBHOOKS in senders:
        problems += _public_key_problems(settings.adobe_webhooks_public_key_path)
    if Sender.ADOBE_EVENTS in senders and not settings.adobe_events_client_id:
        problems.append(
            "ADOBE_EVENTS_CLIENT_ID: missing; the client ID of your project in Adobe's console"
        )
    return problems


def _public_key_problems(path: Path | None) -> list[str]:
    name = "ADOBE_WEBHOOKS_PUBLIC_KEY_PATH"
    if path is None:
        return [f"{name}: missing; PEM file of the key that the store's webhook settings show"]
    from stream.signatures.rsa import public_keys  # noqa: PLC0415 - slow, and few need it

    try:
        public_keys(path.read_bytes())
    except OSError as error:
        return [f"{name}: cannot be read: {path}: {error.strerror}"]
    except ValueError as error:
        return [f"{name}: {path} {error}"]
    return []


def _dashboard_problems(settings: Settings) -> list[str]:
    operator = settings.dashboard_operator_password.get_secret_value()
    reader = settings.dashboard_reader_password.get_secret_value()
    problems = secret_problems("DASHBOARD_OPERATOR_PASSWORD", (operator,) if operator else ())
    if reader:
        problems += secret_problems("DASHBOARD_READER_PASSWORD", (reader,))
    if reader and reader == operator:
        problems.append("DASHBOARD_READER_PASSWORD: is the operators' password; take another")
    return problems


def _salesforce_problems(settings: Settings) -> list[str]:
    flow = settings.salesforce_auth_flow
    problems = []
    if not settings.salesforce_client_id.get_secret_value():
        problems.append("SALESFORCE_CLIENT_ID: missing; the consumer key of your Salesforce app")
    if flow == "jwt":
        if not settings.salesforce_username:
            problems.append("SALESFORCE_USERNAME: missing; the user the JWT flow acts as")
        path = settings.salesforce_private_key_path
        if path is None:
            problems.append("SALESFORCE_PRIVATE_KEY_PATH: missing; PEM file of the JWT key")
        elif not path.is_file():
            problems.append(f"SALESFORCE_PRIVATE_KEY_PATH: no such file: {path}")
    elif not settings.salesforce_client_secret.get_secret_value():
        problems.append(f"SALESFORCE_CLIENT_SECRET: missing; the {flow} flow needs it")
    return problems


def secret_problems(name: str, secrets: tuple[str, ...]) -> list[str]:
    """Return what is wrong with secrets: none, sample or short ones. Never prints one."""
    if not secrets:
        return [f"{name}: missing; make one with `openssl rand -hex 32`"]
    problems = []
    for position, secret in enumerate(secrets, start=1):
        which = f"{name}" if len(secrets) == 1 else f"{name} (number {position})"
        if any(sample in secret.lower() for sample in SAMPLE_SECRETS):
            problems.append(f"{which}: is a sample value; make one with `openssl rand -hex 32`")
        elif len(secret) < MIN_SECRET_CHARACTERS:
            problems.append(
                f"{which}: has {len(secret)} characters, needs at least {MIN_SECRET_CHARACTERS}"
            )
    return problems
