"""One line of the doctor's report: what was looked at, the result, and the fix. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

EXIT_OK, EXIT_WARNINGS, EXIT_FAILURES = 0, 1, 2


class CheckResult(StrEnum):
    """How a check ended. `warn` works today and will hurt; `fail` does not work, or loses data."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """A finished check. `name` is stable (`kafka-partitions`): alarms may be built on it."""

    name: str
    result: CheckResult
    detail: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON-ready data."""
        return asdict(self) | {"result": self.result.value}


def ok(name: str, detail: str) -> Check:
    return Check(name, CheckResult.OK, detail)


def warn(name: str, detail: str, fix: str) -> Check:
    return Check(name, CheckResult.WARN, detail, fix)


def fail(name: str, detail: str, fix: str) -> Check:
    return Check(name, CheckResult.FAIL, detail, fix)


def skipped(name: str, why: str) -> Check:
    return Check(name, CheckResult.SKIPPED, why)


def judged(
    name: str, problems: Sequence[str], fine: str, fix: str, result: CheckResult = CheckResult.FAIL
) -> Check:
    """Return one line for any number of problems of a kind; `fine` when there is none."""
    return Check(name, result, "; ".join(problems), fix) if problems else ok(name, fine)


def exit_code(checks: Iterable[Check]) -> int:
    """Return 0 when all is well (or skipped), 1 with warnings only, 2 with a failure."""
    results = {check.result for check in checks}
    if CheckResult.FAIL in results:
        return EXIT_FAILURES
    return EXIT_WARNINGS if CheckResult.WARN in results else EXIT_OK
