from __future__ import annotations

import dataclasses

import pytest

from sandbox.broker.tools import (
    BrokerError,
    Source,
    Tools,
    choose_source,
    find_tools,
    java_major,
    why_not,
)


def test_a_given_broker_comes_before_everything():
    tools = Tools(bootstrap_servers="kafka:9092", has_docker_engine=True, java_version=17)
    assert choose_source(tools) is Source.GIVEN


def test_a_docker_engine_comes_before_java():
    tools = Tools(has_docker_engine=True, java_version=17, maven="/usr/bin/mvn")
    assert choose_source(tools) is Source.DOCKER


@pytest.mark.parametrize(
    "tools",
    [Tools(java_version=17, maven="/usr/bin/mvn"), Tools(java_version=21, has_jars=True)],
    ids=["java and maven", "java and jars that were fetched before"],
)
def test_java_with_a_way_to_the_jars_is_enough(tools):
    assert choose_source(tools) is Source.SANDBOX


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        (Tools(maven="/usr/bin/mvn"), "Java was not found"),
        (Tools(java_version=11, maven="/usr/bin/mvn"), "the Java found is version 11"),
        (Tools(java_version=17), "Maven (mvn) was not found"),
        (Tools(), "Java was not found and Maven (mvn) was not found"),
    ],
    ids=["no java", "old java", "no maven", "nothing"],
)
def test_the_error_names_the_three_ways_and_what_is_missing(tools, reason):
    with pytest.raises(BrokerError) as caught:
        choose_source(tools)
    message = str(caught.value)
    assert "\n" not in message
    assert "KAFKA_BOOTSTRAP_SERVERS" in message
    assert "Docker engine" in message
    assert "Java 17+ and Maven" in message
    assert message.endswith(f"(here {reason})")


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ("", 0),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", 0),
    ],
)
def test_the_version_of_java_is_read(text, major):
    assert java_major(text) == major


def test_nothing_is_asked_of_the_machine_when_a_broker_is_given(monkeypatch, tmp_path):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", " kafka:9092 ")
    monkeypatch.setenv("PATH", "")
    assert find_tools(jars=tmp_path) == Tools(bootstrap_servers="kafka:9092")


def test_a_machine_without_tools_is_seen_as_one(monkeypatch, tmp_path):
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_tools(jars=tmp_path / "jars") == Tools()


@pytest.fixture
def docker_that(monkeypatch, tmp_path):
    """A docker on PATH, alone there, that does as the script says."""

    def make(script: str) -> None:
        docker = tmp_path / "docker"
        docker.write_text(f"#!/bin/sh\n{script}\n")
        docker.chmod(0o755)
        monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
        monkeypatch.delenv("JAVA_HOME", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))

    return make


CANNOT_PULL = """
case "$1" in
version) echo 28.2.2;;
*) echo "toomanyrequests: You have reached your pull rate limit" >&2; exit 1;;
esac
"""
HAS_IMAGE = 'case "$1$2" in version*|imageinspect) echo here;; *) exit 1;; esac'
PULLS = 'case "$1" in version|pull) echo here;; *) exit 1;; esac'


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "no engine answers"),
        (CANNOT_PULL, "cannot pull apache/kafka"),
    ],
)
def test_a_docker_that_gives_no_container_is_not_enough(docker_that, tmp_path, script, reason):
    docker_that(script)
    tools = find_tools(jars=tmp_path / "jars")
    assert not tools.has_docker_engine
    with pytest.raises(BrokerError, match=reason):
        choose_source(tools)
    java = dataclasses.replace(tools, java_version=17, maven="/usr/bin/mvn")
    assert choose_source(java) is Source.SANDBOX


@pytest.mark.parametrize("script", [HAS_IMAGE, PULLS], ids=["has the image", "pulls it"])
def test_a_docker_that_has_the_image_is(docker_that, tmp_path, script):
    docker_that(script)
    assert choose_source(find_tools(jars=tmp_path / "jars")) is Source.DOCKER


def test_an_engine_without_testcontainers_is_not_enough(docker_that, tmp_path, monkeypatch):
    docker_that(HAS_IMAGE)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    tools = find_tools(jars=tmp_path / "jars")
    assert "testcontainers is not installed" in tools.docker_problem


def test_who_may_kill_its_broker_is_not_sent_to_docker():
    sentence = why_not(Tools(has_docker_engine=True), may_kill=True)
    assert "Docker" not in sentence
    assert "install Java 17+ and Maven" in sentence
