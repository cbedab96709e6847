"""Classes of failure: what an error means for the event that met it."""

from __future__ import annotations

from enum import StrEnum


class ErrorKind(StrEnum):
    """Classes of failure (salesforce reference §4.1). They decide what becomes of an event."""

    TRANSIENT = "transient"  # try again later, as it is
    LOCK = "lock"  # somebody holds the row: at once, then later
    ORDERING = "ordering"  # the parent is not there yet
    AUTH = "auth"  # nobody gets in: pause everything
    QUOTA = "quota"  # the day's calls are spent: pause everything
    CONCURRENCY = "concurrency"  # too many at once: slow down
    PERMANENT = "permanent"  # this record will never be accepted as it is
    UNKNOWN = "unknown"  # nobody knows: once more, later; then it is for a person
    CONFIG = "config"  # no record will be accepted until somebody fixes the org or the mapping
