"""Which figures are older than the code they measure: a part's commit against its folders."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROAD = ("schemas", "stream/ingress", "stream/kafka", "stream/retry", "agents", "sandbox/salesforce")
# The simulated org is measured with it: its search alone was once most of an order's latency.
SENDING = ("agents/delivery", "agents/pacing", "agents/salesforce", "sandbox/salesforce")
MEASURED = {
    "ingress": ("schemas", "stream/ingress", "stream/http", "stream/kafka"),
    "end_to_end": ROAD,
    "stages": ("schemas", "agents/handling", "agents/mapping"),
    "scaling": ROAD,
    "state": ("schemas/state.py", "agents/handling", "stream/kafka"),
    "salesforce": SENDING,
    "line_items": (*SENDING, "agents/mapping"),
    "org_latency": ("schemas", "agents"),
    "slow_neighbours": ("schemas", "agents"),
    "operators": ("stream/audit", "stream/jobs", "stream/job_service.py", "stream/kafka"),
    "replay_beside_live": ("stream/jobs", *ROAD),
    "backfill": ("stream/backfill", "stream/magento", *ROAD),
    "dashboard": ("dashboard", "stream/dlq", "stream/audit", "stream/kafka"),
    "against_blueprint": ROAD,
}


def older_parts(
    sections: Iterable[dict[str, Any]], changed: Callable[[str, tuple[str, ...]], bool]
) -> list[str]:
    """Return the parts whose code changed since they were measured, and those without a commit.

    `changed` says of a commit and paths whether these are others now.
    """
    commits = {each["name"]: each["conditions"].get("commit", "") for each in sections}
    return [
        name
        for name, paths in MEASURED.items()
        if not (commit := commits.get(name, "")).isalnum() or changed(commit, paths)
    ]


def changed_since(commit: str, paths: tuple[str, ...]) -> bool:
    """Say whether the working tree's paths differ from a commit's; a lost commit counts as so."""
    command = ["git", "diff", "--quiet", commit, "--", *paths]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode != 0  # noqa: S603 - the command is ours


def sentence(older: list[str]) -> str:
    """Return what the page says of its age."""
    if not older:
        return "No figure is older than the code it measures (`python -m bench --older`)."
    return f"Older than the code they measure (`python -m bench --older`): {', '.join(older)}."
