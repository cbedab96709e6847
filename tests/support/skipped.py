"""What was skipped in all suites of `make test`, told in one line at the end.

python -m tests.support.skipped begin|tell
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import orjson

NOTES = Path(__file__).resolve().parents[2] / ".pytest_cache" / "skipped.jsonl"
# pytest calls a skip (path, line, "Skipped: reason").
PREFIX = re.compile(r"^Skipped: ")


def reasons_of(reports: list[Any]) -> Counter[str]:
    """Count skipped tests by what they miss."""
    return Counter(PREFIX.sub("", report.longrepr[2]).splitlines()[0] for report in reports)


def line_of(reasons: Counter[str]) -> str:
    """Return the line; it says what to install, because the reasons do."""
    if not reasons:
        return "no test was skipped"
    told = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common())
    return f"{reasons.total()} tests skipped: {told}"


def note(reasons: Counter[str]) -> None:
    """Add what one suite skipped to what the others did."""
    NOTES.parent.mkdir(exist_ok=True)
    with NOTES.open("ab") as file:
        file.write(orjson.dumps(reasons) + b"\n")


def main(word: str) -> None:
    if word == "begin":
        NOTES.unlink(missing_ok=True)
        return
    total: Counter[str] = Counter()
    for line in NOTES.read_bytes().splitlines() if NOTES.exists() else ():
        total.update(orjson.loads(line))
    print(line_of(total))  # noqa: T201 - a command of `make test`


if __name__ == "__main__":
    main(sys.argv[1])
