"""Admission to Salesforce: a ticket for one call, or the reason why there is none."""

from __future__ import annotations

from agents.salesforce.errors.error_kind import ErrorKind


class NotAdmittedError(Exception):
    """A call may not go, now or at all. `is_given_up`: the breaker was open for too long."""

    def __init__(self, reason: str, *, is_given_up: bool = False) -> None:
        self.reason = reason
        self.is_given_up = is_given_up
        super().__init__(reason)


class Permit:
    """A call in flight. `fail` says that it was answered, but in a way that speaks for all."""

    def __init__(self, *, rows: int, is_probe: bool, started: float) -> None:
        self.rows = rows
        self.is_probe = is_probe
        self.started = started
        self.failure: tuple[ErrorKind, str] | None = None

    def fail(self, kind: ErrorKind, reason: str) -> None:
        self.failure = (kind, reason)
