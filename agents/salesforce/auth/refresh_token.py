"""The refresh token on disk: replaced atomically, readable by its owner only, one user at a time.

With rotation each refresh invalidates the token it used. Were the new one half written, or were two
workers to use the same one, nobody could log in again without a person; hence temp file, fsync,
rename, and a lock that spans read, use and write.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from agents.salesforce.auth.secret_file import SecretFileError, read_secret_file
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError

LOCK_POLL_SECONDS = 0.05


class RefreshTokenFile:
    """A file with one line, mode 0600. Methods block and belong in a thread."""

    def __init__(self, path: Path, *, lock_timeout_seconds: float = 30.0) -> None:
        self.path = path
        self._lock_timeout_seconds = lock_timeout_seconds

    def read(self) -> str:
        """Return the token. Raises LoginError (AUTH) when there is none."""
        try:
            token = read_secret_file(self.path).decode(errors="replace").strip()
        except SecretFileError as error:
            raise self._missing(str(error)) from None
        except OSError as error:
            raise self._missing(type(error).__name__) from None
        if not token:
            raise self._missing("the file is empty")
        return token

    def _missing(self, why: str) -> LoginError:
        return LoginError(
            f"no refresh token at {self.path} ({why})",
            kind=ErrorKind.AUTH,
            code="NO_REFRESH_TOKEN",
            fix="Run `orderstream login` once on this machine, or point "
            "SALESFORCE_REFRESH_TOKEN_PATH to its file.",
        )

    def write(self, token: str) -> None:
        """Replace the token; after a crash the file holds the old or the new one, whole."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        temporary.unlink(missing_ok=True)  # of a process that died and had our number
        # Made here and now: a link that others put there would name a file of theirs, or of ours.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(temporary, flags, 0o600)
        try:
            os.write(descriptor, token.encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock between processes. Raises LoginError (TRANSIENT) if it stays taken."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self.path.with_name(f".{self.path.name}.lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            self._wait(descriptor)
            yield
        finally:
            os.close(descriptor)  # releases the lock, as the end of the process would

    def _wait(self, descriptor: int) -> None:
        deadline = time.monotonic() + self._lock_timeout_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LoginError(
                        f"another process holds the refresh token at {self.path}",
                        kind=ErrorKind.TRANSIENT,
                        code="REFRESH_TOKEN_BUSY",
                        fix="It is tried again. If it lasts, a worker hangs in its login.",
                    ) from None
                time.sleep(LOCK_POLL_SECONDS)
            else:
                return
