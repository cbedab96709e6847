"""The process harness: nothing outlives it, and a death is reported with its log."""

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from sandbox.process import ProcessError
from sandbox.processes import PROJECT_DIRECTORY, Processes, logs

READY = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + READY


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_started_process_is_ready_and_is_stopped_at_the_end(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        process = await processes.start("one", *python(READY), ready=logs("^ready$"))
        assert is_alive(process.pid)
        assert processes.running == [process]
    assert not is_alive(process.pid)
    assert process.returncode == -15


async def test_a_process_that_dies_early_is_reported_with_the_end_of_its_log(
    tmp_path: Path,
) -> None:
    code = "import sys; print('no such broker'); sys.exit(3)"
    async with Processes(tmp_path) as processes:
        with pytest.raises(ProcessError, match=r"ended with exit code 3.*\n.*no such broker"):
            await processes.start("one", *python(code), ready=logs("^ready$"))


@pytest.mark.slow
async def test_a_process_that_is_not_ready_in_time_is_killed(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        with pytest.raises(ProcessError, match="not ready after") as caught:
            await processes.start(
                "one", *python(READY), ready=logs("^never$"), ready_timeout_seconds=0.5
            )
        assert not is_alive(caught.value.process.pid)


@pytest.mark.slow
async def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        process = await processes.start("one", *python(STUBBORN), ready=logs("^ready$"))
        assert await process.stop(timeout_seconds=0.3) == -9


async def test_a_frozen_process_can_be_stopped(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        process = await processes.start("one", *python(READY), ready=logs("^ready$"))
        process.freeze()
        assert await process.stop(timeout_seconds=5) == -15


async def test_what_a_process_started_is_stopped_with_it(tmp_path: Path) -> None:
    code = f"""
    import subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", {READY!r}])
    print("child", child.pid, flush=True)
    time.sleep(600)
    """
    async with Processes(tmp_path) as processes:
        process = await processes.start(
            "one", *python(textwrap.dedent(code)), ready=logs(r"child \d+$")
        )
        child = int(process.output.split()[1])
        await process.stop()
    await gone(child)


async def test_a_killed_process_restarts_with_the_same_command_and_log(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        first = await processes.start("one", *python(READY), ready=logs("^ready$"))
        await first.kill()
        second = await processes.restart("one", ready=logs("^ready$"))
        assert second.pid != first.pid
        assert second.log_path.read_text(encoding="utf-8").count("ready") == 2


async def test_a_name_cannot_be_used_twice_at_the_same_time(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        processes.spawn("one", *python(READY))
        with pytest.raises(ValueError, match="one is already running"):
            processes.spawn("one", *python(READY))


async def test_an_unexpected_death_is_noticed_and_a_wanted_one_is_not(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        wanted = await processes.start("wanted", *python(READY), ready=logs("^ready$"))
        unwanted = await processes.start("unwanted", *python(READY), ready=logs("^ready$"))
        await wanted.kill()
        os.kill(unwanted.pid, 9)
        assert await asyncio.wait_for(processes.first_death(), 5) is unwanted


async def test_the_settings_of_the_caller_do_not_reach_a_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALESFORCE_CLIENT_ID", "the-real-one")
    code = "import os; print(sorted(n for n in os.environ if n.startswith(('SALES', 'KAFKA'))))"
    async with Processes(tmp_path) as processes:
        process = processes.spawn("one", *python(code), env={"KAFKA_BOOTSTRAP_SERVERS": "b:1"})
        await process.wait(timeout_seconds=10)
        assert process.output.strip() == "['KAFKA_BOOTSTRAP_SERVERS']"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
async def test_processes_die_with_a_starter_that_is_killed_with_minus_9(tmp_path: Path) -> None:
    starter = f"""
    import asyncio, pathlib, sys
    from sandbox.processes import Processes, logs
    async def main():
        async with Processes(pathlib.Path({str(tmp_path)!r})) as processes:
            code = {READY!r}
            one = await processes.start("one", sys.executable, "-c", code, ready=logs("^ready$"))
            print(one.pid, flush=True)
            await asyncio.sleep(600)
    asyncio.run(main())
    """
    with subprocess.Popen(
        python(textwrap.dedent(starter)), stdout=subprocess.PIPE, cwd=PROJECT_DIRECTORY, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()
    await gone(child)


async def gone(pid: int, *, timeout_seconds: float = 5) -> None:
    deadline = time.monotonic() + timeout_seconds
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still alive"
        await asyncio.sleep(0.02)
