"""Settings: everything that is missing or wrong is named at once, and no secret is ever shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stream.config import Role, Settings, load_settings, secret_problems
from stream.errors import SettingsError

GOOD = "a-secret-that-is-long-enough"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def problems(*roles: Role, **values: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(*roles, env_file=None, **values)
    return caught.value.problems


def names(lines: list[str]) -> list[str]:
    return [line.partition(":")[0] for line in lines]


def test_everything_a_worker_lacks_is_named_at_once() -> None:
    assert names(problems(Role.WORKER)) == [
        "KAFKA_BOOTSTRAP_SERVERS",
        "SALESFORCE_CLIENT_ID",
        "SALESFORCE_USERNAME",
        "SALESFORCE_PRIVATE_KEY_PATH",
    ]


def test_a_process_with_two_roles_names_each_problem_once() -> None:
    lines = names(problems(Role.INGRESS, Role.WORKER))
    assert len(lines) == len(set(lines))
    assert {"MAGENTO_WEBHOOK_SECRET", "SALESFORCE_CLIENT_ID"} < set(lines)


@pytest.mark.parametrize("value", ["inf", "1e400", "60000000000"])
def test_a_duration_that_no_clock_can_wait_for_is_named_at_the_start(value: str) -> None:
    """Every call raised OverflowError, which is a bug and no outage: orders died of a setting."""
    for name in ("salesforce_timeout_seconds", "alert_repeat_seconds"):
        assert names(problems(**{name: value})) == [name.upper()]
    assert names(problems(salesforce_calls_per_second="inf")) == ["SALESFORCE_CALLS_PER_SECOND"]


def test_every_bad_value_is_named_at_once_with_what_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAFKA_PARTITIONS", "none")
    monkeypatch.setenv("INGRESS_PORT", "99999")
    monkeypatch.setenv("SALESFORCE_API_VERSION", "58")
    monkeypatch.setenv("RETRY_DELAYS", "30s,10s")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    lines = problems()
    assert set(names(lines)) == {
        "KAFKA_PARTITIONS",
        "INGRESS_PORT",
        "SALESFORCE_API_VERSION",
        "RETRY_DELAYS",
        "LOG_LEVEL",
    }
    text = "\n".join(lines)
    assert "write it like v58.0" in text
    assert "'debug', 'info'" in text


def test_a_bad_value_does_not_hide_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PARTITIONS", "none")
    assert set(names(problems(Role.INGRESS))) == {
        "KAFKA_PARTITIONS",
        "KAFKA_BOOTSTRAP_SERVERS",
        "MAGENTO_WEBHOOK_SECRET",
    }


@pytest.mark.parametrize(
    ("secret", "word"),
    [
        ("", "missing"),
        ("short", "has 5 characters"),
        ("your_magento_webhook_hmac_secret", "sample"),
        ("super_secret_key_of_sixteen", "sample"),
    ],
)
def test_a_missing_short_or_sample_secret_is_refused_and_never_printed(
    secret: str, word: str
) -> None:
    lines = secret_problems("MAGENTO_WEBHOOK_SECRET", (secret,) if secret else ())
    assert len(lines) == 1
    assert word in lines[0]
    assert not secret or secret not in lines[0]


def test_a_bad_secret_among_good_ones_is_refused() -> None:
    assert secret_problems("MAGENTO_WEBHOOK_SECRET", (GOOD, "short"))
    assert not secret_problems("MAGENTO_WEBHOOK_SECRET", (GOOD, GOOD + "2"))


def test_a_rejected_value_of_a_secret_setting_is_not_in_the_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAFKA_SASL_MECHANISM", "canary-value")
    monkeypatch.setenv("MAGENTO_WEBHOOK_SECRET", "canary-sec")
    assert "canary-sec" not in "\n".join(problems(Role.INGRESS))


def test_settings_never_show_a_secret() -> None:
    settings = load_settings(env_file=None, magento_webhook_secret=GOOD)
    assert GOOD not in repr(settings)
    assert GOOD not in str(settings.model_dump())


def test_several_webhook_secrets_are_separated_by_commas() -> None:
    settings = load_settings(env_file=None, magento_webhook_secret=f"{GOOD}, {GOOD}2 ,")
    assert settings.webhook_secrets == (GOOD, f"{GOOD}2")


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s,2m,10m,1h", (30, 120, 600, 3600)), ("1s", (1,)), ("1s, 2s", (1, 2))]
)
def test_retry_delays_are_written_with_units(
    text: str, seconds: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRY_DELAYS", text)
    assert load_settings(env_file=None).retry_delays == seconds


@pytest.mark.parametrize("text", ["30", "2m,30s", "0s", "30s,30s", "s", "1d"])
def test_retry_delays_that_make_no_sense_are_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRY_DELAYS", text)
    assert names(problems()) == ["RETRY_DELAYS"]


def test_the_environment_wins_over_the_file_and_an_override_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("KAFKA_PARTITIONS=2\nINGRESS_PORT=1111\nLOG_LEVEL=debug\n")
    monkeypatch.setenv("INGRESS_PORT", "2222")
    monkeypatch.setenv("LOG_LEVEL", "error")
    settings = load_settings(env_file=file, log_level="warning")
    assert (settings.kafka_partitions, settings.ingress_port) == (2, 2222)
    assert settings.log_level == "warning"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PARTITIONS", "")
    assert load_settings(env_file=None).kafka_partitions == 8


def test_a_private_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    lines = problems(
        Role.WORKER,
        kafka_bootstrap_servers="b:1",
        salesforce_client_id="x",
        salesforce_username="u@example.com",
        salesforce_private_key_path=tmp_path / "absent.pem",
    )
    assert lines == [f"SALESFORCE_PRIVATE_KEY_PATH: no such file: {tmp_path / 'absent.pem'}"]


def test_a_private_key_that_this_user_may_not_read_is_named_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "server.key"
    key.touch(0o400)
    monkeypatch.setattr("os.access", lambda path, mode: path != key)
    (line,) = problems(
        Role.WORKER,
        kafka_bootstrap_servers="b:1",
        salesforce_client_id="x",
        salesforce_username="u@example.com",
        salesforce_private_key_path=key,
    )
    assert f"{key} cannot be read" in line
    assert f"chown {os.geteuid()} server.key" in line


def test_a_web_flow_needs_a_client_secret_and_no_private_key() -> None:
    lines = problems(
        Role.WORKER,
        kafka_bootstrap_servers="b:1",
        salesforce_client_id="x",
        salesforce_auth_flow="web",
    )
    assert names(lines) == ["SALESFORCE_CLIENT_SECRET"]


def test_the_message_starts_with_what_to_do_and_has_a_line_per_setting() -> None:
    error = SettingsError(["A: missing", "B: bad"])
    assert str(error) == "settings are not usable:\n  A: missing\n  B: bad"


@pytest.mark.parametrize(
    ("env", "port"),
    [
        ({"PORT": "9000"}, 9000),
        ({"PORT": "9000", "INGRESS_PORT": "7000"}, 7000),
        ({"INGRESS_PORT": "7000"}, 7000),
        ({}, 8080),
    ],
)
def test_the_port_of_the_platform_is_taken_where_none_is_set(monkeypatch, env, port):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert Settings(_env_file=None).ingress_port == port


@pytest.mark.parametrize(
    "name", ["SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET", "MAGENTO_ACCESS_TOKEN"]
)
def test_a_sample_is_refused_for_every_secret(name):
    said = problems(Role.WORKER, **{name.lower(): "your_value_here"})
    named = [problem for problem in said if problem.startswith(f"{name}:")]
    assert named == [f"{name}: is a sample value; set your own"]
