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
