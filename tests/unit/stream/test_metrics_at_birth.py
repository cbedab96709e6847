"""What a process exports before anything has happened: nothing that it does not know."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from stream.version import own_version

ROOT = Path(__file__).parents[3]
PAGE = "from stream.ops import metrics; {setup}; print(metrics.exposition()[0].decode())"


def page_of_a_new_process(setup: str = "pass", **environment: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", PAGE.format(setup=setup)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [
        line for line in ran.stdout.splitlines() if line.startswith(("orderstream_", "kafka_"))
    ]
    (version,) = [line for line in lines if line.startswith("orderstream_build_info")]
    assert version == f'orderstream_build_info{{version="{own_version()}"}} 1.0'
    return [line for line in lines if line != version]


def gauges(lines: list[str]) -> list[str]:
    return [line for line in lines if not re.search(r"_(total|created|bucket|count|sum)\b", line)]


def test_no_gauge_is_there_before_it_is_measured() -> None:
    assert gauges(page_of_a_new_process()) == []


def test_nor_in_the_files_that_several_processes_share(tmp_path: Path) -> None:
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    assert gauges(page_of_a_new_process(**shared)) == []
    said = page_of_a_new_process("metrics.INGRESS_IN_FLIGHT.inc(3)", **shared)
    assert gauges(said) == ["orderstream_ingress_in_flight 3.0"]


def test_what_was_measured_is_exported_a_zero_too() -> None:
    said = page_of_a_new_process("metrics.BUDGET_LEFT.set(0); metrics.CALLS_IN_FLIGHT.inc()")
    assert sorted(gauges(said)) == [
        "orderstream_budget_left_ratio 0.0",
        "orderstream_calls_in_flight 1.0",
    ]


def test_what_an_alert_hears_the_first_of_is_born_at_zero_or_waited_for() -> None:
    """A counter that appears with a value has not risen for Prometheus: the first would be no alert."""
    said = page_of_a_new_process(
        "metrics.start_counters_at_zero(); "
        "from stream.ingress.webhook_steps import start_counts_at_zero; start_counts_at_zero()"
    )
    born = {re.split(r"[{ ]", line)[0] for line in said if line.endswith(" 0.0")}
    assert 'orderstream_outcomes_total{kind="order",outcome="dead"} 0.0' in said
    alerts = (ROOT / "deploy/prometheus/alerts.yml").read_text()
    heard = set(re.findall(r"increase\((\w+)(?:\{[^}]*\})?\[\w+\]\)\) > [02]\b", alerts))
    assert len(heard) > 3
    for name in heard - born:
        repeated = name == "orderstream_magento_calls_total"  # an answer that comes with every call
        assert repeated or f"{name} unless {name} offset" in alerts, name
