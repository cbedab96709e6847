"""When Kafka removes a record by its own rules, and when it never does."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.person import Person
from stream.config import Settings
from stream.erasure.proof import DAY_MS, Proof, TopicRules, _Search
from stream.erasure.search import Held, PersonTraces, _look_at
from stream.topics import Topics
from tests.support.person_spellings import spellings

FOREVER = str(2**63 - 1)
KEPT = {"cleanup.policy": "delete", "retention.ms": "1000", "segment.ms": "10"}
COMPACTED = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": "500",
    "delete.retention.ms": "50",
}


SETTINGS = Settings(_env_file=None)


def record(key: str, value: bytes | None, *, at_ms: int, topic: str = "state", offset: int = 0):
    return SimpleNamespace(
        topic=topic,
        partition=0,
        offset=offset,
        key=key.encode(),
        value=value,
        headers=(),
        timestamp=at_ms,
    )


def left(config: dict[str, str], *records) -> Proof:
    search = _Search(Person(("jane@example.com",)), {"state": TopicRules.of(config)})
    for one in records:
        search.look_at(one)
    return Proof(search.remnants())


@pytest.mark.parametrize(
    ("config", "gone_ms"),
    [
        (KEPT, 1_110),
        (KEPT | {"retention.ms": "-1"}, None),
        (COMPACTED, None),
        (COMPACTED | {"max.compaction.lag.ms": FOREVER}, None),
    ],
    ids=["kept for a time", "kept for ever", "newest of its key", "compacted without a limit"],
)
def test_what_names_the_person_has_a_date_or_none(config, gone_ms) -> None:
    proof = left(config, record("customer:jane@example.com", b"{}", at_ms=100))
    assert proof.remnants[0].gone_ms == gone_ms
    assert proof.holds is (gone_ms is not None)


def test_a_tombstone_gives_the_record_a_date_and_has_one_itself() -> None:
    key = "customer:jane@example.com"
    state, tombstone = record(key, b"{}", at_ms=100), record(key, None, at_ms=200, offset=1)
    proof = left(COMPACTED, state, tombstone)
    assert (proof.holds, proof.remnants[0].records) == (True, 2)
    assert proof.remnants[0].gone_ms == 200 + 500 + 50
    assert left(COMPACTED | {"max.compaction.lag.ms": FOREVER}, state, tombstone).holds is False


def test_a_newer_record_of_the_key_that_names_nobody_replaces_it() -> None:
    before = record("order:1", b'{"why":"jane@example.com"}', at_ms=100)
    after = record("order:1", b"{}", at_ms=300, offset=1)
    proof = left(COMPACTED, before, after)
    assert (proof.holds, proof.remnants[0].gone_ms) == (True, 800)


def test_nothing_left_is_a_proof() -> None:
    assert left(KEPT, record("order:1", b"{}", at_ms=1)).holds


def test_every_topic_of_ours_lets_go_of_what_was_erased() -> None:
    for spec in Topics().specs():
        rules = TopicRules.of(spec.config)
        gone_ms = rules.gone_ms(0, 0, is_tombstone=False)
        assert gone_ms is not None, spec.name
        assert gone_ms <= 60 * DAY_MS


@given(spellings(), st.sampled_from(["key", "header", "value", "json"]))
def test_the_search_and_the_proof_see_the_same(spelling, place) -> None:
    """What one misses and the other counts would be erased in part, or never proved."""
    text = spelling("bjørn@example.com")
    one = record(
        text if place == "key" else "order:1",
        {"value": text, "json": json.dumps({"note": text})}.get(place, "{}").encode(),
        at_ms=1,
        topic=Topics().operator_audit,
    )
    one.headers = [("x", text.encode())] if place == "header" else []
    person = Person(("bjørn@example.com",))
    proof = _Search(person, {one.topic: TopicRules.of(KEPT)})
    proof.look_at(one)
    held = Held(one.topic, 1)
    _look_at(one, PersonTraces(person), held, SETTINGS)
    assert [held.records] == [remnant.records for remnant in proof.remnants()] == [1]
