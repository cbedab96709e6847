"""Three brokers and a controller of their own, for what one broker cannot show.

    with Cluster.start() as cluster:
        cluster.brokers[2].kill()
        cluster.brokers[2].restart()

The controller is a node of its own: two of three brokers may be down and leaders are still chosen.
Clients and brokers meet on different listeners, so that what brokers say to each other can be led
through somebody's hands (`advertise`, chaos) and cut. Everything a broker alone can do with
`Broker` — pause, resume, kill, halt, restart — its brokers can do by their id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from sandbox.broker.home import Home, on_free_ports
from sandbox.broker.node import Node, Runtime
from sandbox.broker.properties import Listeners, broker_properties, controller_properties
from sandbox.ports import HOST, free_ports

BROKERS = 3
CONTROLLER_ID = 100
# broker id → a directory for its data, where that must be a disk of its own
Disks = Mapping[int, Path]


class Cluster:
    """A Kafka of several nodes on 127.0.0.1. Made by `Cluster.start`; a context manager."""

    def __init__(
        self,
        runtime: Runtime,
        home: Home,
        count: int,
        *,
        extra_properties: Mapping[str, str],
        disks: Disks,
        advertise: Callable[[int, int], int],
    ) -> None:
        self.directory = home.path
        self.listeners: dict[int, Listeners] = {}
        self._home = home
        self._extra = extra_properties
        self._disks = disks
        self._advertise = advertise
        self._controller_port = 0
        self.controller = self._node(runtime, "controller")
        self.brokers = {
            number: self._node(runtime, f"broker-{number}") for number in range(1, count + 1)
        }

    @classmethod
    def start(
        cls,
        directory: str | Path | None = None,
        *,
        brokers: int = BROKERS,
        keep: bool = False,
        extra_properties: Mapping[str, str] | None = None,
        disks: Disks | None = None,
        advertise: Callable[[int, int], int] | None = None,
    ) -> Cluster:
        """Start all nodes and return when every one serves: 5 to 15 s on two cores.

        `advertise(broker, port)` returns the port at which other brokers are told to find this
        one. `disks`: a directory for the data of some brokers. Raises BrokerError.
        """
        runtime = Runtime.find()
        home = Home(directory, keep=keep)
        cluster = cls(
            runtime,
            home,
            brokers,
            extra_properties=extra_properties or {},
            disks=disks or {},
            advertise=advertise or _as_it_is,
        )
        try:
            on_free_ports(cluster._launch_on_new_ports)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @property
    def bootstrap_servers(self) -> str:
        """host:port,host:port,… for clients, in the order of the brokers' ids."""
        return ",".join(f"{HOST}:{self.listeners[number].client}" for number in self.brokers)

    @property
    def nodes(self) -> list[Node]:
        """The controller first: brokers register with it."""
        return [self.controller, *self.brokers.values()]

    @property
    def is_running(self) -> bool:
        return all(node.is_running for node in self.nodes)

    def log_tail(self) -> str:
        """Return the last lines of every node that is not there."""
        return "\n".join(node.log_tail() for node in self.nodes if not node.is_running)

    def move(self, number: int) -> None:
        """Stop a broker and start it at other addresses, as a machine that was replaced."""
        node = self.brokers[number]
        node.halt()
        self._configure(number, *free_ports(2))
        node.launch()

    def stop(self) -> None:
        """End every node; remove the directory if it is temporary. May be called twice."""
        # Leaderships are handed over through the controller: it goes last.
        self._together([node.halt for node in self.brokers.values()])
        self.controller.halt()
        self._home.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _node(self, runtime: Runtime, name: str) -> Node:
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        return Node(
            runtime, directory, cluster_id=self._home.cluster_id, removed=self._home.removed
        )

    def _launch_on_new_ports(self) -> None:
        self._controller_port, *ports = free_ports(1 + 2 * len(self.brokers))
        self.controller.properties = controller_properties(
            CONTROLLER_ID,
            port=self._controller_port,
            data_directory=self.controller.directory / "data",
            extra=self._extra,
        )
        for place, number in enumerate(self.brokers):
            self._configure(number, ports[2 * place], ports[2 * place + 1])
        try:
            self._together([node.launch for node in self.nodes])
        except BaseException:
            for node in self.nodes:
                node.kill()
            raise

    def _configure(self, number: int, client: int, internal: int) -> None:
        node = self.brokers[number]
        self.listeners[number] = Listeners(client, internal, self._advertise(number, internal))
        node.properties = broker_properties(
            number,
            self.listeners[number],
            controller=(CONTROLLER_ID, self._controller_port),
            data_directory=self._disks.get(number, node.directory / "data"),
            replicas=len(self.brokers),
            extra=self._extra,
        )

    def _together(self, acts: list[Callable[[], None]]) -> None:
        """Do all at once and raise the first trouble when every one has ended."""
        with ThreadPoolExecutor(len(acts)) as pool:
            for done in [pool.submit(act) for act in acts]:
                done.result()


def _as_it_is(_broker: int, port: int) -> int:
    return port
