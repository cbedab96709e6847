"""The version of what is installed: pyproject.toml says it, and nothing else does."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

UNKNOWN = "unknown"


def own_version() -> str:
    """Return the installed version; `unknown` when nothing of that name is."""
    try:
        return version("orderstream")
    except PackageNotFoundError:
        return UNKNOWN
