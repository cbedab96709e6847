"""What each process needs: missing, sample and short settings, all named together."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from stream.sender_names import Sender
from stream.settings.every import Settings
from stream.settings.secret_files import is_writable_by_others

MIN_SECRET_CHARACTERS = 16
SAMPLE_SECRETS = ("your_", "super_secret", "changeme", "change_me", "example", "secret_key")


class Role(StrEnum):
    """Which process asks: each needs other settings."""

    INGRESS = "ingress"
    WORKER = "worker"
    RELAY = "relay"
    OPERATOR = "operator"
    SALESFORCE = "salesforce"  # asks the org, needs no broker
    MAGENTO = "magento"  # asks the store's REST API, needs no broker
    DASHBOARD = "dashboard"
    JOBS = "jobs"  # publishes what operators order


def missing_settings(settings: Settings, role: Role) -> list[str]:
    problems = _open_files(settings)
    if role not in (Role.SALESFORCE, Role.MAGENTO) and not settings.kafka_bootstrap_servers:
        problems.append("KAFKA_BOOTSTRAP_SERVERS: missing; set host:port of your Kafka")
    if settings.operator_signing_keys or role is Role.JOBS:
        problems += secret_problems("OPERATOR_SIGNING_KEY", settings.operator_signing_keys)
    if role is Role.INGRESS:
        problems += _sender_problems(settings)
    if role in (Role.WORKER, Role.SALESFORCE):
        problems += _salesforce_problems(settings)
    if role is Role.DASHBOARD:
        problems += _dashboard_problems(settings)
    if role is Role.MAGENTO or (role is Role.WORKER and settings.magento_enrich):
        problems += _magento_problems(settings)
    named = {problem.partition(":")[0] for problem in problems}
    return problems + [p for p in _samples(settings) if p.partition(":")[0] not in named]


def _open_files(settings: Settings) -> list[str]:
    """Return the key files that others may write: they would choose the key."""
    names = ("salesforce_private_key_path", "salesforce_refresh_token_path", "kafka_ssl_key_path")
    paths = {name: getattr(settings, name) for name in names}
    return [
        f"{name.upper()}: {path}: others may write this file; chmod 600 it"
        for name, path in paths.items()
        if path is not None and is_writable_by_others(path)
    ]


def _samples(settings: Settings) -> list[str]:
    """Return other people's secrets that are sample values; our own are judged where needed."""
    problems = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        is_own = name.startswith(("magento_webhook_", "mageos_", "dashboard_", "operator_"))
        if not isinstance(value, SecretStr) or is_own or name.endswith("_url"):
            continue
        if any(sample in value.get_secret_value().lower() for sample in SAMPLE_SECRETS):
            problems.append(f"{name.upper()}: is a sample value; set your own")
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
    if settings.ingress_max_held_bytes < settings.ingress_max_body_bytes:
        problems.append(
            "INGRESS_MAX_HELD_BYTES: is below INGRESS_MAX_BODY_BYTES; the largest body would be "
            "a 503 each time"
        )
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
    has_other_door = bool(settings.dashboard_oidc_issuer or settings.dashboard_proxy_user_header)
    problems = []
    if operator or not has_other_door:
        problems += secret_problems("DASHBOARD_OPERATOR_PASSWORD", (operator,) if operator else ())
    if reader:
        problems += secret_problems("DASHBOARD_READER_PASSWORD", (reader,))
    if reader and reader == operator:
        problems.append("DASHBOARD_READER_PASSWORD: is the operators' password; take another")
    return problems + (_sign_in_problems(settings) if has_other_door else [])


