"""Misconfigurations of settings, files, versions and topics: each is found, by name."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.doctor_facts import GOOD, SECRET, found, make

from agents.doctor.check import CheckResult, exit_code, fail, ok, skipped, warn
from agents.doctor.examine import settings_in_force
from agents.doctor.machine_checks import check_machine, parts
from agents.doctor.machine_facts import MachineFacts, gather_machine
from agents.doctor.setting_checks import check_settings, is_here, problem_checks
from agents.doctor.store_check import role_problems, settings_check
from sandbox.salesforce.keys import make_key_pair
from stream.config import Role, Settings

ROLES = (Role.INGRESS, Role.WORKER, Role.RELAY)


@pytest.fixture(scope="module")
def key_to_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key_pair(tmp_path_factory.mktemp("keys"))[0]


@pytest.fixture
def key(key_to_copy: Path, tmp_path: Path) -> Path:
    """A private key of this test's own."""
    return shutil.copy(key_to_copy, tmp_path / "server.key")


# Settings -----------------------------------------------------------------------------------------


def test_good_settings_have_nothing_to_say() -> None:
    assert found(list(check_settings(make()))) == {}


@pytest.mark.parametrize(
    ("name", "result", "changes"),
    [
        ("secret-strength", "fail", {"magento_webhook_secret": "a" * 32}),
        ("secret-reuse", "warn", {"magento_consumer_secret": SECRET}),
        ("plain-http", "fail", {"magento_base_url": "http://shop.example.com"}),
        ("plain-http", "fail", {"alert_webhook_url": "http://hooks.example.com/x"}),
        ("plain-http", "fail", {"salesforce_login_url": "http://login.salesforce.com"}),
        ("kafka-security", "warn", {"kafka_bootstrap_servers": "kafka.example.com:9092"}),
        (
            "kafka-security",
            "fail",
            {
                "kafka_bootstrap_servers": "kafka.example.com:9092",
                "kafka_security_protocol": "SASL_PLAINTEXT",
            },
        ),
        ("replication", "warn", {"kafka_bootstrap_servers": "kafka.example.com:9092"}),
        ("deadlines", "fail", {"ingress_publish_timeout_seconds": 10.0}),
        ("deadlines", "fail", {"worker_stall_seconds": 60.0}),
        ("deadlines", "fail", {"debounce_seconds": 20.0}),
        ("concurrency", "fail", {"salesforce_concurrency_min": 9}),
        ("retry-delays", "fail", {"retry_delays": (30, 8 * 86400)}),
        ("worker-count", "warn", {"worker_count": 9}),
        ("salesforce-insecure", "warn", {"salesforce_insecure_url": "http://127.0.0.1:1"}),
        ("stale-guard-off", "warn", {"salesforce_stale_guard": "off"}),
        ("magento-enrich", "fail", {"magento_enrich": True}),
    ],
)
def test_settings_that_do_not_fit_are_found(name: str, result: str, changes: Any) -> None:
    assert found(list(check_settings(make(**changes))))[name] == result


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", ""),
        ("MAGENTO_WEBHOOK_SECRET", ""),
        ("MAGENTO_WEBHOOK_SECRET", "short"),
        ("MAGENTO_WEBHOOK_SECRET", "your_webhook_secret_of_the_sample"),
        ("SALESFORCE_CLIENT_ID", ""),
        ("SALESFORCE_USERNAME", ""),
        ("SALESFORCE_PRIVATE_KEY_PATH", "nowhere.key"),
        ("RETRY_DELAYS", "soon"),
        ("KAFKA_PARTITIONS", "0"),
        ("SALESFORCE_API_VERSION", "58"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    variable: str, value: str, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = {name.upper(): text for name, text in GOOD.items()}
    lines |= {"SALESFORCE_PRIVATE_KEY_PATH": str(key), variable: value}
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    env_file = tmp_path / ".env"
    env_file.write_text("".join(f"{name}={text}\n" for name, text in lines.items()))
    _, problems = settings_in_force(ROLES, env_file=env_file)
    checks = problem_checks(problems)
    assert [check.detail.partition(":")[0] for check in checks] == [variable]
    assert checks[0].result is CheckResult.FAIL
    assert checks[0].fix


def test_a_secret_whose_file_cannot_be_read_is_one_problem_of_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor ended with it instead, and said nothing of what else was wrong."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SALESFORCE_CLIENT_ID_FILE", str(tmp_path / "nowhere"))
    monkeypatch.setenv("KAFKA_PARTITIONS", "0")
    monkeypatch.setenv("KAFKA_TOPIC_PREFIX", "staging.")
    settings, problems = settings_in_force(
        (Role.RELAY, Role.SALESFORCE), env_file=tmp_path / ".env"
    )
    named = [line.partition(":")[0] for line in problems]
    assert named[:3] == ["SALESFORCE_CLIENT_ID_FILE", "KAFKA_PARTITIONS", "KAFKA_BOOTSTRAP_SERVERS"]
    assert "SALESFORCE_CLIENT_ID" not in named  # it is not missing: its file is
    assert settings.kafka_topic_prefix == "staging."


