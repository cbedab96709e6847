"""The Helm chart, rendered by Helm itself: the command, or its SDK where that is installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from support.compose_file import ROOT

CHART = ROOT / "deploy" / "helm" / "orderstream"


def helm_is_here() -> bool:
    return shutil.which("helm") is not None or importlib.util.find_spec("helm_python") is not None


needs_helm = pytest.mark.skipif(not helm_is_here(), reason="Helm is not installed (helm.sh)")


def read_values(name: str) -> dict[str, Any]:
    return yaml.load((CHART / name).read_text(), Loader=yaml.CSafeLoader)


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a release. Raises what Helm says against the values."""
    if shutil.which("helm"):
        command = ["helm", "template", "orderstream", str(CHART), "--values", "-"]
        command += ["--kube-version", "1.30"]  # without a cluster Helm supposes one of its own
        ran = subprocess.run(
            command, input=json.dumps(values), capture_output=True, text=True, check=False
        )
        if ran.returncode:
            raise ValueError(ran.stderr)
        return [found for found in yaml.load_all(ran.stdout, Loader=yaml.CSafeLoader) if found]
    from helm_python.chart import Chart

    with Chart.load(CHART) as chart:
        files = chart.render(values=values, name="orderstream")
    return [
        found
        for text in files.values()
        for found in yaml.load_all(text, Loader=yaml.CSafeLoader)
        if found
    ]


def lint(values: dict[str, Any]) -> list[str]:
    """Return what `helm lint --strict` complains about."""
    if shutil.which("helm"):
        command = ["helm", "lint", "--strict", str(CHART), "--values", "-"]
        ran = subprocess.run(
            command, input=json.dumps(values), capture_output=True, text=True, check=False
        )
        return [] if ran.returncode == 0 else ran.stdout.splitlines()
    from helm_python.chart import lint as sdk_lint

    said = sdk_lint(CHART, values, strict=True)
    return [str(message) for message in said["messages"] if message["severity"] not in ("INFO", 1)]
