"""Judges topics and consumer groups. Pure.

The topic settings themselves are compared by `stream.kafka.topic_plan`, as `orderstream topics
plan` does; here each kind of difference gets a line that says what it would cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agents.doctor.check import Check, CheckResult, fail, judged, ok, skipped, warn
from agents.doctor.kafka_facts import GroupFacts, KafkaFacts
from stream.config import Settings
from stream.kafka.topic_plan import REPLICATION_FOR_MIN_INSYNC, ExistingTopic, least_in_sync
from stream.settings.kafka import KafkaSettings

APPLY = "`orderstream topics apply` corrects it"
FUTURE_MS = 60_000
HEADER_ROOM_BYTES = 64 * 1024


def check_kafka(settings: Settings, facts: KafkaFacts) -> Iterator[Check]:
    """Yield what is to say about the cluster as it is."""
    if facts.problem:
        fix = "check KAFKA_BOOTSTRAP_SERVERS, KAFKA_SECURITY_PROTOCOL, certificates and firewall"
        yield fail("kafka-reachable", facts.problem, fix)
        yield skipped("kafka-topics", "Kafka was not reached")
        yield skipped("kafka-groups", "Kafka was not reached")
        return
    word = "broker" if facts.brokers == 1 else "brokers"
    yield ok("kafka-reachable", f"{settings.kafka_bootstrap_servers}: {facts.brokers} {word}")
    yield _missing(settings, facts)
    if facts.topics:
        yield from _shape(settings, facts.topics)
        yield from _keeping(settings, facts.topics)
        yield _sizes(settings, facts.topics)
    yield from _groups(settings, facts)
    yield _old_tiers(facts)
    yield _collisions(facts)
    yield _clock(facts)


def _missing(settings: KafkaSettings, facts: KafkaFacts) -> Check:
    names = [spec.name for spec in settings.topics.specs()]
    missing = [name for name in names if name not in facts.topics]
    fix = "`orderstream topics apply` makes them; a wrong KAFKA_TOPIC_PREFIX looks the same"
    return judged("kafka-topics", [f"{name} is missing" for name in missing], "all there", fix)


def _partition_fix(topics: Mapping[str, ExistingTopic]) -> str:
    counts = {topic.partitions for topic in topics.values()}
    if len(counts) == 1:
        return f"set KAFKA_PARTITIONS to {counts.pop()}, what all topics have, in every process"
    return (
        "do not change KAFKA_PARTITIONS: topics that belong together have different counts. What "
        "has fewer than the source topics gets partitions by kafka-topics.sh --alter; what has "
        "more keeps them unused (docs/runbook.md, topics_differ)"
    )


def _shape(settings: KafkaSettings, topics: Mapping[str, ExistingTopic]) -> Iterator[Check]:
    wanted = settings.kafka_partitions
    counts = [f"{n} has {t.partitions}" for n, t in topics.items() if t.partitions != wanted]
    yield judged(
        "kafka-partitions",
        [*counts, f"KAFKA_PARTITIONS is {wanted}"] if counts else [],
        f"{wanted} everywhere",
        _partition_fix(topics),
    )
    copies = settings.kafka_replication_factor
    yield judged(
        "kafka-replication",
        [
            f"{name} has {topic.replication_factor} copies, not {copies}"
            for name, topic in topics.items()
            if topic.replication_factor < copies
        ],
        f"{copies} or more",
        "add replicas with kafka-reassign-partitions",
    )
    yield judged(
        "kafka-leaders",
        [
            f"{n}: {t.leaderless} partitions without leader"
            for n, t in topics.items()
            if t.leaderless
        ],
        "every partition has one",
        "a broker is down: start it again; until then their events get a 503",
    )
    yield from _insync(topics)


def _insync(topics: Mapping[str, ExistingTopic]) -> Iterator[Check]:
    blocked, thin = [], []
    for name, topic in topics.items():
        least = least_in_sync(topic)
        if least > topic.replication_factor:
            blocked.append(f"{name} wants {least} of {topic.replication_factor}")
        elif least == topic.replication_factor > 1:
            thin.append(f"{name} takes nothing while one of its {least} brokers is down")
        elif "min.insync.replicas" not in topic.config:
            continue  # a cluster that has no such setting
        elif least < 2 and topic.replication_factor >= REPLICATION_FOR_MIN_INSYNC:  # noqa: PLR2004 - an ack is two copies
            thin.append(f"{name} acknowledges with one copy")
    if blocked:
        fix = "nothing can be written: lower min.insync.replicas, or add replicas"
        yield fail("kafka-min-insync", "; ".join(blocked), fix)
    else:
        fine = "acks=all means what it says"
        fix = f"KAFKA_REPLICATION_FACTOR=3 and as many replicas; then {APPLY}"
        yield judged("kafka-min-insync", thin, fine, fix, CheckResult.WARN)
    unclean = [
        f"{name} allows it"
        for name, topic in topics.items()
        if topic.config.get("unclean.leader.election.enable") == "true"
    ]
    fix = "set unclean.leader.election.enable=false: a stale replica would drop acknowledged events"
    yield judged("kafka-unclean-election", unclean, "switched off", fix)


def _keeping(settings: KafkaSettings, topics: Mapping[str, ExistingTopic]) -> Iterator[Check]:
    names = settings.topics
    state = topics.get(names.state)
    policy = state.config.get("cleanup.policy", "") if state else "compact"
    yield judged(
        "kafka-state-policy",
        [f"{names.state} has cleanup.policy={policy}"] if policy != "compact" else [],
        "the order state is compacted, never deleted",
        f"{APPLY}; with deleted state old events would win",
    )
    compacted = [
        f"{name} is compacted"
        for name, topic in topics.items()
        if name != names.state and "compact" in topic.config.get("cleanup.policy", "")
    ]
    fix = f"{APPLY}: compaction removes events nobody has read"
    yield judged("kafka-facts-policy", compacted, "no event topic is compacted", fix)
    yield _kept_by_size(names.state, topics)
    yield _results_kept(settings, topics)
    yield _waiting_kept(settings, topics)


def _kept_by_size(state: str, topics: Mapping[str, ExistingTopic]) -> Check:
    capped = [
        f"{name} keeps {limit:,} bytes a partition"
        for name, topic in topics.items()
        if name != state and (limit := int(topic.config.get("retention.bytes") or -1)) >= 0
    ]
    fix = (
        "more than that is deleted, read or not, and `orderstream lag` does not foresee it: set "
        "retention.bytes=-1 on the topic (log.retention.bytes is the brokers' default), or much "
        "more than the longest outage brings"
    )
    return judged("kafka-size-retention", capped, "kept by time alone", fix, CheckResult.WARN)


def _results_kept(settings: KafkaSettings, topics: Mapping[str, ExistingTopic]) -> Check:
    names = settings.topics
    kept = _retention_ms(topics.get(names.results))
    short = [
        f"{names.results} keeps {_days(kept)}, {fact} {_days(_retention_ms(topics.get(fact)))}"
        for fact in names.facts
        if kept < _retention_ms(topics.get(fact))
    ]
    fix = f"{APPLY}; results must outlive events, or the audit finds events without outcome"
    return judged("kafka-results-retention", short, "results outlive events", fix)


def _waiting_kept(settings: KafkaSettings, topics: Mapping[str, ExistingTopic]) -> Check:
    names = settings.topics
    short = [
        f"{tier} keeps {_days(_retention_ms(topics.get(tier)))}"
        for tier in names.retry_tiers
        if _retention_ms(topics.get(tier)) <= 2 * names.tier_delay_ms(tier)
    ]
    fix = f"{APPLY}; events would be deleted while they wait"
    return judged("kafka-retry-retention", short, "longer than events wait", fix)


def _retention_ms(topic: ExistingTopic | None) -> float:
    kept = float(topic.config.get("retention.ms") or -1) if topic else -1.0
    return kept if kept >= 0 else float("inf")


def _days(milliseconds: float) -> str:
    days = milliseconds / 86_400_000
    return "for ever" if days == float("inf") else f"{days:.1f} days"


def _sizes(settings: Settings, topics: Mapping[str, ExistingTopic]) -> Check:
    names = settings.topics
    needed = settings.ingress_max_body_bytes + HEADER_ROOM_BYTES
    carriers = (*names.facts, names.due, *names.retry_tiers, names.settle, names.dead_letters)
    small = [
        f"{name} takes {limit:,} bytes"
        for name in carriers
        if name in topics
        and (limit := int(topics[name].config.get("max.message.bytes") or needed)) < needed
    ]
    fix = f"{APPLY}, or lower INGRESS_MAX_BODY_BYTES ({settings.ingress_max_body_bytes:,})"
    return judged("kafka-message-size", small, "every accepted body fits everywhere", fix)


def _groups(settings: Settings, facts: KafkaFacts) -> Iterator[Check]:
    topics = settings.topics
    workers = facts.groups.get(settings.worker_group, GroupFacts(0, frozenset()))
    relay = facts.groups.get(settings.relay_group, GroupFacts(0, frozenset()))
    yield _members("workers", settings.worker_group, workers, facts, topics.sources)
    yield _members(
        "relay", settings.relay_group, relay, facts, (*topics.retry_tiers, topics.settle)
    )
    if workers.members > settings.kafka_partitions:
        detail = f"{workers.members} workers for {settings.kafka_partitions} partitions"
        yield warn("workers-idle", detail, "stop those that have nothing to do")


def _members(
    name: str, group: str, found: GroupFacts, facts: KafkaFacts, topics: tuple[str, ...]
) -> Check:
    if not found.members:
        start = "worker" if name == "workers" else "relay"
        detail = f"nobody is in the group {group}"
        return warn(name, detail, f"start `orderstream {start}`; events wait until then")
    if found.held is None:
        return warn(name, f"the group {group} rebalances", "ask again in a minute")
    all_parts = {
        (topic, number)
        for topic in topics
        if topic in facts.topics
        for number in range(facts.topics[topic].partitions)
    }
    lonely = sorted(f"{topic}/{number}" for topic, number in all_parts - found.held)
    fix = "restart the members of the group; `orderstream lag` shows what waits"
    return judged(
        name, [f"nobody reads {part}" for part in lonely], f"{found.members} in {group}", fix
    )


def _collisions(facts: KafkaFacts) -> Check:
    found = [f"{count:,} open dead letters of {code}" for code, count in facts.collisions.items()]
    fix = "set MAGENTO_ORDER_KEY or MAGENTO_CUSTOMER_KEY (docs/identity.md), then requeue them"
    return judged("key-collisions", found, "no two documents claim one key", fix)


def _old_tiers(facts: KafkaFacts) -> Check:
    held = [f"{tier} holds up to {count:,} events" for tier, count in facts.old_tiers.items()]
    fix = "put the delay back into RETRY_DELAYS until `orderstream lag` shows the tier empty"
    return judged("retry-tiers-of-the-past", held, "none", fix, CheckResult.WARN)


def _clock(facts: KafkaFacts) -> Check:
    ahead = (facts.newest_ms or 0) - facts.now_ms
    problem = f"the newest record is {ahead / 1000:.0f} s in the future"
    return judged(
        "clock-records",
        [problem] if ahead > FUTURE_MS else [],
        "no record is from the future",
        "a clock is wrong, here or on a sender's machine: switch NTP on everywhere",
    )
