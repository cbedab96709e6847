"""What editors, shells and platforms put around a value is no part of it, or is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.config import Role, Settings, load_settings
from stream.errors import SettingsError

LINES = (
    "KAFKA_BOOTSTRAP_SERVERS=kafka:9092\nMAGENTO_WEBHOOK_SECRET=4f9c3b7d1e8a5f2067c4b1d9e3a7f508\n"
)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("text", ["abc\n", "abc\r\n", " abc ", "\tabc"])
def test_a_line_end_is_no_part_of_a_value(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """`echo abc | base64` in a Secret: every event was for another client, and Adobe drops a 401."""
    monkeypatch.setenv("ADOBE_EVENTS_CLIENT_ID", text)
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", text)
    settings = load_settings(env_file=None)
    assert settings.adobe_events_client_id == "abc"
    assert settings.kafka_sasl_password.get_secret_value() == "abc"


@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_that_docker_keeps_are_named_and_the_value_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, quote: str
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"{quote}kafka:9092{quote}")
    monkeypatch.setenv("MAGENTO_WEBHOOK_SECRET", f"{quote}4f9c3b7d1e8a5f2067c4b1d9{quote}")
    with pytest.raises(SettingsError) as caught:
        load_settings(Role.INGRESS, env_file=None)
    names = [line.partition(":")[0] for line in caught.value.problems]
    assert sorted(names) == ["KAFKA_BOOTSTRAP_SERVERS", "MAGENTO_WEBHOOK_SECRET"]
    assert all("quotes around it" in line for line in caught.value.problems)
    assert "4f9c" not in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        LINES.encode("utf-8-sig"),
        LINES.replace("\n", "\r\n").encode(),
        LINES.replace("=", "='").replace("\n", "'\n").encode(),
        LINES.replace("=", " = ").encode(),
    ],
    ids=["BOM", "CRLF", "quotes", "blanks"],
)
def test_a_file_may_be_written_by_any_editor(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / ".env").write_bytes(raw)
    settings = load_settings(Role.INGRESS, env_file=tmp_path / ".env")
    assert settings.kafka_bootstrap_servers == "kafka:9092"


@pytest.mark.parametrize(
    "raw", [LINES.encode("utf-16"), f"# Schlüssel\n{LINES}".encode("latin-1")], ids=["16", "latin"]
)
def test_a_file_in_another_encoding_is_named_with_the_fix(tmp_path: Path, raw: bytes) -> None:
    """Every command ended with `uncaught_exception UnicodeDecodeError` and named no file."""
    (tmp_path / ".env").write_bytes(raw)
    with pytest.raises(SettingsError, match=r"\.env: is not UTF-8; save it again as UTF-8"):
        load_settings(Role.INGRESS, env_file=tmp_path / ".env")


@pytest.mark.parametrize(
    "servers",
    [
        *("kafka:port", "kafka:99999", "kafka:0", "http://kafka:9092", "PLAINTEXT://kafka:9092"),
        *("kafka:9092;kafka:9093", "kafka 9092", "kafka..example.com:9092", f"{'a' * 64}:9092"),
        *("user@kafka:9092", "kafka:9092/topic", "[::1", ","),
    ],
)
def test_an_address_of_a_broker_that_is_none_is_named(servers: str) -> None:
    """The ingress listened, answered 503 to everybody and logged nothing; the relay left a trace."""
    with pytest.raises(SettingsError, match=r"KAFKA_BOOTSTRAP_SERVERS: .*host:port"):
        load_settings(env_file=None, kafka_bootstrap_servers=servers)


@pytest.mark.parametrize(
    "servers",
    ["kafka", "kafka_1:9092", "10.0.0.1:9092,b-1.msk.example.com:9098", "[::1]:9092", "k.:9092"],
)
def test_addresses_of_brokers_are_taken(servers: str) -> None:
    settings = load_settings(env_file=None, kafka_bootstrap_servers=servers)
    assert settings.kafka_bootstrap_servers == servers


def test_what_java_clients_overlook_in_a_list_of_brokers_is_overlooked() -> None:
    settings = load_settings(env_file=None, kafka_bootstrap_servers=" a:9092 , b:9092,")
    assert settings.kafka_bootstrap_servers == "a:9092,b:9092"


@pytest.mark.parametrize("prefix", ["my shop.", "shop/", "läden.", "x" * 200])
def test_a_prefix_that_no_topic_can_have_is_named(prefix: str) -> None:
    with pytest.raises(SettingsError, match="KAFKA_TOPIC_PREFIX: "):
        load_settings(env_file=None, kafka_topic_prefix=prefix)


def test_a_body_that_is_allowed_but_never_fits_is_named() -> None:
    """It was a 503 each time, which the store repeats for ever."""
    sizes = {"ingress_max_body_bytes": 2_000_000, "ingress_max_held_bytes": 1_000_000}
    with pytest.raises(SettingsError, match=r"INGRESS_MAX_HELD_BYTES: .*INGRESS_MAX_BODY_BYTES"):
        load_settings(Role.INGRESS, env_file=None, **sizes)


@pytest.mark.parametrize("url", ["orderstream.example.com", "ops.example:443", "https:/x", "//x"])
def test_a_public_url_that_is_none_is_named(url: str) -> None:
    """It counted as not set: every form was refused with the advice to set it."""
    with pytest.raises(SettingsError, match=r"DASHBOARD_PUBLIC_URL: .*https://"):
        load_settings(env_file=None, dashboard_public_url=url)


@pytest.mark.parametrize("url", ["hooks.example.com/T0/B0/x", "ftp://hooks.example.com/x"])
def test_an_alert_webhook_that_is_none_is_named_and_not_shown(url: str) -> None:
    """Every alert was lost, one by one, with a line in the log."""
    with pytest.raises(SettingsError, match=r"ALERT_WEBHOOK_URL: .*https://") as caught:
        load_settings(env_file=None, alert_webhook_url=url)
    assert "hooks" not in str(caught.value)
