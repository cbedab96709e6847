"""The Helm chart: its values, its schema, and the same objects as Kustomize makes."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from support.compose_file import ROOT
from support.helm_chart import CHART, lint, needs_helm, read_values, render

from stream.config import Settings, secret_fields

OVERLAY = ROOT / "deploy" / "kubernetes" / "overlays" / "production"
VALUES = read_values("values.yaml")
PRODUCTION = read_values("ci/production-values.yaml")
TEMPLATES = {path.name: path.read_text() for path in (CHART / "templates").iterdir()}
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
USED = re.compile(r"\.Values\.([\w.]+)")
HASH = re.compile(r"-[0-9a-z]{10}$")
EVERYTHING = {"podMonitor": True, "rules": True, "dashboards": True}


def leaves(values: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for name, value in values.items():
        found.add(prefix + name)
        if isinstance(value, dict):
            found |= leaves(value, f"{prefix}{name}.")
    return found


def test_every_value_that_a_template_reads_is_there_and_every_value_is_read() -> None:
    read = {name.rstrip(".") for text in TEMPLATES.values() for name in USED.findall(text)}
    read = {name for name in read if not name.startswith("config.")}
    assert read - {"config", "files"} <= leaves(VALUES)
    unread = {
        name
        for name in leaves(VALUES)
        if not any(
            name == one or one.startswith(f"{name}.") or name.startswith(f"{one}.") for one in read
        )
    }
    assert {name for name in unread if not name.startswith("config")} == set()


def test_a_template_reads_settings_that_there_are() -> None:
    """The group to scale by was asked of WORKER_GROUP, which nobody knows: none for a prefix."""
    read = {name for text in TEMPLATES.values() for name in USED.findall(text)}
    names = {name.removeprefix("config.") for name in read if name.startswith("config.")}
    assert {name.lower() for name in names} <= set(Settings.model_fields)


@needs_helm
def test_with_a_prefix_workers_are_scaled_by_the_group_that_has_it() -> None:
    config = PRODUCTION["config"] | {"KAFKA_TOPIC_PREFIX": "staging."}
    made = by_name(render({**PRODUCTION, "config": config}))
    (trigger,) = made["ScaledObject", "worker"]["spec"]["triggers"]
    assert '{consumergroup="staging.orderstream"}' in trigger["metadata"]["query"]


def test_the_schema_knows_every_value_and_no_other() -> None:
    def check(values: dict[str, Any], schema: dict[str, Any], path: str) -> None:
        if "properties" not in schema or schema.get("additionalProperties") is not False:
            return
        assert set(values) <= set(schema["properties"]), path
        for name, value in values.items():
            if isinstance(value, dict):
                check(value, schema["properties"][name], f"{path}.{name}")

    check(VALUES, SCHEMA, "values")
    assert set(SCHEMA["properties"]) - {"global"} == set(VALUES)


def test_the_settings_are_settings_and_none_is_a_secret() -> None:
    names = {name.upper() for name in Settings.model_fields}
    secret = {name.upper() for name in secret_fields()}
    for values in (VALUES, PRODUCTION):
        assert set(values["config"]) <= names - secret
    refused = re.compile(SCHEMA["properties"]["config"]["propertyNames"]["not"]["pattern"])
    # Those alone: the client IDs of Adobe, of Kafka's tokens and of the sign-in are none.
    assert {name for name in names if refused.search(name)} == secret


WRITTEN = re.compile(r"^ +- (?:\{name: (\w+), value: (.+)\}|name: (\w+))$", re.MULTILINE)


def test_a_setting_that_a_pod_has_of_its_own_cannot_be_given_otherwise() -> None:
    """A pod's own goes before the ConfigMap's: what was given there was passed over in silence."""
    names = {name.upper() for name in Settings.model_fields}
    known = SCHEMA["properties"]["config"]["properties"]
    found = set()
    for text in TEMPLATES.values():
        for name, value, computed in WRITTEN.findall(text):
            if name in names:
                assert str(known[name]["const"]) == value.strip('"'), name
                found.add(name)
            elif computed in names:
                assert known[computed] is False
                found.add(computed)
    assert {"INGRESS_PORT", "DASHBOARD_PORT", "WORKER_ID"} <= found


@needs_helm
@pytest.mark.parametrize(
    ("config", "part", "seconds"),
    [
        ({}, "ingress", 30),
        ({"INGRESS_REQUEST_TIMEOUT_SECONDS": 60}, "ingress", 75),
        ({"INGRESS_DRAIN_NOTICE_SECONDS": "25.5"}, "ingress", 46),
        ({}, "worker", 60),
        ({"WORKER_STOP_DEADLINE_SECONDS": 120}, "worker", 130),
    ],
)
def test_nobody_is_killed_who_was_given_longer_to_end(
    config: dict[str, Any], part: str, seconds: int
) -> None:
    made = by_name(render({**PRODUCTION, "config": PRODUCTION["config"] | config}))
    pod = made["Deployment", part]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == seconds


@needs_helm
def test_an_owners_word_on_where_to_listen_and_how_long_to_give_notice_is_in_force() -> None:
    given = {"INGRESS_HOST": "::", "STATUS_HOST": "::", "INGRESS_DRAIN_NOTICE_SECONDS": "30"}
    made = by_name(render({**PRODUCTION, "config": PRODUCTION["config"] | given}))
    assert given.items() <= made["ConfigMap", "orderstream"]["data"].items()
    for (kind, _), one in made.items():
        if kind == "Deployment":
            (container,) = one["spec"]["template"]["spec"]["containers"]
            assert not given.keys() & {entry["name"] for entry in container["env"]}


def test_base_and_values_have_the_same_settings() -> None:
    text = (ROOT / "deploy/kubernetes/base/orderstream.env").read_text()
    base = dict(line.split("=", 1) for line in text.splitlines())
    assert {name: str(value) for name, value in VALUES["config"].items()} == base


def test_what_the_chart_shows_of_rules_and_dashboards_is_the_one_copy() -> None:
    links = [path for path in (CHART / "files").rglob("*") if path.is_symlink()]
    assert {path.resolve().relative_to(ROOT / "deploy").parts[0] for path in links} == {
        "prometheus",
        "grafana",
    }
    files = [path for path in (CHART / "files").rglob("*") if path.is_file()]
    assert sorted(files) == sorted(links)


def by_name(objects: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Key objects by what they are, without what the two tools do each in its own way."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            found = {name: plain(one) for name, one in value.items() if name != "checksum/config"}
            if found.get("annotations") == {}:
                del found["annotations"]
            found.pop("namespace", None)
            return found
        if isinstance(value, list):
            return [plain(one) for one in value]
        if isinstance(value, str) and value.startswith("orderstream-"):
            return HASH.sub("", value)
        return value

    found = {}
    for one in objects:
        made = plain(copy.deepcopy(one))
        name = made["metadata"]["name"]
        found[made["kind"], name] = made
    return found


@needs_helm
def test_helm_and_kustomize_make_the_same_objects_of_the_same_values() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl to render with")
    command = [kubectl, "kustomize", str(OVERLAY)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    by_kustomize = by_name([d for d in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if d])
    del by_kustomize["Namespace", "orderstream"]
    by_helm = by_name(render(PRODUCTION))
    assert set(by_helm) == set(by_kustomize)
    for key, made in by_helm.items():
        assert made == by_kustomize[key], key


@needs_helm
def test_a_large_number_stays_a_whole_number() -> None:
    """Helm writes 10485760 as 1.048576e+07 by itself, and no process would start."""
    given = {"INGRESS_MAX_BODY_BYTES": 10485760, "KAFKA_PARTITIONS": 24, "LOG_LEVEL": "debug"}
    made = by_name(render({**PRODUCTION, "config": PRODUCTION["config"] | given}))
    data = made["ConfigMap", "orderstream"]["data"]
    assert {name: data[name] for name in given} == {name: str(one) for name, one in given.items()}
    size = made["Ingress", "webhooks"]["metadata"]["annotations"]
    assert size["nginx.ingress.kubernetes.io/proxy-body-size"] == "20971520"


def test_every_number_that_a_template_writes_goes_through_the_one_place() -> None:
    helper = "orderstream.setting"
    assert f'include "{helper}" $value | quote' in TEMPLATES["config.yaml"]
    assert "int64" not in "".join(text for name, text in TEMPLATES.items() if name[0] != "_")


@needs_helm
def test_helm_has_nothing_to_complain_about() -> None:
    assert lint(PRODUCTION) == []


@needs_helm
def test_a_release_lints_the_chart_with_values_that_it_takes() -> None:
    """By its own values it has no image: the release ended there, its image pushed and nothing else."""
    release = (ROOT / ".github/workflows/release.yml").read_text()
    (words,) = [line.split() for line in release.splitlines() if "helm lint" in line]
    at = words.index("--values") + 1 if "--values" in words else None
    values = yaml.load((ROOT / words[at]).read_text(), Loader=yaml.CSafeLoader) if at else {}
    assert lint(values) == []


@needs_helm
def test_with_the_operator_every_rule_is_there_and_links_to_the_runbook() -> None:
    made = by_name(render({**PRODUCTION, "monitoring": EVERYTHING}))
    rules = made["PrometheusRule", "orderstream"]["spec"]["groups"][0]["rules"]
    written = yaml.load(
        (ROOT / "deploy/prometheus/alerts.yml").read_text(), Loader=yaml.CSafeLoader
    )["groups"][0]
    assert [rule["alert"] for rule in rules] == [rule["alert"] for rule in written["rules"]]
    for rule, origin in zip(rules, written["rules"], strict=True):
        assert rule["expr"] == origin["expr"]
        assert rule.get("for") == origin.get("for")
        assert rule["annotations"] == origin["annotations"]
    for name in ("overview", "inside"):
        board = made["ConfigMap", f"orderstream-dashboard-{name}"]["data"][f"{name}.json"]
        assert board == (ROOT / f"deploy/grafana/dashboards/{name}.json").read_text()
    (monitor,) = yaml.load_all(
        (ROOT / "deploy/kubernetes/monitoring/pod-monitor.yaml").read_text(),
        Loader=yaml.CSafeLoader,
    )
    assert made["PodMonitor", "orderstream"] == monitor


@needs_helm
def test_a_changed_setting_starts_the_pods_anew_and_another_release_does_not() -> None:
    def checksums(values: dict[str, Any]) -> set[str]:
        pods = [o["spec"]["template"] for o in render(values) if o["kind"] == "Deployment"]
        return {pod["metadata"]["annotations"]["checksum/config"] for pod in pods}

    changed = copy.deepcopy(PRODUCTION)
    changed["config"]["LOG_LEVEL"] = "debug"
    assert len(checksums(PRODUCTION)) == 1
    assert checksums(PRODUCTION) == checksums(PRODUCTION)
    assert checksums(PRODUCTION) != checksums(changed)


@needs_helm
@pytest.mark.parametrize(
    "wrong",
    [
        {"image": {"repository": ""}},
        {"config": {"MAGENTO_WEBHOOK_SECRET": "in-plain-sight-0123456789"}},
        {"worker": {"replicaz": 3}},
        {"entry": {"enabled": True, "host": ""}},
        {"lag": {"replicas": 2}},
    ],
    ids=str,
)
def test_wrong_values_are_refused_before_anything_is_made(wrong: dict[str, Any]) -> None:
    values = copy.deepcopy(PRODUCTION)
    for name, change in wrong.items():
        values[name] = {**values.get(name, {}), **change}
    with pytest.raises(Exception, match=r"(?i)schema|required|additional|values"):
        render(values)
