"""Kubernetes writes the address of every Service into every pod, under names that are settings.

A Service `ingress` is `INGRESS_PORT=tcp://10.96.0.7:80` to each pod of its namespace, and our Services
are called as our processes are.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from support.helm_chart import CHART
from support.manifests import BASE, documents, of_kind

from stream.config import Settings, load_settings
from stream.errors import SettingsError

PODS = {**of_kind("Deployment"), **of_kind("CronJob")}
LINKED = {d["metadata"]["name"]: d for d in documents(BASE) if d["kind"] == "Service"}


def pod_of(owner: dict[str, Any]) -> dict[str, Any]:
    spec = owner["spec"]
    spec = spec["jobTemplate"]["spec"] if owner["kind"] == "CronJob" else spec
    pod: dict[str, Any] = spec["template"]["spec"]
    return pod


def links() -> dict[str, str]:
    """Return what a pod is given: one of Docker's old variables for each Service with an address."""
    return {
        f"{name.upper().replace('-', '_')}_PORT": "tcp://10.96.0.7:80"
        for name, service in LINKED.items()
        if service["spec"].get("clusterIP") != "None"
    }


def test_the_names_of_our_services_are_names_of_settings():
    """Else nothing here would test anything."""
    assert {name.lower() for name in links()} & set(Settings.model_fields)


@pytest.mark.parametrize("name", PODS)
def test_no_pod_is_given_them(name):
    assert pod_of(PODS[name]).get("enableServiceLinks") is False


@pytest.mark.parametrize("name", PODS)
def test_nor_by_the_chart(name):
    text = (CHART / "templates" / f"{name}.yaml").read_text()
    assert len(re.findall(r"^ +enableServiceLinks: false$", text, re.MULTILINE)) == 1
    assert "enableServiceLinks" not in yaml.safe_dump(LINKED)


@pytest.mark.parametrize("name", ["INGRESS_PORT", "DASHBOARD_PORT", "STATUS_PORT"])
def test_who_is_given_them_by_manifests_of_his_own_is_told_what_it_is(monkeypatch, name):
    monkeypatch.setenv(name, "tcp://10.96.0.7:80")
    with pytest.raises(SettingsError, match=f"{name}: .*enableServiceLinks: false"):
        load_settings(env_file=None)
