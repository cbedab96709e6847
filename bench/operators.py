"""The commands that read history: events per second of `audit` and `replay`, run as processes.

    python -m bench.operators [--events 200000] [--runs 3] [--json]

Times include the start of the command.
"""

from __future__ import annotations

import argparse
import secrets
import time

from bench.command import options_of, run
from bench.figures import Section
from bench.filling import fill_orders, fill_results
from bench.rig import own_broker, run_directory
from sandbox.processes import Processes, orderstream
from stream.config import load_settings
from stream.kafka.topic_admin import TopicAdmin

EVENTS = 200_000
WRITTEN = 20_000
COMMAND_SECONDS = 300.0


async def seconds_of(processes: Processes, env: dict[str, str], *arguments: str) -> float:
    """Run an `orderstream` command and return how long it took; raises RuntimeError."""
    started = time.monotonic()
    process = processes.spawn(arguments[0], *orderstream(*arguments), env=env)
    process.is_stopping = True  # it is meant to end
    code = await process.wait(timeout_seconds=COMMAND_SECONDS)
    if code != 0:
        raise RuntimeError(f"orderstream {' '.join(arguments)}: {process.log_tail()}")
    return time.monotonic() - started


async def measure(options: argparse.Namespace) -> Section:
    """Fill the topics, then run the commands."""
    events = options.events
    section = Section("operators", "Audit and replay", TEXT.format(events=events))
    async with own_broker() as broker, run_directory() as directory:
        env = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers}
        env["OPERATOR_SIGNING_KEY"] = secrets.token_hex(32)  # a replay is signed
        settings = load_settings(env_file=None, kafka_bootstrap_servers=broker.bootstrap_servers)
        async with TopicAdmin(settings) as admin:
            await admin.create(settings.topics.specs())
        await fill_results(settings, await fill_orders(settings, events))
        limit, rate = str(WRITTEN), str(10**6)
        replay = ("replay", "--from", "1d", "--all", "--json")
        put = (*replay, "--run", "--limit", limit, "--rate", rate, "--max-backlog", str(10**9))
        async with Processes(directory) as processes:
            for what, count, arguments in (
                ("audit", events, ("audit", "--json")),
                ("replay, dry run: scanned", events, replay),
                ("replay: scanned and published", WRITTEN, put),
            ):
                taken = [await seconds_of(processes, env, *arguments) for _ in range(options.runs)]
                section.add(what, "events/s", [count / seconds for seconds in taken])
    return section


TEXT = "{events:,} events and as many outcomes in the topics. Times include the command's start."


def main() -> None:
    parser = options_of(__doc__, seconds=0, runs=3)
    parser.add_argument("--events", type=int, default=EVENTS)
    run(measure, parser)


if __name__ == "__main__":
    main()
