"""`orderstream doctor --live` as a process against a real broker, an org and a store."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from support.magento_rest import an_order, store_of
from support.salesforce_fixtures import org_keys, salesforce_process

from agents.doctor import cluster_facts
from agents.doctor.cluster_facts import gather_cluster

pytestmark = pytest.mark.kafka

HOUR_MS = 3_600_000
ROOT = Path(__file__).resolve().parents[3]
__all__ = ["org_keys", "salesforce_process"]


@pytest.fixture
def doctor(salesforce_process, make_settings, tmp_path):
    """Run the doctor; returns (exit code, result by check name, the whole report)."""
    org, settings = salesforce_process, make_settings()
    env = {
        "PYTHONPATH": str(ROOT),
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": settings.kafka_topic_prefix,
        "KAFKA_PARTITIONS": str(settings.kafka_partitions),
        "MAGENTO_WEBHOOK_SECRET": settings.magento_webhook_secret.get_secret_value(),
        "SALESFORCE_CLIENT_ID": org.consumer_key,
        "SALESFORCE_USERNAME": org.username,
        "SALESFORCE_PRIVATE_KEY_PATH": str(org.private_key_path),
        "SALESFORCE_LOGIN_URL": org.url,
        "SALESFORCE_INSECURE_URL": org.url,
    }

    async def run(**changes: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "doctor", "--live", "--json"),
            env=env | changes,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        printed, said = await process.communicate()
        assert b"Traceback" not in said, said.decode()
        report = json.loads(printed)
        order = ["skipped", "ok", "warn", "fail"]
        results: dict[str, str] = {}
        for check in report["checks"]:
            worst = max(results.get(check["name"], "skipped"), check["result"], key=order.index)
            results[check["name"]] = worst
            assert check["fix"] or check["result"] in ("ok", "skipped"), check
        return process.returncode or 0, results, report

    return run


async def test_an_installation_that_works_has_no_failure(doctor, topics) -> None:
    store = store_of(an_order(1, "2026-01-01 10:00:00"))
    async with store.serve():
        code, results, report = await doctor(**store.env)
    assert code == 1, report  # nobody runs, and the org is a simulator: warnings
    assert "fail" not in results.values(), report
    for name in (
        *("kafka-reachable", "kafka-topics", "kafka-partitions", "kafka-message-size"),
        *("salesforce-login", "salesforce-stale-guard", "salesforce-budget", "clock-salesforce"),
        *("salesforce-version", "magento-rest", "secret-file-mode"),
    ):
        assert results[name] == "ok", (name, report)
    assert results["workers"] == results["relay"] == "warn"


async def test_what_is_wrong_everywhere_is_found_in_one_run(
    doctor, topics, make_settings, salesforce_process
) -> None:
    org, settings = salesforce_process, make_settings()
    change = ConfigResource(ConfigResourceType.TOPIC, topics.state, {"cleanup.policy": "delete"})
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    await admin.alter_configs([change])
    await admin.close()
    org.ask("DELETE", "/schema/Opportunity/Billing_City__c")
    org.ask("DELETE", "/schema/Opportunity/Magento_Updated_At__c")
    org.ask("PATCH", "/schema/Contact/Magento_Customer_Key__c", {"unique": False})
    org.settings(daily_limit=100, calls_used=95)
    store = store_of(an_order(1, "2026-01-01 10:00:00"))
    async with store.serve():
        wrong = store.env | {"MAGENTO_ACCESS_TOKEN_SECRET": "not-the-integrations-secret"}
        more = {"KAFKA_PARTITIONS": "6", "RETRY_DELAYS": "30s,2m,10m,2h"}  # no topic for 2h
        code, results, report = await doctor(**wrong, **more)
    assert code == 2
    for name in (
        *("kafka-topics", "kafka-partitions", "kafka-state-policy"),
        *("salesforce-fields", "salesforce-unique"),
        "magento-rest",
    ):
        assert results[name] == "fail", (name, report)
    assert results["salesforce-stale-guard"] == results["salesforce-budget"] == "warn"


async def test_a_login_that_is_refused_says_what_to_do_in_setup(
    doctor, topics, salesforce_process
) -> None:
    salesforce_process.settings(user_approved=False)
    code, results, report = await doctor()
    assert code == 2
    assert results["salesforce-login"] == "fail"
    fixes = [check["fix"] for check in report["checks"] if check["name"] == "salesforce-login"]
    assert "pre-authorized" in fixes[0]


async def test_with_everything_away_it_still_reports(doctor) -> None:
    nowhere = "127.0.0.1:9"
    code, results, _ = await doctor(
        KAFKA_BOOTSTRAP_SERVERS=nowhere,
        SALESFORCE_LOGIN_URL=f"http://{nowhere}",
        SALESFORCE_INSECURE_URL=f"http://{nowhere}",
        MAGENTO_BASE_URL=f"http://{nowhere}",
        MAGENTO_AUTH="bearer",
        MAGENTO_ACCESS_TOKEN="a-token-of-the-integration",
    )
    assert code == 2
    for name in ("kafka-reachable", "salesforce-login", "magento-rest"):
        assert results[name] == "fail"
    assert results["kafka-groups"] == "skipped"


async def test_the_clock_is_compared_with_kafkas_own(make_settings, monkeypatch):
    right = await gather_cluster(make_settings())
    now_ns = time.time_ns
    monkeypatch.setattr(cluster_facts.time, "time_ns", lambda: now_ns() + HOUR_MS * 10**6)
    wrong = await gather_cluster(make_settings())
    assert abs(right.ahead_ms) < HOUR_MS / 2 < wrong.ahead_ms
