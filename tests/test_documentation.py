"""What is written about the project is compared with the project."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from prometheus_client import REGISTRY
from typer.main import get_command

from agents.salesforce.errors import reference as errors_reference
from cli.main import app
from stream import settings_reference
from stream.config import Settings
from stream.ops import metrics

ROOT = Path(__file__).resolve().parent.parent
README_LINES = 150
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
REFERENCES = {
    name: ROOT / "docs" / "reference" / f"{name}.md" for name in ("magento", "salesforce", "kafka")
}
CITATION = re.compile(r"\b(magento|salesforce|kafka)\s+reference\s+((?:§[\d.]+(?:,\s+)?)+)")
HEADING = re.compile(r"^#{2,3} (\d+(?:\.\d+)?)[. ]", re.MULTILINE)
ITEM = re.compile(r"^(\d+)\. ", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE_PATH = re.compile(
    r"`((?:schemas|stream|agents|dashboard|cli|sandbox|chaos|tests|docs|deploy|bench|salesforce)/[\w./-]+)`"
)
COMMAND = re.compile(r"orderstream ([a-z]+)")
# As typed: in code, up to what the shell would take, or a comment.
COMMAND_LINE = re.compile(
    r"(?:`|^ *\$? ?)orderstream ([a-z][^`#|;&>\n]*(?:\n[^`#|;&>\n]*(?=`))?)", re.MULTILINE
)

BLUEPRINT = (
    *("MAGENTO_BASE_URL", "MAGENTO_CONSUMER_KEY", "MAGENTO_CONSUMER_SECRET"),
    *("MAGENTO_ACCESS_TOKEN", "MAGENTO_ACCESS_TOKEN_SECRET", "MAGENTO_WEBHOOK_SECRET"),
    *("SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET", "SALESFORCE_USERNAME"),
    *("SALESFORCE_PRIVATE_KEY_PATH", "SALESFORCE_LOGIN_URL", "SALESFORCE_API_VERSION"),
)


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def variables(text: str) -> list[str]:
    return re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE)


def test_the_sample_file_has_every_setting_once_and_nothing_else() -> None:
    names = variables(read(".env.example"))
    assert sorted(names) == sorted(name.upper() for name in Settings.model_fields)


def test_the_blueprints_variable_names_are_kept() -> None:
    assert set(BLUEPRINT) <= set(variables(read(".env.example")))


def test_the_sample_file_sets_nothing() -> None:
    for line in read(".env.example").splitlines():
        assert not line or line.startswith("#") or line.endswith("=")


def test_every_setting_says_what_it_means() -> None:
    assert not [line.name for line in settings_reference.setting_lines() if not line.meaning]


@pytest.mark.parametrize(
    ("path", "made"),
    [
        ("docs/settings.md", settings_reference.markdown),
        (".env.example", settings_reference.env_example),
        ("docs/salesforce-errors.md", errors_reference.markdown),
    ],
)
def test_a_generated_document_is_up_to_date(path: str, made) -> None:
    assert read(path) == made(), f"{path} is old: make docs"


def test_every_metric_is_explained() -> None:
    text = read("docs/metrics.md")
    assert metrics.ALERTS
    names = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in REGISTRY.collect()
        if family.name.startswith("orderstream_")
    }
    explained = set(re.findall(r"^\| `(orderstream_\w+)`", text, re.MULTILINE))
    assert explained == names


def test_every_command_is_in_the_readme_and_every_command_in_it_exists() -> None:
    group = get_command(app)
    commands = {name for name, command in group.commands.items() if not command.hidden}
    named = set(COMMAND.findall(read("README.md")))
    assert named == commands


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_command_that_a_document_names_has_the_options_that_it_is_given(document: Path) -> None:
    for line in COMMAND_LINE.findall(document.read_text(encoding="utf-8")):
        command, words = get_command(app), line.split()
        while words and words[0] in getattr(command, "commands", ()):
            command = command.commands[words.pop(0)]
        known = {
            name for option in command.params for name in (*option.opts, *option.secondary_opts)
        }
        given = set(re.findall(r"(?<!\S)--[a-z][\w-]*", " ".join(words)))
        assert given - {"--help"} <= known, line


def test_the_readme_is_short() -> None:
    assert len(read("README.md").splitlines()) <= README_LINES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link]
    missing = [link for link in links if link and not (document.parent / link).exists()]
    missing += [path for path in CODE_PATH.findall(text) if not (ROOT / path).exists()]
    assert not missing


def sections(path: Path) -> set[str]:
    """Return the sections of a reference: its headings, and the items of its first section."""
    text = path.read_text(encoding="utf-8")
    first = text.partition("## 1. ")[2].partition("\n## ")[0]
    return {*HEADING.findall(text), *(f"1.{number}" for number in ITEM.findall(first))}


def test_every_citation_leads_to_a_section_of_a_reference() -> None:
    known = {name: sections(path) for name, path in REFERENCES.items()}
    code = [
        path
        for folder in ("schemas", "stream", "agents", "dashboard", "cli", "sandbox", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    cited = [
        (path.relative_to(ROOT).as_posix(), name, number.rstrip("."))
        for path in code
        for name, numbers in CITATION.findall(path.read_text(encoding="utf-8"))
        for number in re.findall(r"§([\d.]+)", numbers)
    ]
    assert cited
    assert [item for item in cited if item[2] not in known[item[1]]] == []


def test_every_invariant_names_tests_that_exist() -> None:
    rows = re.findall(
        r"^\| (\d+) \|.*\| (tests/\S+) \|$", read("docs/architecture.md"), re.MULTILINE
    )
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    assert [path for _, path in rows if not (ROOT / path).is_file()] == []


def test_the_locks_satisfy_the_bounds_that_an_installation_may_use() -> None:
    """`pip install .` must not pick versions that nobody has tried: every bound has an end."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    locked = dict(
        re.findall(r"^([\w.-]+)==([^\s;\\]+)", read("requirements-dev.lock"), re.MULTILINE)
    )
    tried = {canonicalize_name(name): version for name, version in locked.items()}
    bounds = [Requirement(line) for line in project["dependencies"]]
    bounds += [Requirement(line) for line in project["optional-dependencies"]["otel"]]
    assert [str(bound) for bound in bounds if "<" not in str(bound.specifier)] == []
    assert [
        str(bound)
        for bound in bounds
        if not bound.specifier.contains(tried[canonicalize_name(bound.name)])
    ] == []
