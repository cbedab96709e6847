"""Secrets by file: `<NAME>_FILE` names a file with the value, as Docker and Kubernetes mount it.

Every setting that is a secret has this second name; giving both is a mistake that is said. A file
that others may write is refused: whoever changes it chooses the secret.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

SUFFIX = "_FILE"
MAX_BYTES = 64 * 1024
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def secrets_from_files(
    names: Iterable[str], environment: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return the values by field name, and what is wrong with the others. Never prints a value."""
    values: dict[str, str] = {}
    problems: list[str] = []
    for name in names:
        variable = name.upper() + SUFFIX
        path = environment.get(variable, "")
        if not path:
            continue
        if environment.get(name.upper(), ""):
            problems.append(f"{variable}: {name.upper()} is set, too; give one of them")
            continue
        try:
            values[name] = _read(Path(path))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            problems.append(f"{variable}: {_shown(path)}{why}")
    return values, problems


def is_writable_by_others(path: Path) -> bool:
    """Whether a file that is there may be changed by somebody else."""
    try:
        return bool(path.stat().st_mode & WRITABLE_BY_OTHERS)
    except OSError:
        return False  # whoever needs it says so


def _read(path: Path) -> str:
    # Without waiting: a pipe that nobody writes to would keep the process from its start.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 - of a number
        mode = os.fstat(file.fileno()).st_mode  # of what is read, whatever the name leads to later
        if not stat.S_ISREG(mode):
            raise ValueError("is no file but a pipe or a device")
        raw = file.read(MAX_BYTES + 1)
    if mode & WRITABLE_BY_OTHERS:
        raise ValueError("others may write this file; chmod 600 it")
    if len(raw) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES} bytes: that is no secret")
    try:
        text = raw.decode("utf-8-sig").strip()  # editors put a mark before it
    except UnicodeDecodeError:
        raise ValueError("is no text") from None
    if not text:
        raise ValueError("is empty")
    if not text.isprintable():
        raise ValueError("has more than one line in it, or characters that nobody sees")
    return text


def _shown(path: str) -> str:
    """Return a path that may be shown; the secret itself, given in place of one, may not."""
    is_path = path.startswith("/") and "\0" not in path and os.path.isdir(os.path.dirname(path))  # noqa: PTH112, PTH120 - never raises
    return f"{path[:200]}: " if is_path else ""
