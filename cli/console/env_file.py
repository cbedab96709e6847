"""The `.env` that `orderstream setup` writes: for its owner only, replaced whole, the rest kept.

Single quotes keep a value as it is for Compose, too, which otherwise reads `$` in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

OWNER_ONLY = 0o600
PLAIN = re.compile(r"[\w./:,@+=-]*")
NAME = re.compile(r"\s*(?:export\s+)?(\w+)\s*=")


@dataclass(frozen=True, slots=True)
class EnvFile:
    """A file of settings, one a line."""

    path: Path

    def read(self) -> dict[str, str]:
        """Return the settings that have a value; an absent file has none."""
        found = dotenv_values(self.path, interpolate=False, encoding="utf-8")
        return {name: value for name, value in found.items() if value}

    def update(self, values: Mapping[str, str]) -> None:
        """Set some settings; comments and all others stay as they are."""
        lines = self.path.read_text("utf-8").splitlines() if self.path.exists() else []
        left = dict(values)
        new = []
        for line in lines:
            match = NAME.match(line)
            if match is None or match[1] not in values:
                new.append(line)
            elif match[1] in left:
                new.append(f"{match[1]}={quoted(left.pop(match[1]))}")
        new += [f"{name}={quoted(value)}" for name, value in left.items()]
        self._replace("\n".join(new) + "\n")

    def _replace(self, text: str) -> None:
        draft = self.path.with_name(f"{self.path.name}.new")
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)


def quoted(value: str) -> str:
    """Return a value as a line of the file has it. Raises ValueError for what no line can hold."""
    if any(ord(character) < ord(" ") for character in value):
        raise ValueError("has a line break or another control character")
    if PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
