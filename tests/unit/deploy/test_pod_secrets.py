"""Which secrets reach which pod: those it needs, by Kustomize and by Helm."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.helm_chart import needs_helm, read_values, render

ROOT = Path(__file__).parents[3] / "deploy" / "kubernetes"
SECRET_OF_CHART = re.compile(r"\.Values\.secrets\.(\w+)")


def pods(documents: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the pod of every Deployment and CronJob, by name."""
    found = {}
    for document in documents:
        if document.get("kind") not in {"Deployment", "CronJob"}:
            continue
        spec = document["spec"]
        spec = spec["jobTemplate"]["spec"] if document["kind"] == "CronJob" else spec
        name = document["metadata"]["name"].removeprefix("orderstream-")
        found[name] = spec["template"]["spec"]
    return found


PODS = pods(
    document
    for path in sorted((ROOT / "base").glob("*.yaml"))
    for document in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader)
    if document
)

NEEDED = {
    "ingress": {"kafka", "webhooks", "kafka-tls"},
    "worker": {"kafka", "salesforce", "alerts", "operators", "magento", "kafka-tls"}
    | {"salesforce-key"},
    "relay": {"kafka", "alerts", "kafka-tls"},
    "lag": {"kafka", "kafka-tls"},
    "dashboard": {"kafka", "salesforce", "dashboard", "operators", "magento", "kafka-tls"}
    | {"salesforce-key"},
    "gap-detector": {"kafka", "magento", "operators", "alerts", "kafka-tls"},
}


def secrets_of(pod: dict[str, Any]) -> set[str]:
    """Return the secrets that reach any container of a pod, in whatever way."""
    found = set()
    for container in [*pod["containers"], *pod.get("initContainers", ())]:
        found |= {e["secretRef"]["name"] for e in container.get("envFrom", ()) if "secretRef" in e}
        for entry in container.get("env", ()):
            if reference := entry.get("valueFrom", {}).get("secretKeyRef"):
                found.add(reference["name"])
    for volume in pod.get("volumes", ()):
        sources = [volume, *volume.get("projected", {}).get("sources", ())]
        found |= {
            s["secret"].get("secretName") or s["secret"]["name"] for s in sources if "secret" in s
        }
    return {name.removeprefix("orderstream-") for name in found}


def test_every_pod_is_judged():
    assert set(PODS) == set(NEEDED)


@pytest.mark.parametrize("name", sorted(PODS))
def test_a_pod_is_given_the_secrets_it_needs_and_no_other(name):
    assert secrets_of(PODS[name]) == NEEDED[name]


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_the_charts_pod_is_given_the_same(name):
    """As written: Helm itself is not needed to see which secrets a template names."""
    text = (ROOT.parent / "helm/orderstream/templates" / f"{name}.yaml").read_text()
    words = {re.sub(r"([A-Z])", r"-\1", found).lower() for found in SECRET_OF_CHART.findall(text)}
    assert words == NEEDED[name]


@needs_helm
def test_the_chart_as_rendered_gives_each_pod_the_same_whatever_they_are_called():
    production = read_values("ci/production-values.yaml")
    named = {
        value: f"shop-{key.lower()}" for key, value in read_values("values.yaml")["secrets"].items()
    }
    keys = {key: named[value] for key, value in read_values("values.yaml")["secrets"].items()}
    plain = pods(render(production))
    renamed = pods(render({**production, "secrets": keys}))
    assert set(plain) == set(renamed) == set(NEEDED)
    for name, needed in NEEDED.items():
        assert secrets_of(plain[name]) == needed, name
        assert secrets_of(renamed[name]) == {named[f"orderstream-{one}"] for one in needed}, name


@pytest.mark.parametrize("name", ["worker", "dashboard"])
def test_a_login_without_a_key_needs_no_secret_of_one(name):
    """With `client_credentials` the pod would wait for a Secret that nobody has."""
    (base,) = [v for v in PODS[name]["volumes"] if v["name"] == "salesforce-key"]
    assert base["secret"]["optional"] is True
    chart = (ROOT.parent / "helm/orderstream/templates" / f"{name}.yaml").read_text()
    assert "secretName: {{ .Values.secrets.salesforceKey }}, optional: true}" in chart


def test_a_secret_that_is_not_needed_would_be_noticed():
    pod = PODS["ingress"]
    extra = {"envFrom": [{"secretRef": {"name": "orderstream-salesforce"}}]}
    assert "salesforce" in secrets_of({**pod, "initContainers": [extra]})
