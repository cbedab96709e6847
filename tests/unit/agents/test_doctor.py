"""Misconfigurations of settings, files, versions and topics: each is found, by name."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.doctor.check import Check, CheckResult, exit_code, fail, ok, skipped, warn
from agents.doctor.examine import settings_in_force
from agents.doctor.kafka_checks import check_kafka
from agents.doctor.kafka_facts import GroupFacts, KafkaFacts, gather_kafka
from agents.doctor.machine_checks import check_machine, parts
from agents.doctor.machine_facts import MachineFacts, gather_machine
from agents.doctor.org_checks import check_org
from agents.doctor.org_facts import OrgFacts
from agents.doctor.setting_checks import check_settings, is_here, problem_checks
from agents.doctor.store_check import role_problems, settings_check
from agents.mapping.mapping import Mapping
from agents.salesforce.http.usage import Usage
from sandbox.salesforce.keys import make_key_pair
from sandbox.salesforce.records.objects import stock_org
from stream.config import Role, Settings, load_settings
from stream.kafka.topic_plan import ExistingTopic, wanted_config

SECRET = "3f9c1be27a60d84e95b1c7d2408f6ae3"
ROLES = (Role.INGRESS, Role.WORKER, Role.RELAY)
GOOD: dict[str, Any] = {
    "kafka_bootstrap_servers": "127.0.0.1:9092",
    "operator_signing_key": "b7c2e1f04a9d83c65e10ffa2",
    "magento_webhook_secret": SECRET,
    "salesforce_client_id": "3MVG9consumerkey",
    "salesforce_username": "integration@example.org",
}


def found(checks: list[Check]) -> dict[str, CheckResult]:
    """Return the worst result per check name, without what is fine."""
    order = [CheckResult.OK, CheckResult.SKIPPED, CheckResult.WARN, CheckResult.FAIL]
    worst: dict[str, CheckResult] = {}
    for check in checks:
        before = worst.get(check.name, CheckResult.OK)
        worst[check.name] = max(before, check.result, key=order.index)
    return {name: result for name, result in worst.items() if result in order[2:]}


def make(**changes: Any) -> Settings:
    return load_settings(env_file=None, **{**GOOD, **changes})


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
    variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = make_key_pair(tmp_path)
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
def machine(tmp_path: Path) -> Callable[..., MachineFacts]:
    key, _ = make_key_pair(tmp_path)

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
def test_a_private_key_that_others_may_read_is_found(mode, result, machine, tmp_path) -> None:
    key, _ = make_key_pair(tmp_path)
    key.chmod(mode)
    checks = list(check_machine(machine()))
    assert found(checks)["secret-file-mode"] == result
    assert any(check.fix == f"chmod 600 {key}" for check in checks)


def test_anothers_key_is_to_be_given_to_us_and_not_shut(machine, tmp_path) -> None:
    """In a container a file of the host is another's: with 600 it could not be read at all."""
    key, _ = make_key_pair(tmp_path)
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


# Kafka --------------------------------------------------------------------------------------------


def cluster(settings: Settings, **changes: Any) -> KafkaFacts:
    """Facts of a cluster as `topics apply` leaves it, with one worker and one relay running."""
    replicas = settings.kafka_replication_factor
    topics = {
        spec.name: ExistingTopic(settings.kafka_partitions, replicas, wanted_config(spec, replicas))
        for spec in settings.topics.specs()
    }
    names, numbers = settings.topics, range(settings.kafka_partitions)
    held = {
        settings.worker_group: frozenset((t, n) for t in names.sources for n in numbers),
        settings.relay_group: frozenset(
            (t, n) for t in (*names.retry_tiers, names.settle) for n in numbers
        ),
    }
    groups = {group: GroupFacts(1, pairs) for group, pairs in held.items()}
    facts = KafkaFacts(brokers=3, topics=topics, groups=groups, now_ms=1_000_000)
    return dataclasses.replace(facts, **changes)


def with_topic(facts: KafkaFacts, name: str, **changes: Any) -> KafkaFacts:
    """Return the facts with one topic changed; a `config` is laid over its own."""
    topic = facts.topics[name]
    if "config" in changes:
        changes["config"] = {**topic.config, **changes["config"]}
    return dataclasses.replace(
        facts, topics={**facts.topics, name: dataclasses.replace(topic, **changes)}
    )


def config(name: str, value: str) -> dict[str, dict[str, str]]:
    return {"config": {name: value}}


