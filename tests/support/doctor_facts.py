"""Settings that doctor has nothing to say of, and what it found."""

from __future__ import annotations

from typing import Any

from agents.doctor.check import Check, CheckResult
from stream.config import Settings, load_settings

SECRET = "3f9c1be27a60d84e95b1c7d2408f6ae3"
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
