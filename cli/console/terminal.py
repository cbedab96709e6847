"""What the commands share of the terminal: results on stdout, everything else on stderr."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import orjson
import typer
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment

from stream.config import Role, Settings, load_settings
from stream.ops.logs import configure_logs
from stream.ops.printable import printable, printable_json
from stream.times import parse_when

T = TypeVar("T")

EXIT_NO, EXIT_USAGE, EXIT_UNKNOWN, EXIT_INTERRUPTED = 1, 2, 3, 130


class CleanConsole(Console):
    """A console for text that may be anybody's: no markup in it, and nothing but characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, **options)
        self.push_render_hook(_Cleaning())

    def on_broken_pipe(self) -> None:
        """Go on in silence: rich would exit with 1, which is an answer, and end a job half done."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


class _Cleaning(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Cleaned(renderable) for renderable in renderables]


@dataclass(frozen=True, slots=True)
class _Cleaned:
    """What is printed, after the one cleaning step; rich's own control codes pass."""

    renderable: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


stdout = CleanConsole()
stderr = CleanConsole(stderr=True)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; Ctrl-C ends it with exit 130 and no traceback."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        stderr.print("stopped")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def operator_settings(*more: Role) -> Settings:
    """Return the settings of a command that works on the topics; log lines stay off stdout.

    `more`: what else it talks to.
    """
    configure_logs(level="error", style="console", process="cli")
    return load_settings(Role.OPERATOR, *more)


def print_json(value: Any) -> None:
    """Print one JSON document to stdout."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
    sys.stdout.write(printable_json(text, encoding=sys.stdout.encoding or "ascii") + "\n")


def note(text: str) -> None:
    """Print one line for people to stderr, as it is."""
    stderr.print(text, highlight=False, soft_wrap=True)


def fail(message: str, *, code: int = EXIT_USAGE) -> NoReturn:
    """Print one line to stderr and exit."""
    note(f"orderstream: {message}")
    raise typer.Exit(code)


def is_confirmed(question: str) -> bool:
    """Ask a person; exit 2 where there is none."""
    if not sys.stdin.isatty():
        fail("not a terminal: give --yes to go on, or --dry-run to see the plan")
    return typer.confirm(question, err=True)


def now_ms() -> int:
    """Return the wall clock in unix milliseconds."""
    return int(time.time() * 1000)


def time_option(name: str, text: str | None) -> int | None:
    """Return the unix milliseconds of a time option; exit 2 with the accepted forms."""
    if text is None:
        return None
    try:
        return parse_when(text, now_ms=now_ms())
    except ValueError as error:
        fail(f"{name}: {error}")


def in_order(since_ms: int, until_ms: int, *, name: str = "--from") -> tuple[int, int]:
    """Return the bounds of a window; exit 2 when it ends before it begins: nothing is in it."""
    if since_ms > until_ms:
        fail(f"{name} is later than the end of the window: nothing can be in it")
    return since_ms, until_ms


def window_options(
    since: str | None, until: str | None, *, names: tuple[str, str] = ("--since", "--until")
) -> tuple[int | None, int | None]:
    """Return the bounds of a window that may be open; exit 2 for one that can hold nothing.

    Of such a window every question is answered "none", and "none is missing" is a good word.
    """
    since_ms, until_ms = time_option(names[0], since), time_option(names[1], until)
    in_order(since_ms or 0, now_ms() if until_ms is None else until_ms, name=names[0])
    return since_ms, until_ms


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr, gone when done; yields `update(done, total)`.

    Nothing is drawn when stderr is no terminal.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=stderr, transient=True, disable=not stderr.is_terminal
    ) as progress:
        task = progress.add_task(label, total=None)

        def update(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield update
