"""The settings of a demo that is left up, for the commands that somebody tries on it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

NAME = "settings.sh"


def write_environment(directory: Path, env: Mapping[str, str]) -> Path:
    """Write what the demo's processes were given, as a shell reads it; for its owner only."""
    path = directory / NAME
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}={shlex.quote(env[name])}\n" for name in sorted(env)))
    return path


def command_line(path: Path, *words: str) -> str:
    """Return a line for a shell that runs a command of ours with these settings."""
    beside = Path(sys.executable).with_name("orderstream")
    command = str(beside) if beside.exists() else "orderstream"
    return f". {shlex.quote(str(path))} && {shlex.join([command, *words])}"
