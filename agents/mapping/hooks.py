"""A user's own function, for what YAML cannot say: `python: "my_module:function"`.

The module is looked for beside the mapping file, in the working directory, then where Python looks.
Whatever the function raises becomes a MappingError that names it: it costs that event only.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from agents.mapping.yaml_source import Entry
from stream.errors import MappingError

NAME = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)")
_are_refused = ContextVar("hooks refused", default=False)


@contextmanager
def hooks_refused() -> Iterator[None]:
    """Load no hook inside: for a mapping whose author may not run Python here."""
    token = _are_refused.set(True)
    try:
        yield
    finally:
        _are_refused.reset(token)


def load_hook(name: str, entry: Entry, directory: Path | None) -> Callable[..., Any]:
    """Return the guarded function; raises MappingFileError when there is none of that name."""
    if _are_refused.get():
        raise entry.error(f"`{name}` is Python, and a draft runs none: use `orderstream map`")
    match = NAME.fullmatch(name)
    if match is None:
        raise entry.error(f'`{name}` names no function; write `python: "my_module:function"`')
    try:
        with _also_in(directory):
            module = importlib.import_module(match[1])
    except Exception as error:
        raise entry.error(f"cannot import `{match[1]}`: {type(error).__name__}: {error}") from error
    function = getattr(module, match[2], None)
    if not callable(function):
        raise entry.error(f"`{match[1]}` has no function `{match[2]}`")
    return _guarded(function, name, entry)


def _guarded(function: Callable[..., Any], name: str, entry: Entry) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except Exception as error:
            problem = f"hook `{name}` ({entry.file} line {entry.line}) failed"
            raise MappingError(
                f"{problem}: {type(error).__name__}: {error}", fields=(entry.path,)
            ) from error

    return call


@contextmanager
def _also_in(directory: Path | None) -> Iterator[None]:
    extra = [str(directory)] if directory else []
    before = list(sys.path)
    sys.path[:0] = [*extra, str(Path.cwd())]
    try:
        yield
    finally:
        sys.path[:] = before
