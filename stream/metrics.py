"""Every metric orderstream exports, in one place; docs/metrics.md explains each (a test holds it).

prometheus-client's default registry is per process; each process serves its own `/metrics`.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

# Alerts
ALERTS = Gauge("orderstream_alert_active", "1 while an alert is active.", ["alert"])

# Agents
OUTCOMES = Counter("orderstream_outcomes_total", "Outcomes of events.", ["kind", "outcome"])
EVENT_LATENCY = Histogram(
    "orderstream_event_latency_seconds",
    "From the webhook's receipt to a final outcome.",
    buckets=LATENCY_BUCKETS,
)
BATCH_EVENTS = Histogram(
    "orderstream_batch_events", "Events per batch.", buckets=(1, 2, 5, 10, 50, 100, 200, 500, 1000)
)
BATCH_SECONDS = Histogram(
    "orderstream_batch_seconds", "Time to handle one batch.", buckets=LATENCY_BUCKETS
)
STATE_KEYS = Gauge("orderstream_state_keys", "Orders and customers held in memory.")
STATE_LOAD_SECONDS = Histogram(
    "orderstream_state_load_seconds", "Time to read a partition's state.", buckets=LATENCY_BUCKETS
)
PUBLISH_RETRIES = Counter(
    "orderstream_publish_retries_total", "Publishes that had to be repeated.", ["topic"]
)