def test_what_an_unreadable_file_of_settings_leaves_is_examined_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("KAFKA_TOPIC_PREFIX", "staging.")
    env_file = tmp_path / ".env"
    env_file.write_bytes("KAFKA_PARTITIONS=4\n".encode("utf-16"))
    settings, problems = settings_in_force((Role.RELAY,), env_file=env_file)
    assert [line.partition(":")[0] for line in problems] == [
        str(env_file),
        "KAFKA_BOOTSTRAP_SERVERS",
    ]
    assert settings.kafka_topic_prefix == "staging."


def test_a_store_without_its_keys_is_found_and_one_that_is_not_set_up_is_skipped() -> None:
    half = make(magento_base_url="https://shop.example.com")
    assert settings_check(half, role_problems(half)).result is CheckResult.FAIL
    assert settings_check(make(), []).result is CheckResult.SKIPPED


def test_no_check_prints_a_secret() -> None:
    settings = make(magento_webhook_secret="b" * 40, magento_consumer_secret="b" * 40)
    assert "bbbb" not in str(list(check_settings(settings)))


def test_loopback_is_here_whatever_it_is_called() -> None:
    assert is_here("localhost")
    assert is_here("127.0.0.7")
    assert is_here("[::1]")
    assert not is_here("10.0.0.1")
    assert not is_here("kafka")


# Machine ------------------------------------------------------------------------------------------


@pytest.fixture
def machine(key: Path, tmp_path: Path) -> Callable[..., MachineFacts]:
    def gather(**changes: Any) -> MachineFacts:
        values = {
            "salesforce_private_key_path": key,
            "state_directory": tmp_path / "state",
            **changes,
        }
        return gather_machine(make(**values), env_file=tmp_path / ".env")

    return gather


def test_this_machine_is_fine(machine) -> None:
    assert found(list(check_machine(machine()))) == {}


@pytest.mark.parametrize(("mode", "result"), [(0o644, "fail"), (0o640, "warn")])
def test_a_private_key_that_others_may_read_is_found(mode, result, machine, key) -> None:
    key.chmod(mode)
    checks = list(check_machine(machine()))
    assert found(checks)["secret-file-mode"] == result
    assert any(check.fix == f"chmod 600 {key}" for check in checks)


def test_anothers_key_is_to_be_given_to_us_and_not_shut(machine, key) -> None:
    """In a container a file of the host is another's: with 600 it could not be read at all."""
    key.chmod(0o644)
    facts = machine()
    files = tuple(
        dataclasses.replace(file, is_ours=False) if file.path == key else file
        for file in facts.secret_files
    )
    fixes = [check.fix for check in check_machine(dataclasses.replace(facts, secret_files=files))]
    assert f"chown {os.geteuid()} {key} && chmod 400 {key}" in fixes
    files = tuple(dataclasses.replace(file, problem="denied", is_readable=False) for file in files)
    checks = list(check_machine(dataclasses.replace(facts, secret_files=files)))
    assert any(
        "give it to the user" in check.fix for check in checks if check.name == "secret-file"
    )


def test_an_env_file_that_everybody_may_read_is_found(machine, tmp_path) -> None:
    (tmp_path / ".env").touch(0o644)
    (tmp_path / ".env").chmod(0o644)
    assert found(list(check_machine(machine())))["secret-file-mode"] == "fail"


def test_a_certificate_in_place_of_the_key_is_found(machine, tmp_path) -> None:
    wrong = tmp_path / "server.crt"
    wrong.write_text("-----BEGIN CERTIFICATE-----\n")
    wrong.chmod(0o600)
    facts = machine(salesforce_private_key_path=wrong)
    assert found(list(check_machine(facts)))["secret-file"] == "fail"


def test_a_web_login_that_nobody_has_done_is_found(machine, tmp_path) -> None:
    facts = machine(salesforce_auth_flow="web", salesforce_refresh_token_path=tmp_path / "no_token")
    assert found(list(check_machine(facts)))["refresh-token"] == "fail"


def test_a_state_directory_that_is_a_file_is_found(machine, tmp_path) -> None:
    (tmp_path / "file").touch()
    facts = machine(state_directory=tmp_path / "file")
    assert found(list(check_machine(facts)))["state-directory"] == "fail"


def test_a_mapping_file_that_cannot_be_read_is_found(machine, tmp_path) -> None:
    facts = machine(mapping_file=tmp_path / "no.yaml")
    assert found(list(check_machine(facts)))["mapping-file"] == "fail"


def test_an_old_faust_is_found(machine) -> None:
    facts = machine()
    old = dataclasses.replace(facts, packages={**facts.packages, "faust-streaming": "0.15.1"})
    checks = list(check_machine(old))
    assert found(checks) == {"package-versions": "fail"}
    assert any("faust-streaming is 0.15.1, needed is 0.15.3" in check.detail for check in checks)


def test_an_old_python_is_found(machine) -> None:
    old = dataclasses.replace(machine(), python="3.10.4")
    assert found(list(check_machine(old))) == {"python-version": "fail"}


def test_versions_are_compared_as_numbers() -> None:
    assert parts("0.15.10") > parts("0.15.3")
    assert parts("2.0rc1") == (2, 0)


# Exit codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ([ok("a", ""), skipped("b", "")], 0),
        ([ok("a", ""), warn("b", "", "")], 1),
        ([warn("a", "", ""), fail("b", "", "")], 2),
    ],
)
def test_the_exit_code_is_that_of_the_worst_result(checks, code) -> None:
    assert exit_code(checks) == code
