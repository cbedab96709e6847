"""A topic takes whatever its users write: only what is signed passes for an operator's doing."""

from __future__ import annotations

import dataclasses

import pytest

from agents.doctor.setting_checks import check_settings
from agents.handling.record_trust import UNTRUSTED, RecordTrust, sift
from schemas.erasure import ERASURE_EVENT
from schemas.event import Envelope, Kind, Origin, Via
from schemas.headers import envelope_of, headers_of
from schemas.operator_signature import signature_of
from schemas.version_reset import RESET_EVENT
from stream.config import load_settings
from stream.topics import Topics

TOPICS = Topics()
KEY, OLD_KEY = "one-key-of-the-operators-7c1e", "another-key-of-theirs-93ab"
TRUST = RecordTrust(TOPICS, (KEY, OLD_KEY))

LIVE = Envelope(
    event_id="0199-e1",
    event="sales_order_save_after",
    kind=Kind.ORDER,
    key="000000001",
    received_at_ms=1_800_000_000_000,
    value=b'{"order": {"increment_id": "000000001"}}',
)
CLAIMS = {
    "a replay": {"via": Via.REPLAY, "job_id": "replay-1"},
    "a requeue": {"via": Via.REQUEUE},
    "a backfill": {"via": Via.BACKFILL},
    "a job's id alone": {"job_id": "replay-1"},
    "forced alone": {"is_forced": True},
    "a correction": {"corrects": "abc", "edited_at_ms": 1_800_000_000_001},
    "a time of correction alone": {"edited_at_ms": 1_800_000_000_001},
    "an erasure": {"event": ERASURE_EVENT},
    "a reset": {"event": RESET_EVENT},
}
# What a signature covers, each with another value of it.
COVERED = {
    "event_id": "0199-e2",
    "event": ERASURE_EVENT,
    "kind": Kind.CUSTOMER,
    "key": "000000002",
    "received_at_ms": 1_800_000_000_009,
    "via": Via.REQUEUE,
    "job_id": "replay-2",
    "is_forced": True,
    "corrects": "def",
    "edited_at_ms": 1_800_000_000_002,
    "value": b'{"order": {"increment_id": "000000002"}}',
}


def signed(envelope: Envelope, key: str = KEY) -> Envelope:
    return dataclasses.replace(envelope, operator_signature=signature_of(envelope, key))


def consumed(envelope: Envelope, topic: str = "", *, headers=None) -> Envelope:
    """The envelope as a worker reads it back from a topic."""
    return envelope_of(
        topic=topic or TOPICS.due,
        partition=1,
        offset=7,
        timestamp_ms=1,
        key=envelope.key.encode(),
        value=envelope.value,
        headers=headers_of(envelope) if headers is None else headers,
    )


@pytest.mark.parametrize("topic", [TOPICS.due, TOPICS.orders])
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_is_believed_with_a_signature_and_not_without(claim, topic):
    envelope = dataclasses.replace(LIVE, **CLAIMS[claim])
    assert "not signed" in TRUST.problem(consumed(envelope, topic))
    assert not TRUST.problem(consumed(signed(envelope), topic))


@pytest.mark.parametrize("changed", COVERED)
def test_a_signature_holds_for_nothing_but_what_was_signed(changed):
    story = {"via": Via.REPLAY, "job_id": "replay-1", **CLAIMS["a correction"]}
    good = signed(dataclasses.replace(LIVE, **story))
    forged = dataclasses.replace(good, **{changed: COVERED[changed]})
    assert TRUST.problem(consumed(forged))


def test_bytes_do_not_wander_from_one_field_into_its_neighbour():
    one = dataclasses.replace(LIVE, via=Via.REPLAY, key="ab", event="c")
    other = dataclasses.replace(one, key="a", event="cb")
    assert signature_of(one, KEY) != signature_of(other, KEY)


def test_retries_keep_the_signature():
    """Attempts, failures and the place of the first record are of the way, not of the claim."""
    sent = signed(dataclasses.replace(LIVE, via=Via.REPLAY, is_forced=True))
    later = dataclasses.replace(
        consumed(sent), attempt=3, first_failed_at_ms=5, not_before_ms=9, parked_for="x"
    )
    assert not TRUST.problem(consumed(later))


def test_the_old_key_is_believed_while_keys_are_rotated_and_a_strange_one_never():
    envelope = dataclasses.replace(LIVE, via=Via.REPLAY)
    assert not TRUST.problem(consumed(signed(envelope, OLD_KEY)))
    assert TRUST.problem(consumed(signed(envelope, "a-key-of-somebody-else-11aa")))


def test_without_a_key_no_claim_is_believed_and_live_events_are():
    trust = RecordTrust(TOPICS)
    claim = signed(dataclasses.replace(LIVE, via=Via.REPLAY))
    assert "no OPERATOR_SIGNING_KEY" in trust.problem(consumed(claim))
    assert not trust.problem(consumed(LIVE, TOPICS.orders))


@pytest.mark.parametrize("lost", ["event-id", "kind", "received-at-ms", "all"])
def test_a_record_without_our_headers_is_refused_wherever_it_goes(lost):
    headers = [pair for pair in headers_of(LIVE) if lost not in (pair[0], "all")]
    if lost == "all":
        headers = []
    foreign = consumed(LIVE, TOPICS.orders, headers=headers)
    assert "without orderstream's headers" in TRUST.problem(foreign)
    # Held back by the limit of dead letters it comes again, with headers of ours.
    again = consumed(foreign, TOPICS.due)
    assert "without orderstream's headers" in TRUST.problem(again)
    # A person who has looked at it may vouch for it.
    requeued = signed(dataclasses.replace(again, via=Via.REQUEUE, job_id="requeue-1"))
    assert not TRUST.problem(consumed(requeued))


def test_a_live_event_in_due_was_accepted_somewhere_before():
    assert "accepted nowhere" in TRUST.problem(consumed(LIVE))
    relayed = dataclasses.replace(LIVE, origin=Origin(TOPICS.orders, 1, 4, 1), attempt=1)
    assert not TRUST.problem(consumed(relayed))


def test_an_event_that_goes_on_under_another_key_is_signed_again():
    believed = signed(dataclasses.replace(LIVE, via=Via.REPLAY))
    moved = TRUST.signed(dataclasses.replace(believed, key="wholesale|000000001"))
    assert not TRUST.problem(consumed(moved))
    assert TRUST.signed(LIVE) is LIVE


def test_sifting_keeps_the_believed_in_order_and_buries_the_others():
    from agents.handling.outcome_rules import OutcomeRules

    ends = OutcomeRules(lambda _partition, _key: None, TOPICS, lambda: 5)
    good = [consumed(dataclasses.replace(LIVE, event_id=f"e{n}"), TOPICS.orders) for n in (1, 2)]
    bad = consumed(dataclasses.replace(LIVE, is_forced=True), TOPICS.orders)
    believed, refused = sift([good[0], bad, good[1]], TRUST, ends)
    assert list(believed) == good
    assert [d.result.error_code for d in refused] == [UNTRUSTED]
    assert refused[0].republish is not None
    assert refused[0].republish.topic == TOPICS.dead_letters


@pytest.mark.parametrize(("key", "result"), [("", "warn"), ("b7c2e1f04a9d83c65e10ffa2", "ok")])
def test_doctor_names_workers_that_can_believe_no_operator(key, result):
    settings = load_settings(env_file=None, operator_signing_key=key)
    (check,) = [c for c in check_settings(settings) if c.name == "operator-signing"]
    assert check.result.value == result
