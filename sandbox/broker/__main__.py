"""Run a broker in a terminal: `python -m sandbox.broker [--directory D] [--keep]`.

Prints the bootstrap servers as its first line, so that a script can read them, and ends with
SIGTERM or Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from types import FrameType

from sandbox.broker.process import Broker
from sandbox.broker.tools import BrokerError

WATCH_SECONDS = 0.5


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
    arguments = parser.parse_args()
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


if __name__ == "__main__":
    sys.exit(main())