def test_a_cluster_as_topics_apply_leaves_it_is_fine() -> None:
    settings = make(kafka_replication_factor=3)
    assert found(list(check_kafka(settings, cluster(settings)))) == {}


@pytest.mark.parametrize(
    ("name", "result", "topic", "changes"),
    [
        ("kafka-partitions", "fail", "salesforce.due", {"partitions": 4}),
        ("kafka-replication", "fail", "magento.orders", {"replication_factor": 1}),
        ("kafka-leaders", "fail", "magento.orders", {"leaderless": 2}),
        ("kafka-min-insync", "fail", "magento.orders", config("min.insync.replicas", "4")),
        ("kafka-min-insync", "warn", "magento.orders", config("min.insync.replicas", "1")),
        (
            "kafka-unclean-election",
            "fail",
            "magento.orders",
            config("unclean.leader.election.enable", "true"),
        ),
        ("kafka-state-policy", "fail", "salesforce.state", config("cleanup.policy", "delete")),
        ("kafka-facts-policy", "fail", "magento.orders", config("cleanup.policy", "compact")),
        ("kafka-results-retention", "fail", "salesforce.results", config("retention.ms", "1000")),
        ("kafka-retry-retention", "fail", "salesforce.retry.1h", config("retention.ms", "3600000")),
        ("kafka-message-size", "fail", "salesforce.due", config("max.message.bytes", "1048588")),
    ],
)
def test_a_topic_that_does_not_fit_is_found(name, result, topic, changes) -> None:
    settings = make(kafka_replication_factor=3)
    facts = with_topic(cluster(settings), topic, **changes)
    assert found(list(check_kafka(settings, facts)))[name] == result


def test_a_missing_topic_is_found() -> None:
    settings = make()
    facts = cluster(settings)
    topics = {name: topic for name, topic in facts.topics.items() if name != "salesforce.dlq"}
    checks = list(check_kafka(settings, dataclasses.replace(facts, topics=topics)))
    assert found(checks) == {"kafka-topics": "fail"}


def test_kafka_away_is_one_failure_and_the_rest_is_skipped() -> None:
    checks = list(check_kafka(make(), KafkaFacts(problem="no Kafka at 127.0.0.1:1")))
    assert found(checks) == {"kafka-reachable": "fail"}
    assert [check.result for check in checks[1:]] == ["skipped", "skipped"]


async def test_sasl_without_a_user_is_a_kafka_that_cannot_be_reached() -> None:
    settings = make(kafka_security_protocol="SASL_SSL")
    checks = list(check_kafka(settings, await gather_kafka(settings)))
    assert found(checks) == {"kafka-reachable": "fail"}
    assert "KAFKA_SASL_USERNAME" in checks[0].detail


def test_groups_without_members_and_partitions_without_readers_are_found() -> None:
    settings = make()
    nobody = cluster(settings, groups={})
    assert found(list(check_kafka(settings, nobody))) == {"workers": "warn", "relay": "warn"}
    facts = cluster(settings)
    held = facts.groups[settings.worker_group].held
    assert held is not None
    lonely = GroupFacts(1, held - {("magento.orders", 3)})
    groups = {**facts.groups, settings.worker_group: lonely}
    checks = list(check_kafka(settings, dataclasses.replace(facts, groups=groups)))
    assert found(checks) == {"workers": "fail"}
    assert any("magento.orders/3" in check.detail for check in checks)


def test_a_group_that_rebalances_is_a_warning() -> None:
    settings = make()
    facts = cluster(settings)
    groups = {**facts.groups, settings.worker_group: GroupFacts(1, None)}
    checks = list(check_kafka(settings, dataclasses.replace(facts, groups=groups)))
    assert found(checks) == {"workers": "warn"}


def test_workers_without_a_partition_are_a_warning() -> None:
    settings = make()
    facts = cluster(settings)
    crowd = dataclasses.replace(facts.groups[settings.worker_group], members=9)
    groups = {**facts.groups, settings.worker_group: crowd}
    checks = list(check_kafka(settings, dataclasses.replace(facts, groups=groups)))
    assert found(checks) == {"workers-idle": "warn"}


def test_any_number_of_workers_is_well_since_partitions_divide_the_calls() -> None:
    settings = make(worker_count=3)
    assert found(list(check_kafka(settings, cluster(settings)))) == {}


def test_a_retry_tier_that_nobody_reads_any_more_is_found() -> None:
    settings = make()
    facts = cluster(settings, old_tiers={"salesforce.retry.5m": 12})
    assert found(list(check_kafka(settings, facts))) == {"retry-tiers-of-the-past": "warn"}


