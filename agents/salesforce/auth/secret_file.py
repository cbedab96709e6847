"""Reads a secret of a file that is ours alone: whoever may write it chooses whom we log in as.

A file that others may write is refused, also when its mode changed after the start; one that others
may read is said once (Docker mounts secrets like that, a home folder should not).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import structlog

from stream.settings.secret_files import WRITABLE_BY_OTHERS

log = structlog.get_logger()

MAX_BYTES = 64 * 1024
_said: set[Path] = set()


class SecretFileError(OSError):
    """The file may not be used; the message says why."""


def read_secret_file(path: Path) -> bytes:
    """Return the content. Raises OSError."""
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode  # of what is read, whatever the name leads to later
        raw = file.read(MAX_BYTES)
    if mode & WRITABLE_BY_OTHERS:
        raise SecretFileError(f"others may write it: chmod 600 {path.name}")
    if mode & stat.S_IROTH and path not in _said:
        _said.add(path)
        log.warning("secret_file_readable_by_others", path=str(path), fix=f"chmod 600 {path.name}")
    return raw
