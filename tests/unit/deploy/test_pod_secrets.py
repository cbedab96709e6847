"""Which secrets reach which pod: those it needs, by Kustomize and by Helm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3] / "deploy" / "kubernetes"
SECRET_OF_CHART = re.compile(r"\.Values\.secrets\.(\w+)")


def pods() -> dict[str, dict[str, Any]]:
    """Return the pod of every Deployment and CronJob, by name."""
    found = {}
    for path in sorted((ROOT / "base").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if not document or document.get("kind") not in {"Deployment", "CronJob"}:
                continue
            spec = document["spec"]
            spec = spec["jobTemplate"]["spec"] if document["kind"] == "CronJob" else spec
            found[document["metadata"]["name"]] = spec["template"]["spec"]
    return found


PODS = pods()


NEEDED = {
    "ingress": {"kafka", "webhooks", "kafka-tls"},
    "worker": {"kafka", "salesforce", "alerts", "operators", "magento", "kafka-tls"}
    | {"salesforce-key"},
    "relay": {"kafka", "alerts", "kafka-tls"},
    "lag": {"kafka", "kafka-tls"},
    "dashboard": {"kafka", "salesforce", "dashboard", "operators", "kafka-tls", "salesforce-key"},
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


def test_a_secret_that_is_not_needed_would_be_noticed():
    pod = PODS["ingress"]
    extra = {"envFrom": [{"secretRef": {"name": "orderstream-salesforce"}}]}
    assert "salesforce" in secrets_of({**pod, "initContainers": [extra]})
