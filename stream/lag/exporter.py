"""A lag snapshot as Prometheus metrics, under the names the ecosystem's dashboards know."""

from __future__ import annotations

from stream.lag.evaluator import GroupLag, LagState, PartitionLag, UnknownLag
from stream.lag.snapshot import LagSnapshot
from stream.ops import metrics

ALL = (
    metrics.KAFKA_LAG,
    metrics.KAFKA_LAG_SECONDS,
    metrics.KAFKA_LAG_SUM,
    metrics.KAFKA_COMMITTED,
    metrics.KAFKA_END,
    metrics.KAFKA_OLDEST,
    metrics.LAG_STATE,
    metrics.LAG_MAX_SECONDS,
    metrics.LAG_TO_ZERO,
    metrics.LAG_RATE_IN,
    metrics.LAG_RATE_OUT,
    metrics.LAG_UNASSIGNED,
    metrics.RETENTION_HEADROOM,
    metrics.DELETED_UNREAD,
    metrics.RETRY_DEPTH,
    metrics.DEAD_LETTERS_OPEN,
    metrics.DEAD_LETTERS_OLDEST,
)


def forget() -> None:
    """Show nothing but that nothing is known: a figure of the past is no figure of now."""
    for metric in ALL:
        metric.clear()
    metrics.LAG_UP.set(0)


def export(snapshot: LagSnapshot, *, dead_letter_topic: str) -> None:
    """Set all lag metrics of this process; what is not known stays absent.

    Call it in the loop that serves them: no gap shows.
    """
    forget()
    metrics.LAG_UP.set(1)
    for (topic, number), span in snapshot.ends.items():
        metrics.KAFKA_END.labels(topic, str(number)).set(span.end)
        metrics.KAFKA_OLDEST.labels(topic, str(number)).set(span.log_start)
    for part in snapshot.partitions:
        _export_partition(part)
    for one in snapshot.unknown:
        _export_state(one, LagState.UNKNOWN)
    for group in snapshot.groups:
        _export_group(group)
    for tier in snapshot.tiers:
        metrics.RETRY_DEPTH.labels(tier.topic, "due").set(tier.due)
        metrics.RETRY_DEPTH.labels(tier.topic, "not_due").set(tier.not_due)
    if (letters := snapshot.open_letters) is not None:
        metrics.DEAD_LETTERS_OPEN.labels(dead_letter_topic).set(letters.count)
        age_ms = 0 if letters.oldest_ms is None else max(0, snapshot.at_ms - letters.oldest_ms)
        metrics.DEAD_LETTERS_OLDEST.labels(dead_letter_topic).set(age_ms / 1000)


def _export_partition(part: PartitionLag) -> None:
    labels = (part.group, part.topic, str(part.partition))
    metrics.KAFKA_LAG.labels(*labels).set(part.lag)
    metrics.KAFKA_COMMITTED.labels(*labels).set(part.position)
    metrics.DELETED_UNREAD.labels(*labels).set(part.deleted_unread)
    if part.lag_seconds is not None:
        metrics.KAFKA_LAG_SECONDS.labels(*labels).set(part.lag_seconds)
    if part.headroom_seconds is not None:
        metrics.RETENTION_HEADROOM.labels(*labels).set(part.headroom_seconds)
    _export_state(part, part.state)


def _export_state(part: PartitionLag | UnknownLag, now: LagState) -> None:
    for state in LagState:
        labels = (part.group, part.topic, str(part.partition), state.value)
        metrics.LAG_STATE.labels(*labels).set(state is now)


def _export_group(group: GroupLag) -> None:
    if group.max_lag_seconds or not group.unknown:  # at least that: it scales and alerts
        metrics.LAG_MAX_SECONDS.labels(group.group).set(group.max_lag_seconds)
    if group.unknown:  # a sum without some of its terms is no sum
        return
    metrics.KAFKA_LAG_SUM.labels(group.group).set(group.lag)
    metrics.LAG_TO_ZERO.labels(group.group).set(group.seconds_to_zero)
    metrics.LAG_RATE_IN.labels(group.group).set(group.rate_in)
    metrics.LAG_RATE_OUT.labels(group.group).set(group.rate_out)
    metrics.LAG_UNASSIGNED.labels(group.group).set(group.unassigned)
