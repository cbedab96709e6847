"""Run a broker in a terminal: `python -m sandbox.broker [--directory D] [--keep | --check]`.

Prints the bootstrap servers as its first line, so that a script can read them, and ends with
SIGTERM or Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from types import FrameType

from sandbox.broker.jars import jars_directory
from sandbox.broker.process import Broker
from sandbox.broker.tools import BrokerError, Source, choose_source, find_tools

WATCH_SECONDS = 0.5
MEANING = {
    Source.GIVEN: "the one of KAFKA_BOOTSTRAP_SERVERS",
    Source.DOCKER: "in a container, the Docker engine answers",
    Source.SANDBOX: "Apache Kafka's own jars, with this machine's Java",
}


def main() -> int:
    """Run until told to stop. Exit 0: stopped; 1: the broker ended by itself; 2: no broker."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.broker",
        description="A real Apache Kafka on free ports of 127.0.0.1.",
    )
    parser.add_argument("--directory", help="keep the data here; a second start finds it")
    parser.add_argument(
        "--keep", action="store_true", help="do not remove the temporary directory at the end"
    )
    parser.add_argument(
        "--check", action="store_true", help="only say where a broker would come from, or why not"
    )
    arguments = parser.parse_args()
    if arguments.check:
        return check()
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        broker = Broker.start(arguments.directory, keep=arguments.keep)
    except BrokerError as error:
        print(f"sandbox.broker: {error}", file=sys.stderr)
        return 2
    with broker:
        print(broker.bootstrap_servers, flush=True)
        print(f"data and log: {broker.directory}", file=sys.stderr, flush=True)
        while not stopping.wait(WATCH_SECONDS):
            if not broker.is_running:
                print(f"sandbox.broker: Kafka ended:\n{broker.log_tail()}", file=sys.stderr)
                return 1
    return 0


def check() -> int:
    """Say where this machine's Kafka would come from. Exit 0: there is one; 2: there is none."""
    try:
        source = choose_source(find_tools(jars=jars_directory()))
    except BrokerError as error:
        print(f"sandbox.broker: {error}", file=sys.stderr)
        return 2
    print(f"Kafka: {MEANING[source]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
