"""What the demo shows while it runs: two bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

PLAIN_LINE_SECONDS = 2.0


class DemoProgress:
    """Counts that are shown. `sent` grows with receipts, `done` with final outcomes."""

    def __init__(self, console: Console, progress: Progress, total: int) -> None:
        self._console = console
        self._progress = progress
        self._total = total
        self._sending = progress.add_task("webhooks accepted", total=total, note="")
        self._working = progress.add_task("with an outcome", total=total, note="")
        self._last_line = time.monotonic()
        self._sent = self._done = 0

    def sent(self) -> None:
        """One more webhook was accepted."""
        self._sent += 1
        self._progress.update(self._sending, completed=self._sent)
        self._say("")

    def done(self, count: int, note: str) -> None:
        """So many events have a final outcome."""
        self._done = count
        self._progress.update(self._working, completed=count, note=note)
        self._say(note)

    def _say(self, note: str) -> None:
        now = time.monotonic()
        if self._console.is_terminal or now - self._last_line < PLAIN_LINE_SECONDS:
            return
        self._last_line = now
        self._console.print(
            f"  accepted {self._sent:,} of {self._total:,}, with an outcome {self._done:,} {note}"
        )


@contextmanager
def demo_progress(console: Console, total: int) -> Iterator[DemoProgress]:
    """Show the progress of so many webhooks until the block ends."""
    columns = (
        TextColumn("  {task.description:<18}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield DemoProgress(console, progress, total)
