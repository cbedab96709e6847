"""The tiers are the policy: their delays, and their number as the limit of attempts."""

from stream.retry.relay import due_split
from stream.retry_policy import JITTER_SHARE, RetryPolicy
from stream.topics import Topics, delay_label

TOPICS = Topics(retry_delays_seconds=(30, 120, 3600))


def test_each_failure_goes_to_the_next_tier_and_then_to_nobody():
    policy = RetryPolicy(TOPICS)
    names = [policy.next_step(attempt, now_ms=0) for attempt in range(4)]
    assert [step.topic for step in names[:3]] == [
        "salesforce.retry.30s",
        "salesforce.retry.2m",
        "salesforce.retry.1h",
    ]
    assert names[3] is None


def test_jitter_lengthens_a_wait_by_at_most_a_tenth():
    for _ in range(200):
        step = RetryPolicy(TOPICS).next_step(0, now_ms=1_000)
        assert 31_000 <= step.not_before_ms <= 31_000 + 30_000 * JITTER_SHARE


def test_the_wait_is_the_tiers_and_the_whole_of_the_jitter_that_was_drawn(monkeypatch):
    asked = []
    monkeypatch.setattr("random.uniform", lambda *bounds: asked.append(bounds) or 1_234.9)
    step = RetryPolicy(TOPICS).next_step(1, now_ms=1_000)
    assert (step.topic, step.not_before_ms) == ("salesforce.retry.2m", 1_000 + 120_000 + 1_234)
    assert asked == [(0, 12_000)]


def test_labels_read_like_people_write_them():
    assert [delay_label(s) for s in (1, 30, 90, 120, 3600, 7200)] == [
        "1s",
        "30s",
        "90s",
        "2m",
        "1h",
        "2h",
    ]


def test_the_relay_forwards_the_due_head_and_waits_for_the_rest():
    assert due_split([5, 10, 11, 3], now_ms=10) == (2, 11)
    assert due_split([5, 6], now_ms=10) == (2, None)
    assert due_split([11], now_ms=10) == (0, 11)
    assert due_split([], now_ms=10) == (0, None)


def test_all_topics_are_configured_and_named_with_the_prefix():
    topics = Topics("eu.", (1, 2))
    names = {spec.name for spec in topics.specs()}
    assert {*topics.sources, *topics.retry_tiers, topics.dead_letters, topics.state} <= names
    assert all(name.startswith("eu.") for name in names)
    assert topics.tier_delay_ms("eu.salesforce.retry.2s") == 2_000
