"""The directory of a broker or a cluster: its own for as long as it runs, removed if temporary."""

from __future__ import annotations

import base64
import fcntl
import shutil
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from sandbox.broker.tools import BrokerError

PORT_ATTEMPTS = 3


class Home:
    """A directory you name is never removed, and a second start on it finds the data."""

    def __init__(self, directory: str | Path | None, *, keep: bool) -> None:
        self.is_temporary = directory is None and not keep
        self.path = Path(directory or tempfile.mkdtemp(prefix="orderstream-kafka-")).resolve()
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.path)

    @property
    def removed(self) -> Path | None:
        """What must go when the owner dies."""
        return self.path if self.is_temporary else None

    @property
    def cluster_id(self) -> str:
        """The id that every node is formatted with; the same as long as the directory is there."""
        file = self.path / "cluster.id"
        if not file.exists():
            file.write_text(base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode())
        return file.read_text()

    def leave(self) -> None:
        """Give the directory back. May be called twice."""
        self._lock.close()
        if self.is_temporary:
            shutil.rmtree(self.path, ignore_errors=True)


def on_free_ports(start: Callable[[], None]) -> None:
    """Start something that takes free ports; again on others, when somebody was faster."""
    for attempt in range(1, PORT_ATTEMPTS + 1):
        try:
            return start()
        except BrokerError as error:
            # Somebody took the port between our look and the JVM's bind.
            if attempt == PORT_ATTEMPTS or "Address already in use" not in str(error):
                raise
    return None


def _lock(directory: Path) -> BinaryIO:
    """Hold a directory for as long as the returned file is open."""
    file = (directory / "lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BrokerError(f"{directory} is in use: another broker runs on it") from None
    return file
