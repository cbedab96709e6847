"""What is asked right before a request leaves for Salesforce, in the thread that sends it.

A worker asks for every batch whether it still owns its partitions (docs/decisions/0026). Ten levels
lie between the batch and the request, and none of them has a use for the question. So it belongs
to the context of the batch: every task and every call that the batch begins finds it there, and
none can forget to hand it on. Commands and probes ask nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

CheckAlive = Callable[[], None]


def _nothing() -> None:
    """Let the request go."""


_check: ContextVar[CheckAlive] = ContextVar("check_alive", default=_nothing)


@contextmanager
def asked_before_requests(check: CheckAlive = _nothing) -> Iterator[None]:
    """Have `check` called before every request made in here; what it raises leaves the call.

    Without `check` nothing is asked: of what must be sent, or may be asked, whoever owns what.
    """
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def check_of_context() -> CheckAlive:
    """Return what to call right before a request of the running task."""
    return _check.get()
