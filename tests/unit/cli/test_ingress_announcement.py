"""The line that says where the ingress listens is for whoever reads it, and nobody has to."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import orjson
import pytest
from structlog.testing import capture_logs

from cli.commands.ingress import _announcer


class NobodyReads(io.StringIO):
    def flush(self) -> None:
        raise BrokenPipeError


def test_the_ingress_goes_on_when_nobody_reads_where_it_listens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It ended with 2 and `cannot listen: Broken pipe`; two workers with 1."""
    monkeypatch.setattr(sys, "stdout", NobodyReads())
    ready = tmp_path / "ready"
    with capture_logs():
        _announcer(ready)("http://127.0.0.1:1", [7])
    assert orjson.loads(ready.read_text()) == {"listening": "http://127.0.0.1:1", "pids": [7]}
