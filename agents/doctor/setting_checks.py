"""Judges settings: each for itself is checked when it is loaded, here it is how they fit. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr

from agents.doctor.check import Check, CheckResult, fail, judged, ok, warn
from schemas.identity import OrderKey
from stream.config import Settings
from stream.settings.kafka import KafkaSettings
from stream.settings.magento import MagentoSettings
from stream.settings.salesforce import SalesforceSettings
from stream.topics import DAY_MS

MIN_DISTINCT_CHARACTERS = 8
CALLS_AGAIN = 2.0  # a batch may repeat a call that was cut
RETENTION_DAYS = 7  # of the retry tiers, `stream.topics`
PRODUCTION_REPLICAS = 3


def problem_checks(problems: Sequence[str]) -> list[Check]:
    """Return one failed check per line of a SettingsError: `NAME: what; how to cure it`."""
    checks = []
    for line in problems:
        detail, _, fix = line.partition("; ")
        checks.append(fail("settings", detail, fix or "see docs/settings.md"))
    return checks or [ok("settings", "all that these processes need is set")]


def check_settings(settings: Settings) -> Iterator[Check]:
    """Yield what is to say about settings that are valid one by one."""
    yield _weak_secrets(settings)
    yield _reused_secrets(settings)
    yield _addresses(settings)
    yield _kafka_security(settings)
    yield _replication(settings)
    yield _deadlines(settings)
    yield _concurrency(settings)
    yield _retry_delays(settings)
    yield _workers(settings)
    yield _identity(settings)
    yield _signing(settings)
    yield from _salesforce(settings)


def _identity(settings: MagentoSettings) -> Check:
    """Say which key is in use, and whether it has what it needs."""
    rule = settings.identity
    by_website = OrderKey.WEBSITE in (rule.order_key, rule.customer_key)
    if by_website and not rule.websites:
        return warn(
            "identity",
            "keys are qualified by website, and MAGENTO_STORE_WEBSITES is empty",
            "name the website of each store view, <store_id>=<website_id>,…",
        )
    key = (
        "the number alone" if rule.order_key is OrderKey.NUMBER else f"{rule.order_key} and number"
    )
    return ok(
        "identity",
        f"orders are told apart by {key}; two with one key are refused, see "
        "orderstream_key_collisions_total and docs/identity.md",
    )


def _signing(settings: KafkaSettings) -> Check:
    """Say whether workers can tell an operator's doing from a stranger's."""
    if settings.operator_signing_keys:
        return ok("operator-signing", "what operators order is signed, and nothing else believed")
    return warn(
        "operator-signing",
        "OPERATOR_SIGNING_KEY is missing: workers believe no replay, requeue, backfill or erasure",
        "make one with `openssl rand -hex 32` for workers, dashboard and commands (docs/kafka.md)",
    )


def _secrets(settings: Settings) -> dict[str, str]:
    """Return every secret by its variable, those of a list one by one."""
    secrets: dict[str, str] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr) and value.get_secret_value():
            is_list = "webhook_secret" in name or name == "operator_signing_key"
            parts = value.get_secret_value().split(",") if is_list else None
            for number, part in enumerate(parts or [value.get_secret_value()]):
                secrets[f"{name.upper()}{f' ({number + 1})' if number else ''}"] = part.strip()
    return secrets


def _weak_secrets(settings: Settings) -> Check:
    weak = [
        f"{name} repeats few characters"
        for name, value in _secrets(settings).items()
        if name.startswith(("MAGENTO_WEBHOOK", "MAGEOS", "DASHBOARD"))
        and len(set(value)) < MIN_DISTINCT_CHARACTERS
    ]
    fix = "make one with `openssl rand -hex 32`"
    return judged("secret-strength", weak, "no secret of ours is easy to guess", fix)


def _reused_secrets(settings: Settings) -> Check:
    secrets = _secrets(settings)
    counted = Counter(secrets.values())
    shared = sorted(name for name, value in secrets.items() if counted[value] > 1)
    return judged(
        "secret-reuse",
        [f"{' and '.join(shared)} are the same"] if shared else [],
        "every secret is used once",
        "give each its own: who learns one must not have the others",
        CheckResult.WARN,
    )


def _addresses(settings: Settings) -> Check:
    urls = {
        "SALESFORCE_LOGIN_URL": (settings.salesforce_login_url, settings.salesforce_insecure_url),
        "MAGENTO_BASE_URL": (settings.magento_base_url, settings.magento_insecure_url),
        "ALERT_WEBHOOK_URL": (settings.alert_webhook_url.get_secret_value(), ""),
    }
    plain = [
        f"{name} is not https"
        for name, (url, allowed) in urls.items()
        if url
        and not url.startswith("https://")
        and url.rstrip("/") != allowed.rstrip("/")
        and not is_here(urlsplit(url).hostname or "")
    ]
    fix = "write https://: tokens and personal data would travel readable"
    return judged("plain-http", plain, "nothing leaves this machine unencrypted over http", fix)


def is_here(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _brokers_elsewhere(settings: KafkaSettings) -> list[str]:
    servers = (part.strip() for part in settings.kafka_bootstrap_servers.split(","))
    return [server for server in servers if server and not is_here(server.rpartition(":")[0])]


def _kafka_security(settings: KafkaSettings) -> Check:
    elsewhere = _brokers_elsewhere(settings)
    protocol = settings.kafka_security_protocol
    if protocol == "SASL_PLAINTEXT" and elsewhere:
        detail = f"the SASL password travels readable to {', '.join(elsewhere)}"
        return fail("kafka-security", detail, "KAFKA_SECURITY_PROTOCOL=SASL_SSL")
    if protocol == "PLAINTEXT" and elsewhere:
        detail = f"orders travel readable to {', '.join(elsewhere)}, and anybody may write there"
        fix = "KAFKA_SECURITY_PROTOCOL=SASL_SSL, unless the network is yours alone"
        return warn("kafka-security", detail, fix)
    return ok("kafka-security", protocol)


def _replication(settings: KafkaSettings) -> Check:
    copies = settings.kafka_replication_factor
    if copies < PRODUCTION_REPLICAS and _brokers_elsewhere(settings):
        detail = f"every event has {copies} {'copy' if copies == 1 else 'copies'}"
        fix = "with three brokers: KAFKA_REPLICATION_FACTOR=3, before `orderstream topics apply`"
        return warn("replication", f"{detail}: a lost disk is lost orders", fix)
    return ok("replication", f"KAFKA_REPLICATION_FACTOR={copies}")


def _deadlines(settings: Settings) -> Check:
    problems = []
    if settings.ingress_publish_timeout_seconds >= settings.ingress_request_timeout_seconds:
        problems.append(
            "INGRESS_PUBLISH_TIMEOUT_SECONDS is not below INGRESS_REQUEST_TIMEOUT_SECONDS: "
            "requests are cut before they are told 503"
        )
    if settings.worker_stall_seconds <= CALLS_AGAIN * settings.salesforce_timeout_seconds:
        problems.append(
            "WORKER_STALL_SECONDS is not above twice SALESFORCE_TIMEOUT_SECONDS: the watchdog "
            "would end workers that only wait"
        )
    if settings.debounce_seconds > settings.debounce_max_seconds:
        problems.append("DEBOUNCE_SECONDS is above DEBOUNCE_MAX_SECONDS")
    return judged("deadlines", problems, "fit each other", "raise the one or lower the other")


def _concurrency(settings: SalesforceSettings) -> Check:
    least, most = settings.salesforce_concurrency_min, settings.salesforce_concurrency
    problem = f"SALESFORCE_CONCURRENCY_MIN is {least}, SALESFORCE_CONCURRENCY {most}"
    return judged(
        "concurrency",
        [problem] if least > most else [],
        f"{least} to {most} calls in flight",
        "SALESFORCE_CONCURRENCY_MIN must not be the larger one",
    )


def _retry_delays(settings: KafkaSettings) -> Check:
    longest = max(settings.retry_delays)
    problem = f"RETRY_DELAYS waits {longest / 86400:.1f} days, Kafka keeps what waits for a week"
    return judged(
        "retry-delays",
        [problem] if longest * 1000 >= RETENTION_DAYS * DAY_MS else [],
        f"{len(settings.retry_delays)} tiers",
        "shorten the last delay: events would be deleted while they wait",
    )


def _workers(settings: Settings) -> Check:
    workers, partitions = settings.worker_count, settings.kafka_partitions
    problem = f"WORKER_COUNT is {workers}, with {partitions} partitions {workers - partitions} idle"
    return judged(
        "worker-count",
        [problem] if workers > partitions else [],
        f"{partitions} partitions and the Salesforce limits, shared by WORKER_COUNT={workers}",
        f"run {partitions} workers at most, or start anew with more KAFKA_PARTITIONS",
        CheckResult.WARN,
    )


def _salesforce(settings: Settings) -> Iterator[Check]:
    if settings.salesforce_insecure_url:
        detail = f"SALESFORCE_INSECURE_URL allows {settings.salesforce_insecure_url}"
        yield warn("salesforce-insecure", detail, "leave it empty: it is for simulators only")
    if settings.salesforce_stale_guard == "off":
        detail = "SALESFORCE_STALE_GUARD=off: a worker that was frozen may write an old state"
        yield warn("stale-guard-off", detail, "set auto, and deploy the package in salesforce/")
    if settings.magento_enrich and not settings.magento_base_url:
        detail = "MAGENTO_ENRICH is on, but MAGENTO_BASE_URL is missing"
        yield fail("magento-enrich", detail, "set the store's address and its integration's keys")