def test_records_from_the_future_are_found() -> None:
    settings = make()
    facts = cluster(settings, newest_ms=1_000_000 + 3_600_000)
    assert found(list(check_kafka(settings, facts))) == {"clock-records": "fail"}


# Salesforce ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return Mapping.load()


@pytest.fixture
def describes(mapping: Mapping) -> dict[str, dict[str, Any]]:
    schema = stock_org()
    answers = {name: schema[name].describe("/services/data/v58.0") for name in mapping.sobjects}
    values = field_of(answers, "Opportunity", "LeadSource")["picklistValues"]
    values.append({"value": "Magento E-commerce", "active": True})  # as an administrator would
    return answers


def org(mapping: Mapping, describes: dict[str, Any], **changes: Any) -> OrgFacts:
    facts = OrgFacts(
        describes=describes,
        guarded=frozenset(describes),
        usage=Usage(100, 100_000),
        versions=frozenset({"v58.0", "v60.0"}),
        skew_seconds=0.4,
    )
    return dataclasses.replace(facts, **changes)


def field_of(describes: dict[str, Any], sobject: str, name: str) -> dict[str, Any]:
    return next(f for f in describes[sobject]["fields"] if f["name"] == name)


def test_an_org_with_the_package_is_fine(mapping, describes) -> None:
    assert found(list(check_org(make(), mapping, org(mapping, describes)))) == {}


@pytest.mark.parametrize(
    ("name", "result", "changes"),
    [
        ("salesforce-login", "fail", {"problem": "invalid_grant: user hasn't approved"}),
        ("clock-salesforce", "fail", {"skew_seconds": -400.0}),
        (
            "salesforce-host",
            "warn",
            {"instance_url": "https://new.my.salesforce.com", "worker_host": "old.example"},
        ),
        ("salesforce-version", "fail", {"versions": frozenset({"v60.0"})}),
        ("salesforce-stale-guard", "warn", {"guarded": frozenset()}),
        ("salesforce-budget", "warn", {"usage": Usage(90_000, 100_000)}),
        ("salesforce-budget", "fail", {"usage": Usage(100_000, 100_000)}),
    ],
)
def test_an_org_that_cannot_be_worked_with_is_found(
    name, result, changes, mapping, describes
) -> None:
    checks = list(check_org(make(), mapping, org(mapping, describes, **changes)))
    assert found(checks) == {name: result}


@pytest.mark.parametrize(
    ("name", "property_", "value"),
    [
        ("salesforce-unique", "unique", False),
        ("salesforce-external-id", "externalId", False),
        ("salesforce-permissions", "createable", False),
    ],
)
def test_an_external_id_that_does_not_hold_is_found(
    name, property_, value, mapping, describes
) -> None:
    row = next(r for r in mapping.rulebook.active_rows() if r.sobject == "Opportunity")
    field_of(describes, "Opportunity", row.external_id)[property_] = value
    checks = list(check_org(make(), mapping, org(mapping, describes)))
    assert found(checks)[name] == "fail"


def test_a_field_and_an_object_that_are_not_there_are_found(mapping, describes) -> None:
    describes["Opportunity"]["fields"] = [
        f for f in describes["Opportunity"]["fields"] if f["name"] != "StageName"
    ]
    checks = list(check_org(make(), mapping, org(mapping, describes)))
    assert found(checks)["salesforce-fields"] == "fail"
    del describes["Contact"]
    checks = list(check_org(make(), mapping, org(mapping, describes)))
    assert found(checks)["salesforce-objects"] == "fail"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("salesforce-overruling", "Magento_Overruled_By__c"),
        ("salesforce-renaming", "Magento_Customer_ID__c"),
    ],
)
def test_a_package_of_an_earlier_release_is_found(name, field, mapping, describes) -> None:
    for shown in describes.values():
        shown["fields"] = [one for one in shown["fields"] if one["name"] != field]
    checks = list(check_org(make(), mapping, org(mapping, describes)))
    assert found(checks) == {name: "warn"}
    assert any(field in check.detail for check in checks)


def test_without_the_stale_guard_it_is_said_plainly_what_is_not_guaranteed(
    mapping, describes
) -> None:
    checks = list(check_org(make(), mapping, org(mapping, describes, guarded=frozenset())))
    detail = next(c.detail for c in checks if c.name == "salesforce-stale-guard")
    assert "NOT guaranteed" in detail
    assert "all other guarantees hold" in detail


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
