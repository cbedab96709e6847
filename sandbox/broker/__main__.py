"""Kafka in a terminal: `python -m sandbox.broker [--brokers 3] [--directory D] [--keep]`.

Prints the bootstrap servers as its first line, so that a script can read them, and ends with
SIGTERM or Ctrl-C. Brokers are hurt by their id, a line each on its input: `kill 2`, `halt 2`,
`pause 2`, `resume 2`, `restart 2`; the controller of a cluster has the id `controller`.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Mapping
from types import FrameType

from sandbox.broker.cluster import Cluster
from sandbox.broker.jars import jars_directory
from sandbox.broker.node import Node
from sandbox.broker.process import Broker, make_class_archive
from sandbox.broker.tools import BrokerError, Source, choose_source, find_tools

WATCH_SECONDS = 0.5
MEANING = {
    Source.GIVEN: "the one of KAFKA_BOOTSTRAP_SERVERS",
    Source.DOCKER: "in a container, the Docker engine answers",
    Source.SANDBOX: "Apache Kafka's own jars, with this machine's Java",
}
ACTS = {
    "kill": Node.kill,
    "halt": Node.halt,
    "pause": Node.pause,
    "resume": Node.resume,
    "restart": Node.restart,
}


def main() -> int:
    """Run until told to stop. Exit 0: stopped; 1: a broker ended by itself; 2: no broker."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.broker",
        description="A real Apache Kafka on free ports of 127.0.0.1.",
    )
    parser.add_argument(
        "--brokers", type=int, default=1, metavar="N", help="3: with a controller, replication 3"
    )
    parser.add_argument("--directory", help="keep the data here; a second start finds it")
    parser.add_argument("--port", type=int, default=0, help="of one broker; 0: any free one")
    parser.add_argument(
        "--keep", action="store_true", help="do not remove the temporary directory at the end"
    )
    parser.add_argument(
        "--check", action="store_true", help="only say where a broker would come from, or why not"
    )
    parser.add_argument(
        "--quicken", action="store_true", help="only have the next brokers start faster, if ours"
    )
    arguments = parser.parse_args()
    if arguments.check:
        return check()
    if arguments.quicken:
        return quicken()
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        kafka = start(
            arguments.brokers, arguments.directory, keep=arguments.keep, port=arguments.port
        )
    except BrokerError as error:
        print(f"sandbox.broker: {error}", file=sys.stderr)
        return 2
    with kafka:
        return serve(kafka, stopping)


def start(brokers: int, directory: str | None, *, keep: bool, port: int = 0) -> Broker | Cluster:
    """Start one broker, or a cluster of several; a port is for one."""
    if brokers == 1:
        return Broker.start(directory, keep=keep, port=port)
    return Cluster.start(directory, brokers=brokers, keep=keep)


def serve(kafka: Broker | Cluster, stopping: threading.Event) -> int:
    """Say where it is, do what the input says, and watch it until told to stop."""
    nodes = nodes_of(kafka)
    # Who was ended on purpose is not missed.
    ended: set[str] = set()
    print(kafka.bootstrap_servers, flush=True)
    print(f"data and log: {kafka.directory}", file=sys.stderr, flush=True)
    threading.Thread(target=obey, args=(nodes, ended), daemon=True).start()
    while not stopping.wait(WATCH_SECONDS):
        for name, node in nodes.items():
            if name not in ended and not node.is_running:
                print(f"sandbox.broker: {name} ended:\n{node.log_tail()}", file=sys.stderr)
                return 1
    return 0


def nodes_of(kafka: Broker | Cluster) -> dict[str, Node]:
    """Return every node by the name it is called by."""
    if isinstance(kafka, Broker):
        return {"1": kafka}
    return {str(number): node for number, node in kafka.brokers.items()} | {
        "controller": kafka.controller
    }


def obey(nodes: Mapping[str, Node], ended: set[str]) -> None:
    """Do what the lines of the input say, as long as there is an input."""
    for line in sys.stdin:
        verb, _, name = line.strip().partition(" ")
        if verb not in ACTS or name not in nodes:
            print(f"say one of {', '.join(ACTS)} and {', '.join(nodes)}", file=sys.stderr)
            continue
        # Missed from now on only when it was started again.
        ended.add(name)
        try:
            ACTS[verb](nodes[name])
        except BrokerError as error:
            print(f"sandbox.broker: {name}: {error}", file=sys.stderr)
            continue
        if nodes[name].is_running:
            ended.discard(name)
        print(f"{verb} {name}: done", file=sys.stderr, flush=True)


def check() -> int:
    """Say where this machine's Kafka would come from. Exit 0: there is one; 2: there is none."""
    try:
        source = choose_source(find_tools(jars=jars_directory()))
    except BrokerError as error:
        print(f"sandbox.broker: {error}", file=sys.stderr)
        return 2
    print(f"Kafka: {MEANING[source]}")
    return 0


def quicken() -> int:
    """Make the class archive where brokers come from jars. Exit 0 also where they do not."""
    try:
        if choose_source(find_tools(jars=jars_directory())) is Source.SANDBOX:
            make_class_archive()
    except (BrokerError, OSError) as error:
        print(f"sandbox.broker: brokers start as before: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
