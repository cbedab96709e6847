"""Judges the cluster itself: each question by itself, so that one answer hides no other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agents.doctor.check import Check, CheckResult, fail, judged, ok, skipped
from agents.doctor.cluster_facts import OFFSETS_TOPIC, ClusterFacts, PartitionFacts

NAMES = (
    "kafka-brokers",
    "kafka-addresses",
    "kafka-controller",
    "kafka-offline",
    "kafka-in-sync",
    "kafka-group-storage",
    "kafka-positions",
    "clock-kafka",
)
LISTED = 5
SKEW_MS = 30_000  # the shortest wait of a retry


def check_cluster(facts: ClusterFacts, least_insync: Mapping[str, int]) -> Iterator[Check]:
    """Yield what is to say of brokers and replicas; `least_insync`: topic → min.insync.replicas."""
    if facts.problem:
        fix = "start a broker, or check KAFKA_BOOTSTRAP_SERVERS, certificates and firewall"
        yield fail("kafka-brokers", f"no bootstrap address answers: {facts.problem}", fix)
        yield from (skipped(name, "no broker was reached") for name in NAMES[1:])
        return
    yield _brokers(facts)
    yield judged(
        "kafka-addresses",
        [f"broker {number} is at {why}" for number, why in facts.unreachable.items()],
        "every advertised address connects: " + ", ".join(facts.brokers.values()),
        "clients are sent to what a broker advertises: set its advertised.listeners to an address "
        "that resolves and connects from here, or start it again",
    )
    yield (
        ok("kafka-controller", f"broker {facts.controller}")
        if facts.controller >= 0
        else fail(
            "kafka-controller",
            "the cluster has none",
            "start the controllers: without a majority of them no leader is elected",
        )
    )
    own = [part for part in facts.partitions if part.topic != OFFSETS_TOPIC]
    offline = [_name(part) for part in own if part.leader < 0]
    fix = "start the brokers that hold them; until then their events get a 503"
    yield judged("kafka-offline", _short(offline), "every partition has a leader", fix)
    yield _in_sync("kafka-in-sync", own, least_insync)
    stored = [part for part in facts.partitions if part.topic == OFFSETS_TOPIC]
    yield _in_sync("kafka-group-storage", stored, least_insync)
    yield _positions(facts)
    yield _clock(facts)


def _brokers(facts: ClusterFacts) -> Check:
    known = {number for part in facts.partitions for number in part.replicas} | set(facts.brokers)
    gone = sorted(known - set(facts.brokers))
    return judged(
        "kafka-brokers",
        [f"broker {number} is down: it holds replicas and has not registered" for number in gone],
        f"{len(known)} of {len(known)} are there",
        "start it again; with too few in-sync replicas nothing is acknowledged",
    )


def _in_sync(name: str, parts: list[PartitionFacts], least: Mapping[str, int]) -> Check:
    stopped = [p for p in parts if len(p.insync) < least.get(p.topic, 1)]
    if stopped:
        detail = _short([f"{_name(p)} has {len(p.insync)} in sync" for p in stopped])
        fix = "fewer than min.insync.replicas: writes are refused; start the missing brokers"
        return fail(name, "; ".join(detail), fix)
    thin = [
        f"{_name(p)} has {len(p.insync)} of {len(p.replicas)} in sync"
        for p in parts
        if len(p.insync) < len(p.replicas)
    ]
    fix = "a broker is down or behind: look at its log; another loss may stop writes"
    return judged(name, _short(thin), "all replicas are in sync", fix, CheckResult.WARN)


def _positions(facts: ClusterFacts) -> Check:
    if facts.gone_back is None:
        return skipped("kafka-positions", "the committed offsets could not be asked")
    fix = "a running worker or relay reads them again; docs/runbook.md, log_went_back"
    return judged("kafka-positions", _short(facts.gone_back), "as the logs are", fix)


def _clock(facts: ClusterFacts) -> Check:
    if facts.ahead_ms is None:
        return skipped(
            "clock-kafka", "the cluster did not tell its time (Describe on the cluster, KRaft)"
        )
    where = "ahead of" if facts.ahead_ms > 0 else "behind"
    problem = f"this machine's clock is {abs(facts.ahead_ms) / 1000:.0f} s {where} Kafka's"
    fix = (
        "switch NTP on, here and on the brokers: they refuse records from their future, and delete "
        "by their own clock, so that one ahead by a topic's retention deletes what nobody has read"
    )
    return judged(
        "clock-kafka", [problem] if abs(facts.ahead_ms) > SKEW_MS else [], "as Kafka's", fix
    )


def _name(part: PartitionFacts) -> str:
    return f"{part.topic}/{part.number}"


def _short(said: list[str] | tuple[str, ...]) -> list[str]:
    more = len(said) - LISTED
    return [*said[:LISTED], *([f"and {more} more"] if more > 0 else [])]
