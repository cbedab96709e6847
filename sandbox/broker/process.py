"""A single broker, which is its own controller: 2 to 4 s to start, 210 MB."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from sandbox.broker.home import Home, on_free_ports
from sandbox.broker.node import Node, Runtime
from sandbox.broker.properties import server_properties
from sandbox.ports import HOST, free_ports


class Broker(Node):
    """One Apache Kafka in KRaft mode on 127.0.0.1. Made by `Broker.start`; a context manager."""

    def __init__(
        self,
        runtime: Runtime,
        home: Home,
        extra_properties: Mapping[str, str],
        *,
        wanted_port: int = 0,
    ) -> None:
        super().__init__(runtime, home.path, cluster_id=home.cluster_id, removed=home.removed)
        self.port = 0
        self._wanted_port = wanted_port
        self._home = home
        self._extra_properties = extra_properties

    @classmethod
    def start(
        cls,
        directory: str | Path | None = None,
        *,
        keep: bool = False,
        port: int = 0,
        extra_properties: Mapping[str, str] | None = None,
    ) -> Broker:
        """Start a broker and return when it serves: 2 to 4 s, plus the first download.

        A directory you name is never removed, and a second start on it finds the data (on other
        ports, unless you name the port). Without one, a temporary directory is used and removed by
        `stop`, unless `keep`. Raises BrokerError.
        """
        runtime = Runtime.find()
        broker = cls(runtime, Home(directory, keep=keep), extra_properties or {}, wanted_port=port)
        try:
            on_free_ports(broker._launch_on_new_ports)
        except BaseException:
            broker.stop()
            raise
        return broker

    @property
    def bootstrap_servers(self) -> str:
        """host:port for clients."""
        return f"{HOST}:{self.port}"

    def stop(self) -> None:
        """End the broker and remove its directory if that is temporary. May be called twice."""
        self.halt()
        self._home.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _launch_on_new_ports(self) -> None:
        free, controller_port = free_ports(2)
        self.port = self._wanted_port or free
        self.properties = server_properties(
            port=self.port,
            controller_port=controller_port,
            data_directory=self.directory / "data",
            extra=self._extra_properties,
        )
        self.launch()


def make_class_archive() -> Path:
    """Have a broker write its loaded classes to a file, once: later ones take two fifths less CPU.

    Raises BrokerError.
    """
    runtime = Runtime.find()
    archive = runtime.class_archive
    if not archive.is_file():
        partial = archive.with_suffix(".partial")
        option = f"-XX:ArchiveClassesAtExit={partial}"
        runtime = dataclasses.replace(runtime, options=(option,))
        broker = Broker(runtime, Home(None, keep=False), {})
        try:
            on_free_ports(broker._launch_on_new_ports)  # noqa: SLF001 - as `Broker.start` does
        finally:
            broker.stop()
        partial.replace(archive)
    return archive
