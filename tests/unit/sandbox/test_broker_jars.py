"""The download of Kafka, with a Maven made of shell."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.broker.jars import cache_directory, ensure_jars, jars_directory
from sandbox.broker.tools import BrokerError

GOOD = """#!/bin/sh
echo run >> "{runs}"
for word in "$@"; do case "$word" in -DoutputDirectory=*) target=${{word#*=}};; esac; done
touch "$target/one.jar"
sleep 0.2
touch "$target/kafka_2.13-4.3.1.jar"
"""
BAD = """#!/bin/sh
for word in "$@"; do case "$word" in -DoutputDirectory=*) touch "${word#*=}/half.jar";; esac; done
echo "[ERROR] Could not transfer artifact"
exit 1
"""


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ORDERSTREAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def maven(tmp_path, script):
    path = tmp_path / "mvn"
    path.write_text(
        script.replace("{runs}", str(tmp_path / "runs")).replace("{{", "{").replace("}}", "}")
    )
    path.chmod(0o755)
    return str(path)


def test_the_cache_can_be_elsewhere(cache):
    assert cache_directory() == cache
    assert jars_directory() == cache / "kafka-4.3.1"


def test_without_a_wish_the_cache_is_in_the_checkout(monkeypatch):
    monkeypatch.delenv("ORDERSTREAM_CACHE", raising=False)
    assert (cache_directory().parent / "pyproject.toml").is_file()


def test_two_that_want_the_jars_at_once_download_them_once(cache, tmp_path):
    command = maven(tmp_path, GOOD)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ensure_jars, [command] * 4))
    assert found == [cache / "kafka-4.3.1"] * 4
    assert (tmp_path / "runs").read_text() == "run\n"
    assert sorted(path.name for path in found[0].iterdir()) == ["kafka_2.13-4.3.1.jar", "one.jar"]


def test_a_failed_download_leaves_no_half_cache_and_says_why(cache, tmp_path):
    with pytest.raises(BrokerError, match="Could not transfer artifact"):
        ensure_jars(maven(tmp_path, BAD))
    assert [path.name for path in cache.iterdir()] == ["kafka-4.3.1.lock"]


def test_jars_that_are_there_need_no_maven(cache):
    (cache / "kafka-4.3.1").mkdir(parents=True)
    assert ensure_jars("") == cache / "kafka-4.3.1"
