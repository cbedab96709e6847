"""What is published is what people install: wheels and sdist, in an empty environment.

First orderstream alone, as where orders are carried, then the simulators beside it.

Built by setuptools' own hooks from a clean copy, installed from the locks, run far from the sources.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml

from sandbox.processes import PROJECT_DIRECTORY

pytestmark = [
    pytest.mark.proof,
    pytest.mark.e2e,
    pytest.mark.kafka,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="starts the sandbox's processes"),
]
VERSION = tomllib.loads((PROJECT_DIRECTORY / "pyproject.toml").read_text())["project"]["version"]
# Of the caller's own settings nothing may help an installation.
SURROUNDINGS = {
    name: value
    for name, value in os.environ.items()
    if name in {"PATH", "HOME", "TMPDIR", "JAVA_HOME"} or name.startswith("PIP_")
}
BUILD = "import sys, setuptools.build_meta as b; print(getattr(b, 'build_' + sys.argv[1])('{}'))"


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=SURROUNDINGS | env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """The sdist of what is committed or about to be, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("release")
    source = folder / "source"
    listed = run("git", "ls-files", "-co", "--exclude-standard", cwd=PROJECT_DIRECTORY).splitlines()
    for name in listed:
        if (PROJECT_DIRECTORY / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((PROJECT_DIRECTORY / name).read_bytes())
    tools = folder / "tools"
    run(sys.executable, "-m", "venv", tools, cwd=folder)
    needed = tomllib.loads((source / "pyproject.toml").read_text())["build-system"]["requires"]
    run(tools / "bin/pip", "install", "-q", *needed, "wheel", cwd=folder)
    build = BUILD.format(folder)
    sdist = run(tools / "bin/python", "-c", build, "sdist", cwd=source).splitlines()[-1]
    with tarfile.open(folder / sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    run(tools / "bin/python", "-c", build, "wheel", cwd=unpacked)
    run(tools / "bin/python", "-c", build, "wheel", cwd=source / "sandbox")
    return folder


def test_the_wheels_run_in_an_empty_environment(dist, bootstrap_servers, topic_prefix):
    (wheel,) = dist.glob(f"orderstream-{VERSION}-*.whl")
    (simulators,) = dist.glob(f"orderstream_sandbox-{VERSION}-*.whl")
    place, empty = dist / "place", dist / "empty"
    empty.mkdir()
    run(sys.executable, "-m", "venv", place, cwd=dist)
    lock = PROJECT_DIRECTORY / "requirements.lock"
    run(place / "bin/pip", "install", "-q", "--require-hashes", "-r", lock, cwd=dist)
    run(place / "bin/pip", "install", "-q", "--no-deps", wheel, cwd=dist)
    command = place / "bin/orderstream"
    assert run(command, "--version", cwd=empty).strip() == VERSION
    assert "order:" in run(command, "map", "--print-default", cwd=empty)
    assert run(command, "settings", cwd=empty)
    told = {"kafka": "own", "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers, "store": "no"}
    told |= {"KAFKA_REPLICATION_FACTOR": "1", "KAFKA_TOPIC_PREFIX": topic_prefix}
    (empty / "answers.yaml").write_text(yaml.safe_dump(told))
    org = [word for name in ("login", "package", "mapping") for word in ("--skip", name)]
    said = run(command, "setup", "--answers", "answers.yaml", *org, cwd=empty)
    assert "needs the simulators, which are not installed here" in said
    assert said.rstrip().endswith("left to do: login, package, mapping, validate")
    run(place / "bin/pip", "install", "-q", "--no-deps", simulators, cwd=dist)
    run(place / "bin/pip", "check", cwd=dist)
    env = {"KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers}
    output = run(command, "demo", "--orders", "10", cwd=empty, **env)
    assert re.search(r"^accepted .* pending 0$", output, re.MULTILINE), output
