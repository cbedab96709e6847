"""Secrets come by value or by file, and a file is read with care."""

from __future__ import annotations

import os

import pytest

from stream.config import Role, load_settings, secret_fields
from stream.errors import SettingsError

SECRET = "3f9c1be27a60d84e95b1c7d2408f6ae3"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o444)  # as Docker mounts it
    return path


@pytest.mark.parametrize("name", secret_fields())
def test_every_secret_may_come_by_file(name, file, monkeypatch) -> None:
    secret = f"https://hooks.example.com/{SECRET}" if name.endswith("_url") else SECRET
    file.chmod(0o600)
    file.write_text(f"{secret}\n")
    monkeypatch.setenv(f"{name.upper()}_FILE", str(file))
    settings = load_settings(env_file=None)
    assert getattr(settings, name).get_secret_value() == secret


def problems(**overrides) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(Role.INGRESS, env_file=None, kafka_bootstrap_servers="x:1", **overrides)
    return caught.value.problems


def test_both_ways_are_one_too_many(file, monkeypatch) -> None:
    monkeypatch.setenv("MAGENTO_WEBHOOK_SECRET_FILE", str(file))
    monkeypatch.setenv("MAGENTO_WEBHOOK_SECRET", SECRET)
    said = problems()
    assert "give one of them" in " ".join(said)
    assert SECRET not in " ".join(said)


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"", 0o600, "is empty"),
        (SECRET.encode(), 0o666, "others may write"),
        (b"\xff\xfe", 0o600, "is no text"),
        (b"a" * 100_000, 0o600, "is larger than"),
        (SECRET.encode() + b"\n" + SECRET.encode(), 0o600, "more than one line"),
        (SECRET.encode() + b"\0", 0o600, "nobody sees"),
        ("\u200b".encode() + SECRET.encode(), 0o600, "nobody sees"),
    ],
)
def test_a_file_that_is_no_secret_is_named(content, mode, said, file, monkeypatch) -> None:
    file.chmod(0o600)
    file.write_bytes(content)
    file.chmod(mode)
    monkeypatch.setenv("MAGENTO_WEBHOOK_SECRET_FILE", str(file))
    assert any(said in line and "MAGENTO_WEBHOOK_SECRET_FILE" in line for line in problems())


def test_a_mark_before_the_text_is_no_part_of_it(file, monkeypatch) -> None:
    file.chmod(0o600)
    file.write_bytes(b"\xef\xbb\xbf" + SECRET.encode() + b"\r\n")
    monkeypatch.setenv("MAGENTO_WEBHOOK_SECRET_FILE", str(file))
    assert load_settings(env_file=None).magento_webhook_secret.get_secret_value() == SECRET


def test_a_pipe_that_nobody_writes_to_does_not_keep_the_start_waiting(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("MAGENTO_WEBHOOK_SECRET_FILE", str(tmp_path / "pipe"))
    assert any("is no file" in line for line in problems())


def test_a_secret_given_in_place_of_its_file_is_not_told(monkeypatch) -> None:
    for given in (SECRET, f"/{SECRET}/{SECRET}", SECRET * 300):
        monkeypatch.setenv("MAGENTO_WEBHOOK_SECRET_FILE", given)
        said = " ".join(problems())
        assert "MAGENTO_WEBHOOK_SECRET_FILE" in said
        assert SECRET not in said


def test_a_missing_file_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MAGENTO_WEBHOOK_SECRET_FILE", str(tmp_path / "none"))
    assert any("No such file" in line for line in problems())


def test_a_line_of_the_env_file_may_name_the_secrets_file(file, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("MAGENTO_WEBHOOK_SECRET_FILE", raising=False)
    lines = tmp_path / "env"
    lines.write_text(f"MAGENTO_WEBHOOK_SECRET_FILE={file}\n")
    settings = load_settings(env_file=lines)
    assert settings.magento_webhook_secret.get_secret_value() == SECRET
    lines.write_text(f"MAGENTO_WEBHOOK_SECRET_FILE={file}\nMAGENTO_WEBHOOK_SECRET={SECRET}\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(env_file=lines)
    assert "give one of them" in " ".join(caught.value.problems)


@pytest.mark.parametrize(
    "name", ["salesforce_private_key_path", "salesforce_refresh_token_path", "kafka_ssl_key_path"]
)
def test_a_key_file_that_others_may_write_stops_the_start(name, file) -> None:
    file.chmod(0o664)
    said = problems(**{name: file})
    assert any(line.startswith(name.upper()) and "others may write" in line for line in said)
    assert SECRET not in " ".join(said)
    file.chmod(0o440)
    assert not any("others may write" in line for line in problems(**{name: file}))
