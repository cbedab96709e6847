"""What every test may ask for: a real broker, topics of its own on it, and settings to match."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from sandbox.broker import Broker, BrokerError, Source, choose_source
from sandbox.broker.container import kafka_container
from sandbox.broker.jars import jars_directory
from sandbox.broker.tools import find_tools
from stream.config import Settings, load_settings
from stream.kafka.topic_admin import TopicAdmin
from stream.ops.gc_tuning import collect_seldom
from stream.topics import Topics
from tests.support.skipped import line_of, note, reasons_of

PARTITIONS = 4
MEMORY, ROOM_IN_MEMORY = Path("/dev/shm"), 4 << 30  # noqa: S108 - a file system, not a file
# How long one example takes says more about the machine than about the code. `make test` tries the
# same examples each time, so that what it says is of the change; `make proofs` looks for others.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
TEST_SECRET = "a-secret-for-tests-only-0123456789"
TEST_SIGNING_KEY = "operators-of-these-tests-9f3c1be27a60"


def pytest_configure() -> None:
    """Let brokers write into memory, where there is room: a topic takes a fifth of the time.

    Thousands of tests stay in memory: to look for garbage among them is an eighth of a run.
    """
    collect_seldom()
    is_there = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_IN_MEMORY
    if is_there and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Undo what a command under test did to logging: its stderr is closed after the test.

    The default renders a traceback with all variables, which takes seconds.
    """
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def bootstrap_servers() -> Iterator[str]:
    """host:port of one broker for the whole run: given, in a container, or from jars."""
    with contextlib.ExitStack() as stack:
        match choose_source(find_tools(jars=jars_directory())):
            case Source.GIVEN:
                yield os.environ["KAFKA_BOOTSTRAP_SERVERS"]
            case Source.DOCKER:
                yield stack.enter_context(kafka_container())
            case Source.SANDBOX:
                yield stack.enter_context(Broker.start()).bootstrap_servers


@pytest.fixture(scope="session")
def _killable() -> Iterator[Callable[[], Broker]]:
    """A function that returns a broker of our own, alive whatever the last test did to it."""
    brokers: list[Broker] = []

    def alive() -> Broker:
        if not brokers or not brokers[-1].directory.exists():
            brokers.append(Broker.start())
        elif brokers[-1].is_paused or not brokers[-1].is_running:
            brokers[-1].restart()  # a pause ended just now leaves it fenced for a moment
        return brokers[-1]

    yield alive
    for broker in brokers:
        broker.stop()


@pytest.fixture
def own_broker(_killable: Callable[[], Broker]) -> Broker:
    """A broker that this test may pause, kill and restart (from jars only)."""
    try:
        return _killable()
    except BrokerError as error:
        pytest.skip(f"needs a broker it may kill: {error}")


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics and groups that no other test has."""
    return f"t{uuid.uuid4().hex[:8]}."


@pytest.fixture
def make_settings(
    topic_prefix: str, bootstrap_servers: str, tmp_path: Any
) -> Callable[..., Settings]:
    """Settings on the real broker, with this test's prefix; overrides are field names."""

    def make(**overrides: Any) -> Settings:
        values: dict[str, Any] = {
            "kafka_bootstrap_servers": bootstrap_servers,
            "kafka_topic_prefix": topic_prefix,
            "kafka_partitions": PARTITIONS,
            "magento_webhook_secret": TEST_SECRET,
            "operator_signing_key": TEST_SIGNING_KEY,
            "state_directory": tmp_path / "state",
        }
        return load_settings(env_file=None, **{**values, **overrides})

    return make


@pytest.fixture
async def topics(make_settings: Callable[..., Settings]) -> AsyncIterator[Topics]:
    """All topics of this test's prefix (4 partitions) on the real broker, deleted afterwards."""
    settings = make_settings()
    specs = settings.topics.specs()
    async with TopicAdmin(settings) as admin:
        await admin.create(specs)
        yield settings.topics
        await admin.delete([spec.name for spec in specs])


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell what was skipped in one line, with what to install; `make test` tells it of all suites."""
    if hasattr(terminalreporter.config, "workerinput"):
        return  # one of several processes: the first tells it for all
    reasons = reasons_of(terminalreporter.stats.get("skipped", []))
    note(reasons)
    terminalreporter.write_line(line_of(reasons))
