"""One version everywhere: what is installed, what the command says, and what the chart is made for."""

from __future__ import annotations

import tomllib
from pathlib import Path

import yaml
from typer.testing import CliRunner

from cli.main import app
from stream.version import UNKNOWN, own_version

ROOT = Path(__file__).parents[2]
WRITTEN = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_command_says_the_version_that_is_installed() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.stdout.strip()) == (0, own_version())
    assert own_version() != UNKNOWN


def test_the_chart_is_made_for_this_version() -> None:
    chart = yaml.load(
        (ROOT / "deploy/helm/orderstream/Chart.yaml").read_text(), Loader=yaml.CSafeLoader
    )
    assert (chart["version"], chart["appVersion"]) == (WRITTEN, WRITTEN)


def test_the_version_has_its_section_in_the_changelog() -> None:
    assert f"\n## {WRITTEN}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")
