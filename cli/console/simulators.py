"""The simulators are a distribution of their own; commands that need them say so in a sentence."""

from __future__ import annotations

from importlib import import_module

from stream.errors import StreamError
from stream.version import own_version


class NoSandboxError(StreamError):
    """The simulators are not installed here; the message says how they would be."""


def need_sandbox(what: str) -> None:
    """Raise NoSandboxError where `what` cannot be: a module `sandbox` of somebody else is none."""
    try:
        import_module("sandbox.pipeline")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sandbox":
            raise
        raise NoSandboxError(
            f"{what} needs the simulators, which are not installed here: `pip install ./sandbox` "
            f"in the sources, or the wheel orderstream_sandbox of version {own_version()}"
        ) from None
