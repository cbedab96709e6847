"""One line per job, from its actions in the operator log."""

from __future__ import annotations

from typing import Any

from schemas.operator import OperatorAction

STATES = {
    "job-started": "running or killed",
    "job-progress": "running or killed",
    "job-stopped": "stopped",
    "job-done": "done",
}


def job_of(actions: list[OperatorAction]) -> dict[str, Any]:
    """Return one job's line from its actions, oldest first."""
    first, last = actions[0], actions[-1]
    ends = [action.detail for action in actions if "copied" in action.detail]
    end = ends[-1] if ends else {}
    done = sum(end.get(name, 0) for name in ("copied", "found", "skipped", "too_large"))
    return {
        "job_id": first.job_id,
        "state": STATES.get(last.action, last.action),
        "done": done,
        "total": first.detail.get("total", 0),
        "who": first.who,
        "why": first.why,
        "started_ms": first.at_ms,
        "last_ms": last.at_ms,
    }