def _sign_in_problems(settings: Settings) -> list[str]:
    """Return what a sign-in lacks, by a provider or by a proxy."""
    problems = []
    if not settings.operator_groups:
        problems.append(
            "DASHBOARD_OPERATOR_GROUPS: missing; the groups whose members may change things"
        )
    issuer, insecure = settings.dashboard_oidc_issuer, settings.dashboard_oidc_insecure_url
    if issuer:
        is_simulator = bool(insecure) and issuer.rstrip("/") == insecure.rstrip("/")
        if not issuer.startswith("https://") and not is_simulator:
            problems.append("DASHBOARD_OIDC_ISSUER: must begin with https://")
        if not settings.dashboard_oidc_client_id:
            problems.append("DASHBOARD_OIDC_CLIENT_ID: missing; the provider shows it")
        if "openid" not in settings.dashboard_oidc_scopes.split():
            problems.append("DASHBOARD_OIDC_SCOPES: must have `openid` in it")
        if not settings.dashboard_public_url:
            problems.append("DASHBOARD_PUBLIC_URL: missing; the provider sends browsers back to it")
    if settings.dashboard_proxy_user_header and not settings.proxy_addresses:
        problems.append(
            "DASHBOARD_PROXY_ADDRESSES: missing; without it anybody could send the header"
        )
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
        elif not os.access(path, os.R_OK):
            owner = os.geteuid()
            problems.append(
                f"SALESFORCE_PRIVATE_KEY_PATH: {path} cannot be read by user {owner};"
                f" give it to that user: chown {owner} {path.name} && chmod 400 {path.name}"
            )
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
        elif is_guessable(secret):
            problems.append(f"{which}: can be guessed; make one with `openssl rand -hex 32`")
    return problems


LEAST_SURPRISES = 8
WORDS = re.compile(
    "passwor[dt]|qwertz?|qwerty(?:uiop)?|asdfgh(?:jkl)?|zxcvbn|letmein|welcome|iloveyou|"
    "admin(?:istrator)?|changeit|monkey|dragon|"
    "1q2weear(?:st6y)?(?:7u8i)?|1?qaz2?wsx(?:e?edc)?(?:a?rfv)?|zaq12wsx|tgby",  # 3, 4, 5 as below
    re.IGNORECASE,
)
SPELLED = str.maketrans("@430$5", "aaeoss")
LONGEST_PERIOD = 8
RUN = re.compile(r"[A-Za-z][a-z]{3,}|[A-Z]{4,}|(?:19|20)\d\d")
UNSPEAKABLE = re.compile("[^aeiouy]{5}", re.IGNORECASE)
VOWELS_OF_A_WORD = 0.3
OF_A_WORD = 1 / 3  # a letter of English has 2 bits, one by chance has 6


def is_guessable(secret: str) -> bool:
    """Return whether too little of a secret is a surprise, however long it is.

    A character is none if it repeats or continues what stands before it (`aaaa`, `1234`, `1357`,
    `abab`), is one of four that stood there before, or belongs to a word that every list of
    passwords begins with, also spelled like `p@ssw0rd`. Of any other word, three letters are one.
    """
    return surprises(secret) < LEAST_SURPRISES


def surprises(secret: str) -> int:
    """Return how many characters do not follow from those before them."""
    spelled = secret.translate(SPELLED)
    text, end = "", 0
    for found in WORDS.finditer(spelled):
        text, end = text + secret[end : found.start()], found.end()
    text += secret[end:]
    weights = [1.0] * len(text)
    for run in filter(_is_word, RUN.finditer(text)):
        weights[run.start() : run.end()] = [OF_A_WORD] * len(run[0])
    return round(sum(weight for at, weight in enumerate(weights) if not _follows(text, at)))


def _is_word(run: re.Match[str]) -> bool:
    """Whether letters can be spoken, or digits are a year."""
    vowels = sum(char in "aeiouyAEIOUY" for char in run[0])
    is_spoken = vowels / len(run[0]) >= VOWELS_OF_A_WORD and not UNSPEAKABLE.search(run[0])
    return run[0].isdecimal() or is_spoken


def _fours_with(at: int, length: int) -> range:
    """Return where the four characters begin that one of them is part of."""
    return range(max(0, at - 3), min(at, length - 4) + 1)


def _follows(text: str, at: int) -> bool:
    if at == 0:
        return False
    step = ord(text[at]) - ord(text[at - 1])
    if abs(step) <= 1 or (text[at - 1], text[at]) in {("9", "0"), ("0", "9")}:
        return True
    if any(text[start : start + 4] in text[: start + 3] for start in _fours_with(at, len(text))):
        return True
    is_steady = at > 1 and step == ord(text[at - 1]) - ord(text[at - 2])
    if is_steady and abs(step) < 4:  # noqa: PLR2004 - `1357`
        return True
    # A period counts from its second round on: one letter twice is chance.
    return any(
        at >= 2 * period - 1
        and text[at - period + 1 : at + 1] == text[at - 2 * period + 1 : at - period + 1]
        for period in range(2, LONGEST_PERIOD + 1)
    )
