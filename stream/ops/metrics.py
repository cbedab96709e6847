"""Every metric orderstream exports, in one place; docs/metrics.md explains each (a test holds it).

prometheus-client's default registry is per process; each process serves its own `/metrics`. Only
the processes of `orderstream ingress --workers N` share a port, so they share their figures too
(prometheus-client's multiprocess mode: PROMETHEUS_MULTIPROC_DIR, set by their supervisor).
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample

from schemas.event import Kind
from schemas.result import Outcome
from schemas.sender_clock import Clock
from stream.version import own_version


class OwnGauge(Gauge):
    """A gauge that is absent until its process has set it.

    Every process imports every metric, and the library exports a gauge without labels as 0 from its
    birth on: a relay would say that no call of the API budget is left.
    """

    _is_known = False

    def set(self, value: float) -> None:
        self._know()
        super().set(value)

    def inc(self, amount: float = 1) -> None:
        self._know()
        super().inc(amount)

    def dec(self, amount: float = 1) -> None:
        self._know()
        super().dec(amount)

    def _know(self) -> None:
        if not self._is_known:
            super()._metric_init()
            self._is_known = True

    def _metric_init(self) -> None:
        """Make no value yet: with several processes to a port it would be a 0 in a file."""

    def _child_samples(self) -> Iterable[Sample]:
        return super()._child_samples() if self._is_known else ()


LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

BUILD_INFO = Gauge(
    "orderstream_build_info",
    "1; the label says which version runs.",
    ["version"],
    multiprocess_mode="livemax",
)
BUILD_INFO.labels(own_version()).set(1)

# Alerts
ALERTS = Gauge(
    "orderstream_alert_active",
    "1 while an alert is active.",
    ["alert"],
    multiprocess_mode="livemax",
)

# Ingress
INGRESS_REQUESTS = Counter(
    "orderstream_ingress_requests_total", "Answered requests.", ["status", "reason"]
)
INGRESS_IGNORED = Counter(
    "orderstream_ingress_ignored_total",
    "Events nobody here has a use for.",
    ["event", "reason"],
)
INGRESS_UNEXPECTED = Counter(
    "orderstream_ingress_unexpected_names_total",
    "Orders and customers taken under an event name nobody knows.",
    ["event", "kind"],
)
INGRESS_BODY_BYTES = Counter(
    "orderstream_ingress_body_bytes_total", "Bytes of published webhook bodies."
)
INGRESS_PUBLISH_SECONDS = Histogram(
    "orderstream_ingress_publish_seconds",
    "From publish to the broker's ack.",
    buckets=LATENCY_BUCKETS,
)
INGRESS_IN_FLIGHT = OwnGauge(
    "orderstream_ingress_in_flight",
    "Publishes awaiting the broker's ack.",
    multiprocess_mode="livesum",
)
SIGNATURE_KEY_USED = Gauge(
    "orderstream_signature_key_used_timestamp_seconds",
    "When a webhook was last signed by a key.",
    ["sender", "key"],
    multiprocess_mode="max",
)
INGRESS_CUT = Counter(
    "orderstream_ingress_connections_cut_total", "Connections ended by the watchdog.", ["why"]
)

# Agents
OUTCOMES = Counter("orderstream_outcomes_total", "Outcomes of events.", ["kind", "outcome"])
MAGENTO_CALLS = Counter(
    "orderstream_magento_calls_total", "Calls to the store's REST API.", ["answer"]
)
BULK_JOBS = Counter("orderstream_bulk_jobs_total", "Jobs of Bulk API 2.0.", ["sobject", "method"])
COLLISIONS = Counter(
    "orderstream_key_collisions_total",
    "Events refused because their key belongs to another order or customer.",
    ["kind"],
)
ENRICHED = Counter(
    "orderstream_enriched_events_total", "Events completed by the store's REST API.", ["outcome"]
)
SENDER_CLOCKS = Counter(
    "orderstream_sender_clock_total",
    "Events whose updated_at could not be believed as it stands.",
    ["clock"],
)
EVENT_LATENCY = Histogram(
    "orderstream_event_latency_seconds",
    "From the webhook's receipt to a final outcome.",
    buckets=LATENCY_BUCKETS,
)
BATCH_EVENTS = Histogram(
    "orderstream_batch_events", "Events per batch.", buckets=(1, 2, 5, 10, 50, 100, 200, 500, 1000)
)
CALLS_SENT = Counter(
    "orderstream_calls_sent_total", "Batches sent, by why they left with what they had.", ["why"]
)
CALL_ROWS = Histogram(
    "orderstream_call_rows", "Rows per call.", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 600, 1000)
)
BATCH_SECONDS = Histogram(
    "orderstream_batch_seconds", "Time to handle one batch.", buckets=LATENCY_BUCKETS
)
STATE_KEYS = OwnGauge("orderstream_state_keys", "Orders and customers held in memory.")
STATE_LOAD_SECONDS = Histogram(
    "orderstream_state_load_seconds", "Time to read a partition's state.", buckets=LATENCY_BUCKETS
)
LOG_WENT_BACK = Counter(
    "orderstream_log_went_back_total",
    "Partitions whose log was found to hold less, or other records, than were read.",
    ["topic", "partition"],
)
PUBLISH_RETRIES = Counter(
    "orderstream_publish_retries_total", "Publishes that had to be repeated.", ["topic"]
)


# Relay
RELAYED = Counter(
    "orderstream_relayed_total", "Due records forwarded to salesforce.due.", ["topic"]
)

# Salesforce
SALESFORCE_CALLS = Counter(
    "orderstream_salesforce_calls_total",
    "HTTP calls to Salesforce; result is ok or the kind of error.",
    ["operation", "result"],
)
SALESFORCE_CALL_SECONDS = Histogram(
    "orderstream_salesforce_call_seconds",
    "Time of one HTTP call to Salesforce.",
    ["operation"],
    buckets=LATENCY_BUCKETS,
)
SALESFORCE_UNKNOWN_OUTCOMES = Counter(
    "orderstream_salesforce_unknown_outcomes_total",
    "Calls that were cut or timed out after sending: they may have been carried out.",
    ["operation"],
)
SALESFORCE_LOGINS = Counter(
    "orderstream_salesforce_logins_total",
    "Token calls: ok, outage or the refusal's code. moved: the login named another host.",
    ["result"],
)
SALESFORCE_HOST = Gauge(
    "orderstream_salesforce_host",
    "1 for the host that the present token sends calls to.",
    ["host"],
)

# Pacing and dispatch
SALESFORCE_ROWS = Counter(
    "orderstream_salesforce_rows_total",
    "Rows answered, by result: created, updated, stale, or the kind of failure.",
    ["sobject", "result"],
)
IN_PLACE_RETRIES = Counter(
    "orderstream_salesforce_in_place_retries_total",
    "Calls and rounds repeated within a batch, by kind of failure.",
    ["kind"],
)
BREAKER_STATE = OwnGauge(
    "orderstream_breaker_state", "Circuit breaker: 0 closed, 1 half-open, 2 open."
)
BUDGET_USED = OwnGauge("orderstream_budget_used_calls", "API calls of the whole org in 24 hours.")
BUDGET_LIMIT = OwnGauge("orderstream_budget_limit_calls", "The org's API calls per 24 hours.")
BUDGET_LEFT = OwnGauge("orderstream_budget_left_ratio", "Part of orderstream's share that is left.")
CONCURRENCY_LIMIT = OwnGauge("orderstream_concurrency_limit", "Calls that may be in flight now.")
CALLS_IN_FLIGHT = OwnGauge("orderstream_calls_in_flight", "Calls in flight.")
CALL_RATE_LIMIT = OwnGauge(
    "orderstream_call_rate_limit", "This worker's part of the calls per second."
)

# Lag, as the brokers tell it (`orderstream lag --serve`, `orderstream dashboard`). The kafka_ names
# and labels are kafka_exporter's, so that dashboards people have go on working.
PARTITION_LABELS = ["consumergroup", "topic", "partition"]
KAFKA_LAG = Gauge("kafka_consumergroup_lag", "Unread events.", PARTITION_LABELS)
LAG_UP = OwnGauge(
    "orderstream_lag_up", "Whether Kafka could be asked: 1, or 0 and no other figure."
)
KAFKA_LAG_SECONDS = Gauge(
    "kafka_consumergroup_lag_seconds", "Age of the oldest unread event.", PARTITION_LABELS
)
KAFKA_LAG_SUM = Gauge("kafka_consumergroup_lag_sum", "Unread events of a group.", ["consumergroup"])
KAFKA_COMMITTED = Gauge(
    "kafka_consumergroup_current_offset", "Next unread offset.", PARTITION_LABELS
)
KAFKA_END = Gauge(
    "kafka_topic_partition_current_offset",
    "Offset after the newest record.",
    ["topic", "partition"],
)
KAFKA_OLDEST = Gauge(
    "kafka_topic_partition_oldest_offset", "Offset of the oldest record.", ["topic", "partition"]
)
LAG_STATE = Gauge(
    "orderstream_lag_state", "1 for the state of a partition.", [*PARTITION_LABELS, "state"]
)
LAG_MAX_SECONDS = Gauge(
    "orderstream_lag_max_seconds", "Age of a group's oldest unread event.", ["consumergroup"]
)
LAG_TO_ZERO = Gauge(
    "orderstream_lag_to_zero_seconds", "Time until nothing is unread.", ["consumergroup"]
)
LAG_RATE_IN = Gauge("orderstream_lag_rate_in", "Events per second that arrive.", ["consumergroup"])
LAG_RATE_OUT = Gauge(
    "orderstream_lag_rate_out", "Events per second that are committed.", ["consumergroup"]
)
LAG_UNASSIGNED = Gauge(
    "orderstream_lag_unassigned_partitions", "Partitions nobody consumes.", ["consumergroup"]
)
RETENTION_HEADROOM = Gauge(
    "orderstream_retention_headroom_seconds",
    "Time until retention deletes the oldest unread event.",
    PARTITION_LABELS,
)
DELETED_UNREAD = Gauge(
    "orderstream_deleted_unread_events", "Events deleted before they were read.", PARTITION_LABELS
)
RETRY_DEPTH = Gauge("orderstream_retry_depth", "Events in a retry tier.", ["topic", "state"])
DEAD_LETTERS_OPEN = Gauge("orderstream_dead_letters_open", "Open dead letters.", ["topic"])
DEAD_LETTERS_OLDEST = Gauge(
    "orderstream_dead_letters_oldest_seconds", "Age of the oldest open dead letter.", ["topic"]
)


def start_counters_at_zero() -> None:
    """Make the counters of a worker be there before their first event.

    A counter that appears with a value has not risen for Prometheus: a first burst of dead letters
    would be no rate at all.
    """
    for kind in Kind:
        for outcome in Outcome:
            OUTCOMES.labels(kind, outcome)
        COLLISIONS.labels(kind)
    for clock in Clock:
        SENDER_CLOCKS.labels(clock)
    SALESFORCE_LOGINS.labels("ok")


def exposition() -> tuple[bytes, str]:
    """Return the metrics page and its content type: one process's, or all that share a port."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # prometheus-client's own variable
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types
    return generate_latest(registry), CONTENT_TYPE_LATEST
