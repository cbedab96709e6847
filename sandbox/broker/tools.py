"""How can this machine have a Kafka? Asked once, answered in one sentence when it cannot.

| found                              | source  | who starts it                             |
|------------------------------------|---------|-------------------------------------------|
| KAFKA_BOOTSTRAP_SERVERS            | GIVEN   | its owner                                 |
| a Docker engine that has the image | DOCKER  | testcontainers                            |
| Java 17+, and Maven or cached jars | SANDBOX | `sandbox.broker.Broker`                   |

An engine that answers is not enough: without its registry, or without testcontainers (a dependency
of development), there is no container, and Java may do. What pauses and kills its broker (chaos,
some tests) needs SANDBOX, whatever else there is.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from sandbox.broker.image import IMAGE

LEAST_JAVA = 17
PROBE_SECONDS = 10
# The first pull ever is 400 MB.
PULL_SECONDS = 300


class BrokerError(RuntimeError):
    """No broker can be had or started; the message says what to do."""


class Source(StrEnum):
    """Where the broker comes from."""

    GIVEN = "given"
    DOCKER = "docker"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Tools:
    """What was found on this machine. `java_version` 0 = no Java; `maven` "" = no Maven.

    `docker_problem` says why a client that is there has no container for us.
    """

    bootstrap_servers: str = ""
    has_docker_engine: bool = False
    docker_problem: str = ""
    java: str = ""
    java_version: int = 0
    maven: str = ""
    has_jars: bool = False


def choose_source(tools: Tools) -> Source:
    """Return how to get a broker. Raises BrokerError that names what is missing."""
    if tools.bootstrap_servers:
        return Source.GIVEN
    if tools.has_docker_engine:
        return Source.DOCKER
    if tools.java_version >= LEAST_JAVA and (tools.maven or tools.has_jars):
        return Source.SANDBOX
    raise BrokerError(why_not(tools))


def why_not(tools: Tools, *, may_kill: bool = False) -> str:
    """Return the one sentence that says which of three things to set or install.

    With `may_kill` the broker has to be one of our own processes.
    """
    missing = []
    if tools.java_version == 0:
        missing.append("Java was not found")
    elif tools.java_version < LEAST_JAVA:
        missing.append(f"the Java found is version {tools.java_version}")
    if not (tools.maven or tools.has_jars):
        missing.append("Maven (mvn) was not found")
    here = f"(here {' and '.join(missing)})"
    if may_kill:
        return (
            "no Kafka broker that may be paused and killed: "
            f"install Java {LEAST_JAVA}+ and Maven {here}"
        )
    docker = f" (here {tools.docker_problem})" if tools.docker_problem else ""
    return (
        "no Kafka broker: either set KAFKA_BOOTSTRAP_SERVERS to the host:port of one, or start a "
        f"Docker engine{docker}, or install Java {LEAST_JAVA}+ and Maven {here}"
    )


def find_tools(*, jars: Path) -> Tools:
    """Look at this machine; `jars` is where a downloaded Kafka would be.

    Cheap answers first: what comes after a sufficient one is not asked for.
    """
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "").strip()
    if given:
        return Tools(bootstrap_servers=given)
    problem = docker_problem()
    if problem is None:
        return Tools(has_docker_engine=True)
    return replace(find_java(jars=jars), docker_problem=problem)


def find_java(*, jars: Path) -> Tools:
    """Look for Java, Maven and downloaded jars only."""
    java = java_command()
    return Tools(
        java=java,
        java_version=java_major(_first_output([java, "-version"])) if java else 0,
        maven=shutil.which("mvn") or "",
        has_jars=jars.is_dir(),
    )


def java_command() -> str:
    """Return the java of JAVA_HOME, else the one on PATH, else an empty string."""
    home = os.environ.get("JAVA_HOME", "")
    if home and (java := Path(home) / "bin" / "java").is_file():
        return str(java)
    return shutil.which("java") or ""


def java_major(version_text: str) -> int:
    """Return 17 for `openjdk version "17.0.15"`, 8 for `"1.8.0_392"`, 0 for anything else."""
    match = re.search(r'version "(\d+)(?:\.(\d+))?', version_text)
    if match is None:
        return 0
    major = int(match[1])
    return int(match[2] or 0) if major == 1 else major


def docker_problem() -> str | None:
    """Return why Docker gives no broker; "" without a client, None when it gives one."""
    docker = shutil.which("docker")
    if not docker:
        return ""
    if not _first_output([docker, "version", "--format", "{{.Server.Version}}"]):
        return "a Docker client is there and no engine answers"
    if importlib.util.find_spec("testcontainers") is None:
        return "Docker answers and the Python package testcontainers is not installed"
    if not has_image(docker, IMAGE):
        return f"Docker answers and cannot pull {IMAGE}"
    return None


def has_image(docker: str, image: str) -> bool:
    """Return whether the engine has an image, or can get it."""
    if _first_output([docker, "image", "inspect", "--format", "{{.Id}}", image]):
        return True
    return bool(_first_output([docker, "pull", "--quiet", image], seconds=PULL_SECONDS))


def _first_output(command: list[str], *, seconds: float = PROBE_SECONDS) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a tool that was found on this machine
            command, capture_output=True, text=True, timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    # Java prints its version on stderr.
    return (done.stdout.strip() or done.stderr.strip()) if done.returncode == 0 else ""
