"""What an error of Kafka's client says to people: a missing right with what to grant, and where."""

from __future__ import annotations

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)

RESOURCES: dict[type[Exception], str] = {
    TopicAuthorizationFailedError: "topic",
    GroupAuthorizationFailedError: "group",
    # Who may write to any topic may be an idempotent producer, since Kafka 3.0.
    ClusterAuthorizationFailedError: "any topic",
}
WAY_OUT = "`orderstream topics acls` prints what each process needs"


def error_text(error: BaseException, *, operation: str = "Write") -> str:
    """Return the message of an error, or its name if it has none.

    `operation`: what was asked for, as ACLs call it; Kafka's own answer does not say.
    """
    for kind, resource in RESOURCES.items():
        if isinstance(error, kind):
            names = " ".join((resource, *_names(error))).strip()
            return f"Kafka gives this user no {operation} on {names}: {WAY_OUT}"
    return str(error) or type(error).__name__


def _names(error: BaseException) -> list[str]:
    """Return the names in an error, which aiokafka puts there as a text or as a set."""
    found: list[str] = []
    for given in error.args:
        found += sorted(map(str, given)) if isinstance(given, set | list | tuple) else [str(given)]
    return found
