"""The Dockerfile and what Docker is given to build from."""

from __future__ import annotations

import re
import shlex
import tomllib
from fnmatch import fnmatch

import pytest
from support.compose_file import ROOT

LOCK = "requirements-otel.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SIMULATORS = tomllib.loads((ROOT / "sandbox/pyproject.toml").read_text())
PYTHON = "python:3.11-slim-bookworm"


@pytest.fixture(scope="module")
def instructions():
    """(keyword, rest) of every instruction, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


@pytest.fixture(scope="module")
def stages(instructions):
    """Name -> instructions of every stage; the last, which has no name, is what is built."""
    found: dict[str, list] = {}
    for keyword, rest in instructions:
        if keyword == "FROM":
            own = found[rest.partition(" AS ")[2] or "built"] = []
        own.append((keyword, rest))
    assert list(found)[-1] == "built"
    return found


def grown(stages, name):
    """The instructions that are in an image: of its stage, and of the ones that it is made from."""
    if name not in stages:
        return []
    (_, start), *own = stages[name]
    copied = [rest.split()[0] for keyword, rest in own if keyword == "COPY"]
    others = [one.removeprefix("--from=") for one in copied if one.startswith("--from=")]
    return [
        *grown(stages, start.partition(" AS ")[0]),
        *(line for other in others for line in grown(stages, other)),
        *own,
    ]


def sources(instructions):
    """Every source that is copied from the build context."""
    found = []
    for keyword, rest in instructions:
        words = shlex.split(rest)
        if keyword == "COPY" and not words[0].startswith("--from"):
            found += [word.removeprefix("./") for word in words[:-1]]
    return found


def ignored(name: str) -> bool:
    """Whether .dockerignore hides a path: the last rule that matches decides."""
    hidden = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            if fnmatch(name, pattern) or name.startswith(pattern + "/"):
                hidden = not line.startswith("!")
    return hidden


def test_everything_that_is_copied_is_there_and_not_ignored(instructions):
    for name in sources(instructions):
        assert (ROOT / name).exists(), name
        assert not ignored(name), name


def test_every_package_of_the_project_is_copied_and_no_simulator(stages):
    packages = {name.split(".")[0] for name in PROJECT["tool"]["setuptools"]["packages"]}
    text = {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"], "pyproject.toml"}
    built = grown(stages, "built")
    assert set(sources(built)) == packages | text | {LOCK, "salesforce"}
    assert "sandbox" not in str(built)
    assert set(sources(grown(stages, "demo"))) == set(sources(built)) | {"sandbox"}


@pytest.mark.parametrize(
    ("project", "folders"), [(PROJECT, ("agents", "cli", "dashboard", "schemas", "stream")),
                             (SIMULATORS, ("sandbox",))]
)  # fmt: skip
def test_every_package_is_in_one_of_the_two_distributions(project, folders):
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
    }
    assert set(project["tool"]["setuptools"]["packages"]) == found


def test_the_simulators_are_of_the_version_of_the_product():
    version = PROJECT["project"]["version"]
    assert SIMULATORS["project"]["version"] == version
    assert SIMULATORS["project"]["dependencies"] == [f"orderstream=={version}"]


@pytest.mark.parametrize("name", [".env", ".git", ".venv", "config/server.key", "tests", ".cache"])
def test_secrets_and_rubbish_are_not_sent_to_the_engine(name):
    assert ignored(name)


def test_dependencies_come_from_the_lock_file_with_hashes(stages):
    built = grown(stages, "built")
    runs = [rest for keyword, rest in built if keyword == "RUN" and "pip install" in rest]
    assert runs == [
        f"pip install --require-hashes --requirement {LOCK}",
        "pip install --no-deps .",
    ]


@pytest.mark.parametrize("environment", ["base", "build-production", "build-demo"])
def test_nothing_in_the_image_can_install_anything(stages, environment):
    removed = [rest for _, rest in grown(stages, environment) if "pip uninstall" in rest]
    assert {"pip", "setuptools"} <= set(" ".join(removed).split())
    assert stages["base"][0] == ("FROM", f"{PYTHON} AS base")  # not the stage with a compiler


def test_the_image_says_what_it_is(instructions):
    labels = " ".join(rest for keyword, rest in instructions if keyword == "LABEL")
    for name in ("title", "description", "version", "revision", "licenses"):
        assert f"org.opencontainers.image.{name}=" in labels
    assert PROJECT["project"]["license"] in labels
    arguments = {rest.split("=")[0] for keyword, rest in instructions if keyword == "ARG"}
    assert arguments == {"VERSION", "REVISION"} == set(re.findall(r"\$\{(\w+)\}", labels))


def pins(name: str) -> dict[str, str]:
    """Package -> version of every entry of a lock file; each must have a hash."""
    text = (ROOT / name).read_text()
    found = {}
    for block in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE):
        if "==" in block:
            assert "sha256:" in block, block
            package, version = block.split()[0].split("==")
            found[package] = version
    return found


def test_the_lock_file_has_a_hash_for_every_package_and_for_what_traces_need():
    wanted = PROJECT["project"]["dependencies"]
    wanted = wanted + PROJECT["project"]["optional-dependencies"]["otel"]
    names = {re.split(r"[<>=!~\[ ]", one)[0].lower().replace("_", "-") for one in wanted}
    assert names <= set(pins(LOCK))


def test_the_image_has_the_very_versions_that_are_installed_elsewhere():
    assert pins("requirements.lock").items() <= pins(LOCK).items()


def test_the_image_has_the_python_of_the_lock_file(instructions):
    bases = {rest.split()[0] for keyword, rest in instructions if keyword == "FROM"}
    assert {base for base in bases if ":" in base} == {PYTHON}
    assert PROJECT["project"]["requires-python"] == ">=3.11"


@pytest.mark.parametrize("image", ["built", "demo"])
def test_the_process_is_not_root_and_owns_where_it_writes(stages, image):
    in_it = grown(stages, image)
    assert [rest for keyword, rest in in_it if keyword == "USER"] == ["10001:10001"]
    run = next(rest for _, rest in in_it if "useradd" in rest)
    assert "useradd --uid 10001" in run
    assert "--owner orderstream --group orderstream /state /config /tokens" in run


def test_the_entry_point_is_the_projects_command(instructions):
    (entry,) = [rest for keyword, rest in instructions if keyword == "ENTRYPOINT"]
    assert entry == '["orderstream"]'
    assert "orderstream" in PROJECT["project"]["scripts"]
