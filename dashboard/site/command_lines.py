"""The command that does the same: every page that acts shows it, ready to be pasted. Pure."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

from stream.dlq.index import LetterFilter
from stream.job_service import resume_command
from stream.jobs.replay import ReplayRange


def list_letters(wanted: LetterFilter) -> str:
    return _line("dlq", "list", *_choice(wanted), "--letters")


def requeue(
    wanted: LetterFilter, *, rate: float, limit: int | None = None, why: str = "", run: bool
) -> str:
    """Return the command of a requeue, or of its dry run."""
    options = [*_choice(wanted), "--rate", f"{rate:g}"]
    if wanted.is_everything:
        options.insert(0, "--all")
    options += ["--limit", str(limit)] if limit else []
    options += [f"--why={why}"] if why else []
    return _line("dlq", "requeue", *options, "--yes" if run else "--dry-run")


def drop(wanted: LetterFilter, *, why: str) -> str:
    return _line("dlq", "drop", *_choice(wanted), f"--why={why}", "--yes")


def release(code: str, *, why: str) -> str:
    return _line("dlq", "release", code, f"--why={why}")


def replay(chosen: ReplayRange, *, rate: float, why: str = "", run: bool) -> str:
    """Return the command of a replay, or of its dry run."""
    wanted = chosen.wanted
    options = ["--topic", chosen.topic]
    for name, at_ms in (("--from", chosen.since_ms), ("--to", chosen.until_ms)):
        options += [name, _time(at_ms)] if at_ms is not None else []
    for name in ("order", "store", "status"):
        options += [f"--{name}={value}"] if (value := getattr(wanted, name)) else []
    options += [] if wanted.is_latest_only else ["--all"]
    options += ["--force"] if wanted.is_forced else []
    options += ["--rate", f"{rate:g}"]
    options += ["--limit", str(wanted.limit)] if wanted.limit else []
    options += [f"--why={why}"] if why else []
    return _line("replay", *options, *(["--run"] if run else []))


def resume(job_id: str) -> str:
    """Return the command that goes on with a job, whatever its kind."""
    return shlex.join(resume_command(job_id))


def _choice(wanted: LetterFilter) -> list[str]:
    options = []
    for name, value in (
        ("code", wanted.code),
        ("field", wanted.field),
        ("order", wanted.key),
        ("store", wanted.store),
    ):
        options += [f"--{name}={value}"] if value else []
    for name, at_ms in (("since", wanted.since_ms), ("until", wanted.until_ms)):
        options += [f"--{name}", _time(at_ms)] if at_ms is not None else []
    return [*wanted.ids, *options]


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _line(*words: str) -> str:
    return shlex.join(("orderstream", *words))
