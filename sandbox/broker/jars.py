"""Apache Kafka's jars: fetched once from Maven Central (46 jars, 44 MB), then found in a folder.

Several processes may want them at the same time. One downloads into a folder of its own and
renames it when it is complete; the others wait for its lock. A download that is killed leaves no
half cache.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.broker.tools import BrokerError

KAFKA_VERSION = "4.3.1"
FETCH_SECONDS = 600
POM = Path(__file__).with_name("pom.xml")
CHECKOUT = Path(__file__).parents[2]


def cache_directory() -> Path:
    """Return ORDERSTREAM_CACHE, else `.cache` of the checkout, else `.cache` where we stand."""
    given = os.environ.get("ORDERSTREAM_CACHE", "")
    if given:
        return Path(given).expanduser().resolve()
    home = CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path.cwd()
    return home / ".cache"


def jars_directory() -> Path:
    """Return the folder that holds the jars once they are there."""
    return cache_directory() / f"kafka-{KAFKA_VERSION}"


def ensure_jars(maven: str) -> Path:
    """Return the folder of the jars, after downloading them if need be. Raises BrokerError."""
    jars = jars_directory()
    if jars.is_dir():
        return jars
    jars.parent.mkdir(parents=True, exist_ok=True)
    with _locked(jars.with_name(f"{jars.name}.lock")):
        if not jars.is_dir():
            _download(maven, jars)
    return jars


def _download(maven: str, jars: Path) -> None:
    scratch = Path(tempfile.mkdtemp(prefix="kafka-download-", dir=jars.parent))
    try:
        _run_maven(maven, scratch)
        scratch.rename(jars)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _run_maven(maven: str, target: Path) -> None:
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    try:
        done = subprocess.run(  # noqa: S603 - Maven, with our own pom
            [*command, *options], capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BrokerError(f"Maven could not fetch Apache Kafka {KAFKA_VERSION}: {error}") from error
    if done.returncode != 0 or not any(target.glob("kafka_2.13-*.jar")):
        reason = "\n".join((done.stdout + done.stderr).strip().splitlines()[:8])
        raise BrokerError(f"Maven could not fetch Apache Kafka {KAFKA_VERSION}:\n{reason}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
