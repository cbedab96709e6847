"""What the first screen says: balance, in and out, lag, breaker, budget, failures, alerts. Pure.

Everything that is not known is said to be not known; nothing is shown as zero that was not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.data.chart import Chart, draw
from dashboard.data.figures import show_rate, show_span
from dashboard.data.snapshots import LagPoint, Snapshots
from dashboard.data.worker_metrics import WorkersView, together
from stream.audit.live_totals import BUCKET_SECONDS, FLOW_BUCKETS
from stream.audit.outcome_bitmap import Balance
from stream.kafka.log.leader_questions import name_silent
from stream.lag.evaluator import GroupLag
from stream.lag.snapshot import LagSnapshot
from stream.ops.alerts import Alert

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
LEAST_SPAN_MS = 10 * MINUTE_MS
RECENT_SHOWN = 8

# What somebody must do about a state of a group.
STATE_HELP = {
    "OK": "keeping up",
    "WARN": "working, but not catching up",
    "UNKNOWN": "some of it does not answer",
    "REWIND": "reading again from further back",
    "STALL": "a worker has it and does nothing",
    "STOP": "nobody is working on it",
}

# What an alert of a process means; its log says of what, the runbook what to do.
ALERT_HELP: dict[str, str] = {
    Alert.AUTH_BROKEN: "Salesforce refuses the login, so nothing is written",
    Alert.BREAKER_OPEN: "calls to Salesforce fail, so workers wait and probe",
    Alert.BUDGET_LOW: "little is left of our share of the day's API calls",
    Alert.DEAD_LETTER: "the first event of its kind died: see Dead letters",
    Alert.WRITES_HELD: "Salesforce refuses all writes of one kind, so those wait",
    Alert.DEAD_LETTERS_GROWING: "more die than usual, mostly for one cause: see Dead letters",
    Alert.DEAD_LETTERS_STOPPED: "most die of one cause, so the rest of it waits: see Dead letters",
    Alert.WORKER_STALLED: "a worker made no progress and ended itself",
    Alert.PUBLISH_BLOCKED: "Kafka does not acknowledge what a process writes",
    Alert.WORKER_FROZEN: "a worker stood still too long and ended itself",
    Alert.WEBHOOKS_MISSING: "the store saved orders of which no webhook came",
    Alert.SENDER_BEHIND: "a sender's clock or queue is behind, so what is read wins over it",
    Alert.STORE_AWAY: "Magento does not complete events that lack their content, so those wait",
    Alert.LOG_WENT_BACK: "Kafka lost records that had been read: run an audit",
    Alert.TOPICS_DIFFER: "topics that belong together differ in partitions",
}


@dataclass(frozen=True, slots=True)
class Share:
    """One term of the balance line."""

    name: str
    count: int


def shares(balance: Balance) -> list[Share]:
    return [
        Share(name, getattr(balance, name))
        for name in ("synced", "unchanged", "superseded", "dead", "pending")
    ]


def overview(watch: Snapshots, *, now_ms: int, has_metrics: bool) -> dict[str, Any]:
    """Return the values of the first screen's template."""
    index, snapshot = watch.balance, watch.snapshot
    workers = together(watch.scrapes) if has_metrics else None
    group = snapshot.groups[0] if snapshot else None
    tiers = snapshot.tiers if snapshot and not snapshot.groups[1].unknown else ()
    silent = name_silent(index.unread)
    unbalanced = [f"Not known: the balance of everything ({silent})"] if silent else []
    return {
        "balance": index.balance,
        "shares": shares(index.balance),
        "is_whole": not unbalanced,
        "is_loaded": index.refreshed_ms is not None,
        "read": index.outcomes_read,
        "to_read": index.to_read,
        "rate_in": index.rate_in.per_second,
        "rate_out": index.rate_out.per_second,
        "group": group,
        "state_help": STATE_HELP[group.state.value] if group else "",
        "snapshot": snapshot,
        "waiting": sum(tier.due + tier.not_due for tier in tiers) if tiers else None,
        "due": sum(tier.due for tier in tiers) if tiers else None,
        "workers": workers,
        "is_scraped": bool(watch.scrapes),
        "alerts": [*alerts(group, snapshot, workers), *unbalanced],
        "lag_chart": lag_chart(list(watch.lag_points), now_ms, past=watch.balance.ages.points()),
        "flow_chart": flow_chart(watch, now_ms),
        "recent": newest(watch.balance.recent, RECENT_SHOWN),
    }


def newest(outcomes: Iterable[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return the newest first: partitions are read one after the other, so they come mixed."""
    return sorted(outcomes, key=lambda one: one.get("at_ms", 0), reverse=True)[:most]


def alerts(
    group: GroupLag | None, snapshot: LagSnapshot | None, workers: WorkersView | None
) -> list[str]:
    """Return what somebody must know now: from the brokers first, then from the processes."""
    found = []
    if group and group.state.value in ("STOP", "STALL", "REWIND"):
        found.append(f"Workers: {group.state}: {STATE_HELP[group.state.value]}")
    if snapshot and snapshot.groups[1].state.value in ("STOP", "STALL"):
        found.append(f"Relay: {snapshot.groups[1].state}: retries are due and nobody brings them")
    found += [f"Not known: {line}" for line in (snapshot.unknowns if snapshot else ())]
    if snapshot and (lost := sum(g.deleted_unread for g in snapshot.groups)):
        found.append(f"{lost:,} events were deleted by retention before they were read")
    if workers:
        found += [_in_words(alert) for alert in workers.alerts]
        found += [f"{silent.url}: {silent.problem}" for silent in workers.silent]
    return found


def _in_words(name: str) -> str:
    help_text = ALERT_HELP.get(name)  # a process of another version may have others
    words = name.replace("_", " ").capitalize()
    return f"{words}: {help_text} (docs/runbook.md, {name})" if help_text else words


def lag_chart(
    points: list[LagPoint], now_ms: int, *, past: Sequence[tuple[int, float]] = ()
) -> Chart:
    """Return the age of the oldest unread event over up to an hour.

    Before the first sample of this process: how old events were when they were worked on.
    """
    sampled = [(point.at_ms, point.seconds) for point in points]
    since = sampled[0][0] if sampled else now_ms
    known = [*(point for point in past if point[0] < since), *sampled]
    first = next((at for at, _ in known if at >= now_ms - HOUR_MS), now_ms)
    start = min(first, now_ms - LEAST_SPAN_MS)
    shown = [point for point in known if point[0] >= start]
    return draw({"lag": shown}, start_ms=start, end_ms=now_ms, show=show_span, least_top=5.0)


def flow_chart(watch: Snapshots, now_ms: int) -> Chart:
    """Return events per second in and out over up to an hour."""
    flow = watch.balance.flow
    names = ("in", "out")
    series = {name: flow.rates(name, until_ms=now_ms, buckets=FLOW_BUCKETS) for name in names}
    used = [at for points in series.values() for at, value in points if value]
    first = min(used, default=now_ms)
    start = max(now_ms - HOUR_MS, min(first - MINUTE_MS, now_ms - LEAST_SPAN_MS))
    series = {name: [p for p in points if p[0] >= start] for name, points in series.items()}
    end = now_ms - now_ms % (BUCKET_SECONDS * 1000)
    return draw(
        series, start_ms=start, end_ms=max(end, start + 1), show=lambda v: f"{show_rate(v)}/s"
    )
