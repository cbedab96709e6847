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


@pytest.fixture(scope="module")
def instructions():
    """(keyword, rest) of every instruction, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


@pytest.fixture(scope="module")
def copied(instructions):
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


def test_everything_that_is_copied_is_there_and_not_ignored(copied):
    for name in copied:
        assert (ROOT / name).exists(), name
        assert not ignored(name), name


def test_every_package_of_the_project_is_copied(copied):
    packages = {name.split(".")[0] for name in PROJECT["tool"]["setuptools"]["packages"]}
    assert packages <= set(copied)
    assert {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]} <= set(copied)


@pytest.mark.parametrize("name", [".env", ".git", ".venv", "config/server.key", "tests", ".cache"])
def test_secrets_and_rubbish_are_not_sent_to_the_engine(name):
    assert ignored(name)


def test_dependencies_come_from_the_lock_file_with_hashes(instructions):
    runs = [rest for keyword, rest in instructions if keyword == "RUN" and "pip install" in rest]
    assert runs == [
        f"pip install --require-hashes --requirement {LOCK}",
        "pip install --no-deps .",
    ]


def test_nothing_in_the_image_can_install_anything(instructions):
    stages = [number for number, (keyword, _) in enumerate(instructions) if keyword == "FROM"]
    build, run = instructions[: stages[1]], instructions[stages[1] :]
    for stage in (build, run):
        removed = " ".join(rest for _, rest in stage if "pip uninstall" in rest)
        assert {"pip", "setuptools"} <= set(removed.split())


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
    stages = [rest for keyword, rest in instructions if keyword == "FROM"]
    assert [stage.split()[0] for stage in stages] == ["python:3.11-slim-bookworm"] * 2
    assert PROJECT["project"]["requires-python"] == ">=3.11"


def test_the_process_is_not_root_and_owns_where_it_writes(instructions):
    last_stage = instructions[[i[0] for i in instructions].index("FROM", 1) :]
    users = [rest for keyword, rest in last_stage if keyword == "USER"]
    assert users == ["10001:10001"]
    run = next(rest for _, rest in last_stage if "useradd" in rest)
    assert "useradd --uid 10001" in run
    assert "--owner orderstream --group orderstream /state /config /tokens" in run


def test_the_entry_point_is_the_projects_command(instructions):
    (entry,) = [rest for keyword, rest in instructions if keyword == "ENTRYPOINT"]
    assert entry == '["orderstream"]'
    assert "orderstream" in PROJECT["project"]["scripts"]
