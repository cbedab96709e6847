"""The demo as people run it: it balances, it can be kept and talked to, and it leaves nothing."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import orjson
import pytest

from sandbox.processes import PROJECT_DIRECTORY, orderstream

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.kafka,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

DEADLINE_SECONDS = 120
GONE_SECONDS = 20
BALANCE = re.compile(
    r"accepted ([\d,]+) = synced ([\d,]+) \+ unchanged ([\d,]+) \+ superseded ([\d,]+)"
    r" \+ dead ([\d,]+) \+ pending 0$",
    re.MULTILINE,
)


class RunningDemo:
    """One demo process; whatever it starts can be found by its TMPDIR."""

    def __init__(self, directory: Path, *arguments: str, bootstrap_servers: str = "") -> None:
        self.directory = directory
        self.output_path = directory / "output.txt"
        (directory / "tmp").mkdir()
        env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        env |= {name: value for name, value in os.environ.items() if name.startswith("JAVA")}
        env |= {"TMPDIR": str(directory / "tmp"), "PYTHONPATH": str(PROJECT_DIRECTORY)}
        env |= {"COLUMNS": "120", "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers}
        with self.output_path.open("wb") as output:
            self.process = subprocess.Popen(
                orderstream("demo", *arguments),
                cwd=directory,
                env=env,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.output_path.read_text(encoding="utf-8")

    def wait_for(self, pattern: str) -> re.Match[str]:
        found = wait_until(lambda: re.search(pattern, self.output, re.MULTILINE), self)
        assert isinstance(found, re.Match)
        return found

    def survivors(self) -> list[int]:
        """Pids that carry this demo's TMPDIR, the demo itself included."""
        mark = f"TMPDIR={self.directory / 'tmp'}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found


def wait_until(condition: Callable[[], object], demo: RunningDemo) -> object:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (found := condition()):
        assert demo.process.poll() is None, f"the demo ended:\n{demo.output}"
        assert time.monotonic() < deadline, f"not in time:\n{demo.output}"
        time.sleep(0.02)
    return found


def assert_nothing_is_left(demo: RunningDemo) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while left := demo.survivors():
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RunningDemo]]:
    started: list[RunningDemo] = []

    def run(*arguments: str, **options: str) -> RunningDemo:
        directory = tmp_path / f"demo{len(started)}"
        directory.mkdir()
        started.append(RunningDemo(directory, *arguments, **options))
        return started[-1]

    yield run
    for demo in started:
        if demo.process.poll() is None:
            demo.process.kill()
        demo.process.wait()
        for pid in demo.survivors():
            os.kill(pid, signal.SIGKILL)


def test_the_demo_balances(start, bootstrap_servers: str) -> None:
    demo = start("--orders", "30", bootstrap_servers=bootstrap_servers)
    assert demo.process.wait(DEADLINE_SECONDS) == 0, demo.output
    found = BALANCE.search(demo.output)
    assert found, demo.output
    accepted, *parts = (int(number.replace(",", "")) for number in found.groups())
    assert accepted == sum(parts) > 90
    dead = parts[3]
    assert dead == 1
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION [StageName]" in demo.output
    assert "fix: " in demo.output
    assert "agree on all 29 other orders" in demo.output
    assert len(re.findall(r"^ *\d{9,10} .*006\w{15}", demo.output, re.MULTILINE)) == 12
    assert_nothing_is_left(demo)


def test_a_store_of_every_known_shape_agrees_with_salesforce_to_the_cent(
    start, bootstrap_servers: str
) -> None:
    demo = start("--orders", "40", "--store", "real-world", bootstrap_servers=bootstrap_servers)
    assert demo.process.wait(DEADLINE_SECONDS) == 0, demo.output
    assert BALANCE.search(demo.output), demo.output
    assert "agree on all 39 other orders, to the cent" in demo.output


@pytest.mark.proof
def test_a_kept_demo_takes_one_more_order_from_the_printed_curl(
    start, bootstrap_servers: str
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    demo = start("--orders", "10", "--keep", bootstrap_servers=bootstrap_servers)
    command = shlex.split(demo.wait_for(r"^curl .*$")[0])
    answer = subprocess.run(command, capture_output=True, check=True, timeout=30)
    receipt = orjson.loads(answer.stdout)
    assert {"event_id", "topic", "partition", "offset"} <= set(receipt)
    assert "accounted for" in dashboard_page(demo)
    line = demo.wait_for(r"^\. .* audit$")[0]
    shell = ["/bin/sh", "-c", f"{line} --grace 1h"]
    audit = subprocess.run(shell, capture_output=True, check=False, timeout=60)
    assert (audit.returncode, b"accounted for" in audit.stdout) == (0, True), audit.stderr
    assert demo.process.poll() is None
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(DEADLINE_SECONDS) == 130
    assert_nothing_is_left(demo)


def dashboard_page(demo: RunningDemo) -> str:
    """The dashboard's first page, with the address and password that the demo printed."""
    url, password = demo.wait_for(r"^look at it: (\S+)  any name, password (\S+)$").groups()
    opener = build_opener(HTTPCookieProcessor())
    form = urlencode({"name": "Ann", "password": password}).encode()
    asked = Request(f"{url}/login", form, {"Origin": url})  # noqa: S310 - the demo's own address
    with opener.open(asked, timeout=30) as answer:
        return answer.read().decode()


MOMENTS = ["^logs: ", r"✓ broker", r"✓ ingress", r"accepted \d+ of"]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.proof
def test_ctrl_c_leaves_no_process(start, moment: str) -> None:
    demo = start("--orders", "30", "--keep")
    demo.wait_for(moment)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(DEADLINE_SECONDS) == 130, demo.output
    assert_nothing_is_left(demo)


def test_a_demo_that_is_killed_with_minus_9_leaves_no_process(start) -> None:
    demo = start("--orders", "30", "--keep")
    demo.wait_for(r"accepted \d+ of")
    assert len(demo.survivors()) > 5
    demo.process.kill()
    demo.process.wait()
    assert_nothing_is_left(demo)


@pytest.mark.proof
def test_a_process_that_dies_ends_the_demo_with_its_log(start, bootstrap_servers: str) -> None:
    demo = start("--orders", "500", bootstrap_servers=bootstrap_servers)
    demo.wait_for(r"✓ worker-1")
    relay = next(pid for pid in demo.survivors() if b"relay" in cmdline(pid))
    os.kill(relay, signal.SIGKILL)
    assert demo.process.wait(DEADLINE_SECONDS) == 1
    assert "relay ended with exit code -9" in demo.output
    assert_nothing_is_left(demo)


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
