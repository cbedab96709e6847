"""A simulated org in a process of its own, for whoever must not share a loop or a fate with it.

`with running_org() as org:` starts `python -m sandbox.salesforce`, waits for its ready line, offers
its back door as methods, and stops it by its own process id.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import orjson

_ROOT = Path(__file__).resolve().parents[2]
_STOP_SECONDS = 5.0
_BACK_DOOR_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class OrgProcess:
    """A running org and its back door. Methods raise ValueError with what the org said against."""

    url: str
    consumer_key: str
    client_secret: str = field(repr=False)
    username: str
    private_key_path: str | None
    pid: int

    def fault(self, kind: str, **spec: Any) -> Any:
        """Arm a fault, or do an action such as `expire_tokens`."""
        return self.ask("POST", "/faults", {"kind": kind, **spec})

    def clear_faults(self) -> None:
        self.ask("DELETE", "/faults")

    def settings(self, **changes: Any) -> Any:
        """Change settings; without any, just return them."""
        return self.ask("PATCH", "/settings", changes)

    def rule(self, sobject: str, formula: str, message: str, *, name: str = "Rule") -> None:
        """Give the org a validation rule: rows for which the formula is true are refused."""
        body = {"sobject": sobject, "name": name, "formula": formula, "message": message}
        self.ask("POST", "/rules", body)

    def summary(self) -> Any:
        return self.ask("GET", "/summary")

    def calls(self) -> Any:
        return self.ask("GET", "/calls")

    def history(self, **query: Any) -> Any:
        """Return writes, oldest first; `sobject`, `external_id`, `id`, `since`, `limit`."""
        return self.ask("GET", f"/history?{urlencode(query)}")

    def records(self, sobject: str, **query: Any) -> Any:
        """Return `{"total", "records"}`, newest first; `q`, `external_id`, `offset`, `limit`."""
        return self.ask("GET", f"/records/{sobject}?{urlencode(query)}")

    def reset(self) -> None:
        self.ask("POST", "/reset", {})

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Call the back door; `path` is what follows /__sim__."""
        data = None if body is None else orjson.dumps(body)
        request = Request(f"{self.url}/__sim__{path}", data, method=method)  # noqa: S310 - the address is the simulator's own
        try:
            with urlopen(request, timeout=_BACK_DOOR_SECONDS) as response:  # noqa: S310 - the address is the simulator's own
                return orjson.loads(response.read())
        except HTTPError as error:
            raise ValueError(f"{method} {path}: {error.read().decode()}") from None


@contextmanager
def running_org(*arguments: str) -> Iterator[OrgProcess]:
    """Run an org with these command-line arguments until the block ends.

    Raises RuntimeError when the process ends before it is ready; its own message is on stderr.
    """
    command = [sys.executable, "-m", "sandbox.salesforce", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=_ROOT) as process:  # noqa: S603 - the command is ours
        try:
            line = process.stdout.readline() if process.stdout else b""
            if not line:
                raise RuntimeError(f"the simulated org did not start: {' '.join(command)}")
            ready = orjson.loads(line)
            ready.pop("event")
            yield OrgProcess(**ready, pid=process.pid)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
