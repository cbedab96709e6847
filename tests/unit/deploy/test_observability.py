"""Alert rules, dashboards and runbook against the metrics and alerts there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY
from support.compose_file import ROOT

from agents.worker.shutdown import EXIT_AGAIN, EXIT_STALLED
from cli.console.terminal import EXIT_INTERRUPTED, EXIT_NO, EXIT_UNKNOWN, EXIT_USAGE
from stream.lag.evaluator import SEVERITY
from stream.ops import metrics
from stream.ops.alerts import Alert

PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
RUNBOOK = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
NAME = re.compile(r"\b((?:orderstream|kafka)_[a-z_]+)\b")
# The one address to change: the chart's value, and in front of every rule's link.
RUNBOOK_BASE = yaml.load(
    (ROOT / "deploy/helm/orderstream/values.yaml").read_text(), Loader=yaml.CSafeLoader
)["monitoring"]["runbookBase"]
GROUPING = re.compile(r"\bby\s*\([^)]*\)|\{[^}]*\}")


def rules() -> list[dict[str, Any]]:
    groups = yaml.load((PROMETHEUS / "alerts.yml").read_text(), Loader=yaml.CSafeLoader)["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard_expressions() -> list[str]:
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    panels = [panel for board in boards for panel in board["panels"]]
    found = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [expression.replace("$__rate_interval", "1m") for expression in found]


def names_in(expression: str) -> set[str]:
    """Return the metrics of an expression, without their labels and without suffixes."""
    found = NAME.findall(GROUPING.sub("", expression))
    return {
        re.sub(r"_(bucket|sum|count)$", "", name) if name not in GAUGES else name for name in found
    }


def exported() -> set[str]:
    assert metrics.ALERTS
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in REGISTRY.collect()
        if family.name.startswith(("orderstream_", "kafka_"))
    }


GAUGES = {family.name for family in REGISTRY.collect() if family.type == "gauge"}


def test_every_metric_is_in_a_dashboard_or_an_alert_and_every_one_there_exists() -> None:
    expressions = [*dashboard_expressions(), *(rule["expr"] for rule in rules())]
    used = set().union(*(names_in(expression) for expression in expressions))
    assert used == exported()


def test_every_metric_is_explained_the_ecosystems_too() -> None:
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    assert (
        set(re.findall(r"^\| `((?:orderstream|kafka)_\w+)` \|", text, re.MULTILINE)) == exported()
    )


def anchors() -> set[str]:
    """Return what a link into the runbook may name."""
    return set(re.findall(r"^### (\S+)$", RUNBOOK, re.MULTILINE))


@pytest.mark.parametrize("alert", list(Alert))
def test_every_alert_of_a_process_has_its_section(alert: Alert) -> None:
    assert alert.value in anchors()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_rule_says_what_it_is_how_bad_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    base, runbook, anchor = rule["annotations"]["runbook_url"].partition("docs/runbook.md#")
    assert runbook
    assert base == RUNBOOK_BASE
    assert anchor in anchors()


def test_every_exit_code_is_explained() -> None:
    table = RUNBOOK[RUNBOOK.index("## Exit codes") :]
    explained = set(re.findall(r"^\| (\d+) \|", table, re.MULTILINE))
    codes = {0, EXIT_NO, EXIT_USAGE, EXIT_UNKNOWN, EXIT_INTERRUPTED, EXIT_STALLED, EXIT_AGAIN}
    assert explained == {str(code) for code in codes}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_whole_and_asks_the_source_that_is_provisioned(path: Path) -> None:
    board = json.loads(path.read_text())
    source = yaml.load(
        (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text(),
        Loader=yaml.CSafeLoader,
    )["datasources"][0]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["description"], panel["title"]
            asked = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert {each["uid"] for each in asked} == {"${datasource}"}
            # A fixed window is empty where the scrape interval is longer than half of it.
            windows = re.findall(r"rate\([^\[]*\[([^\]]*)", json.dumps(panel["targets"]))
            assert set(windows) <= {"$__rate_interval"}
    (variable,) = board["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")
    assert variable["current"]["value"] == source["uid"]


def test_no_two_dashboards_are_taken_for_one() -> None:
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert len({board["uid"] for board in boards}) == len(boards) == 2


def test_prometheus_scrapes_every_process_that_compose_runs(services) -> None:
    jobs = yaml.load((PROMETHEUS / "prometheus.yml").read_text(), Loader=yaml.CSafeLoader)[
        "scrape_configs"
    ]
    scraped = {job["job_name"].removeprefix("orderstream-") for job in jobs}
    serving = {name for name, s in services.items() if s.get("command", [""])[0] == name}
    assert serving - {"topics", "dashboard"} == scraped


def test_prometheus_tells_the_alertmanager_that_compose_runs(services) -> None:
    config = yaml.load((PROMETHEUS / "prometheus.yml").read_text(), Loader=yaml.CSafeLoader)
    (target,) = config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    name, _, port = target.partition(":")
    assert services[name]["ports"][0].endswith(f":{port}")
    routes = yaml.load((PROMETHEUS / "alertmanager.yml").read_text(), Loader=yaml.CSafeLoader)
    receivers = {receiver["name"] for receiver in routes["receivers"]}
    asked = {
        routes["route"]["receiver"],
        *(route["receiver"] for route in routes["route"]["routes"]),
    }
    assert asked == receivers
    known = {rule["alert"] for rule in rules()}
    for inhibited in routes["inhibit_rules"]:
        named = [*inhibited["source_matchers"], *inhibited["target_matchers"]]
        assert set(re.findall(r"Orderstream\w+", " ".join(named))) <= known


def test_grafana_has_no_password_of_its_own(services) -> None:
    grafana = services["grafana"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == ""
    script = grafana["entrypoint"][-1].replace("$$", "$").replace("sleep 30", "true")
    refused = subprocess.run(
        ["sh", "-c", script],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 78
    assert "GRAFANA_ADMIN_PASSWORD" in refused.stderr


def test_nothing_is_watched_unless_it_is_asked_for(services) -> None:
    for name in ("lag", "prometheus", "alertmanager", "grafana"):
        assert services[name]["profiles"] == ["obs"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "alerts.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    result = subprocess.run(
        [promtool, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_dashboards_are_understood_by_prometheus(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    recorded = [
        {"record": f"panel:{number}", "expr": expression}
        for number, expression in enumerate(dashboard_expressions())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))
    result = subprocess.run(
        [promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_state_of_a_partition_is_drawn_the_worst_first() -> None:
    """A partition that did not answer (UNKNOWN) was a gap, and one group's OK hid another's STALL."""
    board = json.loads((DASHBOARDS[0].parent / "inside.json").read_text())
    (panel,) = [panel for panel in board["panels"] if panel["title"] == "states"]
    (target,) = panel["targets"]
    drawn = re.findall(r'state="(\w+)"\}\) \* (\d)', target["expr"])
    assert drawn == [(s.value, str(rank + 1)) for s, rank in reversed(SEVERITY.items())]
    (shown,) = panel["fieldConfig"]["defaults"]["mappings"]
    assert {(o["text"], number) for number, o in shown["options"].items()} == set(drawn)


def test_a_rate_of_what_two_processes_export_is_summed_once() -> None:
    """Two replicas of `lag`, or one that is being replaced, doubled what was committed."""
    summed = [e for e in dashboard_expressions() if re.search(r"\brate\(kafka_", e)]
    assert summed
    assert all("max by (consumergroup, topic, partition) (rate(" in e for e in summed)


def test_the_page_names_the_labels_of_every_metric() -> None:
    """Who wrote a rule from the page summed the rows of all sObjects, or asked for no label."""
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    told = {
        row[1]: {label.strip() for label in row[2].split(",")} - {""}
        for row in re.finditer(
            r"^\| `((?:orderstream|kafka)_\w+)` \| ([^|]*)\|", text, re.MULTILINE
        )
    }
    made = {
        family._name: family for family in vars(metrics).values() if hasattr(family, "_labelnames")
    }
    for name, labels in told.items():
        assert labels == set(made[name.removesuffix("_total")]._labelnames), name
