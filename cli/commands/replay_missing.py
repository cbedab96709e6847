"""`orderstream replay --missing`: a replay of what `audit` finds in nobody's hands."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from cli.console.terminal import EXIT_NO, EXIT_UNKNOWN, fail, note, progress_bar
from stream.audit.audit import run_audit
from stream.config import Settings
from stream.jobs.replay import ReplayRange

MOST_RUNS = 10_000  # the job's plan is one record of at most a megabyte; again for the rest


async def of_missing(settings: Settings, chosen: ReplayRange) -> tuple[ReplayRange, bool]:
    """Return the range with what is missing in it, and whether that is known of all.

    Ends the command where nothing is missing.
    """
    with progress_bar("reading events and outcomes") as progress:
        report = await run_audit(settings, chosen.since_ms, chosen.until_ms, progress)
    for name, why in report.unread.items():
        note(f"? {name} was not read in full, so not all of it is known: {why}")
    runs = (
        (number, run)
        for number, runs in report.missing.get(chosen.topic, {}).items()
        for run in runs
    )
    only: dict[str, list[tuple[int, int]]] = {}
    for number, run in islice(runs, MOST_RUNS):
        only.setdefault(number, []).append(run)
    if not only:
        fail(
            f"no event of {chosen.topic} is in nobody's hands",
            code=EXIT_UNKNOWN if report.unread else EXIT_NO,
        )
    count = sum(behind - first for runs in only.values() for first, behind in runs)
    all_of_them = report.missing_count(chosen.topic)
    if count < all_of_them:
        note(f"the first {count:,} of {all_of_them:,} that are missing; run it again for the rest")
    return replace(chosen, wanted=replace(chosen.wanted, only=only)), not report.unread
