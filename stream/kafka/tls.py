"""The TLS context of Kafka's clients: certificates may be renewed under a running process.

Short-lived certificates (cert-manager, Strimzi, Vault) are replaced as files. A context is asked
for every new connection, so the files are looked at there: what has changed is tried on a context
of its own first, because cert and key are two files and may not belong together for a moment, and
only then taken. Connections that are open keep what they began with. A new CA is trusted beside
the old one; that the old one is not trusted any more takes a restart.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()

Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files; without a CA the system's are trusted."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def stamp(self) -> Stamp:
        """Differs whenever a file was written or replaced."""
        return tuple(_stamp(path) for path in (self.ca, self.certificate, self.key) if path)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Load all of them. Raises OSError, SSLError among others."""
        if self.ca is not None:
            context.load_verify_locations(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)


class RenewedContext(ssl.SSLContext):
    """Verifies the broker's certificate and host name; made by `tls_context_of`."""

    files: TlsFiles
    loaded: Stamp = ()

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Begin a connection, with the files as they are now."""
        self.renew()
        return super().wrap_bio(*args, **kwargs)

    def renew(self) -> None:
        """Take changed files if they are whole; else what was loaded before stays."""
        stamp = self.files.stamp
        if stamp == self.loaded:
            return
        try:
            self.files.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
            self.files.load_into(self)
        except (OSError, ValueError) as error:
            log.warning("kafka_certificate_not_renewed", error=str(error))
            return
        self.loaded = stamp
        log.info("kafka_certificate_renewed")


def tls_context_of(files: TlsFiles) -> RenewedContext:
    """Return a client's context. Raises OSError, SSLError among others."""
    context = RenewedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.files = files
    if files.ca is None:
        context.load_default_certs()
    stamp = files.stamp
    files.load_into(context)
    context.loaded = stamp
    return context


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()  # of the file that a link leads to: Kubernetes swaps links
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
