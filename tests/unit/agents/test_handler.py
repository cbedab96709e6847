"""Every event of a batch gets exactly one decision, whatever it is and whatever happens."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.handler_world import NOW, World, _replaced

from agents.delivery.types import NotSent, RefusedWrite, Stale, Written
from agents.handling.debounce import Debounce
from agents.handling.poison_pills import PoisonPillJournal
from agents.salesforce.errors.error_kind import ErrorKind
from schemas.event import Envelope, Kind, Origin, Via
from schemas.headers import envelope_of
from schemas.result import Outcome
from schemas.state import State
from stream.errors import FrozenError
from stream.sender_names import Sender


def test_three_saves_of_one_click_are_one_call_and_three_outcomes():
    world = World()
    saves = [world.event(second=s, state=state) for s, state in ((0, "new"), (0, "new"), (1, "x"))]
    assert world.outcomes(*saves) == ["superseded", "superseded", "synced"]
    assert world.dispatcher.sent == ["100"]


def test_the_same_content_again_needs_no_call_but_its_version_is_remembered():
    world = World()
    world.handle(world.event(second=0))
    assert world.outcomes(world.event(second=5)) == ["unchanged"]
    assert world.states[b"order:100"].version.endswith(":05")
    assert world.outcomes(world.event(second=3, total=11)) == ["superseded"]
    assert world.dispatcher.sent == ["100"]


def test_an_order_that_goes_back_to_old_content_is_written_when_a_write_in_between_failed():
    world = World()
    world.handle(world.event(second=0, state="processing"))
    world.dispatcher._answer = lambda _bundle: NotSent("timeout after the request was sent")
    assert world.outcomes(world.event(second=1, state="holded")) == ["parked"]
    world.dispatcher._answer = lambda bundle: Written({"Opportunity": "006"})
    assert world.outcomes(world.event(second=2, state="processing")) == ["synced"]


def test_an_address_that_is_edited_and_edited_back_is_written_each_time_the_module_says_so():
    """An address edit moves no `updated_at`: the three documents have one time."""
    world = World()
    edits = [world.event(total=total) for total in (10, 11, 10)]
    sent = [
        _replaced(edit, sender=Sender.MODULE.value, received_at_ms=NOW + 1_000 * place)
        for place, edit in enumerate(edits)
    ]
    assert [world.outcomes(one) for one in sent] == [["synced"]] * 3
    assert world.outcomes(sent[1]) == ["superseded"]  # delivered again
    twin = World()
    twin.handle(sent[0])
    assert twin.outcomes(sent[1], sent[2]) == ["superseded", "synced"]


def test_an_event_that_waits_for_the_same_thing_again_makes_no_second_result():
    world = World(lambda _bundle: NotSent("Opportunity: STORAGE_LIMIT_EXCEEDED: full"))
    (first,) = world.handle(world.event())
    (again,) = world.handle(first.envelope)
    assert [first.is_repeated, again.is_repeated] == [False, True]
    assert again.republish is not None
    world.dispatcher._answer = lambda _bundle: NotSent("Salesforce is down")
    (other,) = world.handle(again.envelope)
    assert not other.is_repeated


def test_a_redelivered_batch_with_old_content_at_its_end_is_written():
    """The worker may have been killed after Salesforce had the event in between."""
    world = World()
    world.handle(world.event(second=0, state="processing"))
    held, back = world.event(second=1, state="holded"), world.event(second=2, state="processing")
    assert world.outcomes(held, back) == ["superseded", "synced"]


def test_an_event_that_comes_late_from_a_retry_tier_does_not_overwrite():
    world = World()
    late = world.event(second=1)
    world.handle(world.event(second=9, total=99))
    assert world.outcomes(_replaced(late, attempt=2)) == ["superseded"]


def test_record_level_failures_climb_the_tiers_and_end_in_the_dlq():
    world = World(lambda _b: RefusedWrite(ErrorKind.LOCK, "UNABLE_TO_LOCK_ROW", "locked"))
    event = world.event()
    topics = []
    for _ in range(3):
        (decision,) = world.handle(event)
        topics.append(decision.republish.topic)
        event = envelope_of(
            topic="salesforce.due",
            partition=0,
            offset=1,
            timestamp_ms=1,
            key=decision.republish.key,
            value=decision.republish.value,
            headers=decision.republish.headers,
        )
    assert topics == ["salesforce.retry.30s", "salesforce.retry.2m", "salesforce.dlq"]
    assert event.attempt == 3
    assert event.origin == Origin("magento.orders", 0, 1, NOW)
    assert event.error.code == "UNABLE_TO_LOCK_ROW"
    assert event.first_failed_at_ms == NOW


def test_a_permanent_refusal_is_a_dead_letter_at_once_with_the_original_bytes():
    world = World(
        lambda _b: RefusedWrite(ErrorKind.PERMANENT, "STRING_TOO_LONG", "too long", ("Name",))
    )
    event = world.event()
    (decision,) = world.handle(event)
    assert decision.result.outcome is Outcome.DEAD
    assert decision.result.error_fields == ["Name"]
    assert decision.republish.value == event.value
    assert decision.republish.partition == event.origin.partition


def test_an_outage_costs_no_attempt():
    world = World(lambda _b: NotSent("breaker open"))
    (decision,) = world.handle(world.event())
    assert decision.result.outcome is Outcome.PARKED
    assert decision.envelope.attempt == 0
    assert decision.republish.topic == "salesforce.retry.30s"


def test_an_outage_that_was_given_up_is_a_dead_letter():
    world = World(lambda _b: NotSent("breaker open for 1 h", is_given_up=True))
    (decision,) = world.handle(world.event())
    assert (decision.result.outcome, decision.result.error_code) == (Outcome.DEAD, "BREAKER_OPEN")


def test_events_wait_while_the_org_cannot_be_asked_for_its_fields():
    world = World()
    world.is_org_known = False
    assert world.outcomes(world.event()) == ["parked"]
    assert world.dispatcher.sent == []


def test_the_orgs_own_refusal_of_an_old_state_is_superseded():
    world = World(lambda _b: Stale("newer state already stored"))
    assert world.outcomes(world.event()) == ["superseded"]


@pytest.mark.parametrize(
    ("state", "code"), [("unmappable", "MAPPING_ERROR"), ("bug", "HANDLER_BUG")]
)
def test_one_bad_event_costs_only_itself(state, code):
    world = World()
    good, bad = world.event(number="1"), world.event(number="2", state=state)
    assert world.outcomes(good, bad) == ["synced", "dead"]
    (again,) = world.handle(world.event(number="3", state=state))
    assert again.result.error_code == code


def test_an_event_that_the_mapping_leaves_out_needs_no_call_and_says_so():
    world = World()
    (decision,) = world.handle(world.event(state="unwanted"))
    assert decision.result.outcome is Outcome.UNCHANGED
    assert "left out by a rule" in decision.result.reason
    assert world.dispatcher.sent == []


def test_only_being_frozen_leaves_the_handler():
    world = World()

    def frozen():
        raise FrozenError("slept")

    world.handler.check_alive = frozen
    with pytest.raises(FrozenError):
        world.handle(world.event())


def test_a_forced_replay_sends_unchanged_content_again_but_never_an_old_state():
    world = World()
    world.handle(world.event(second=5))
    same = world.event(second=5, via=Via.REPLAY, is_forced=True)
    old = world.event(number="100", second=1, via=Via.REPLAY, is_forced=True)
    assert world.outcomes(same) == ["synced"]
    assert world.outcomes(old) == ["superseded"]


def test_a_settling_status_lets_no_whole_save_go():
    world = World(debounce_ms=2_000, settling=Debounce(max_ms=10_000))
    whole, news = world.event(second=1, total=1), world.event(second=2, total=2)
    body = orjson.loads(news.value)
    del body["order"]["grand_total"]
    world.handle(whole, replace(news, value=orjson.dumps(body)))
    returned = replace(whole, origin=replace(whole.origin, topic="salesforce.due"), attempt=1)
    world.now += 2_000
    assert world.outcomes(returned) == ["synced"]


def test_with_debounce_three_saves_are_parked_and_only_the_newest_is_written():
    world = World(debounce_ms=2_000, settling=Debounce(max_ms=10_000))
    saves = [world.event(second=s, total=s) for s in range(3)]
    decisions = world.handle(*saves)
    assert {d.republish.topic for d in decisions} == {"salesforce.settle"}
    returned = [
        envelope_of(
            topic="salesforce.due",
            partition=0,
            offset=n,
            timestamp_ms=1,
            key=d.republish.key,
            value=d.republish.value,
            headers=d.republish.headers,
        )
        for n, d in enumerate(decisions)
    ]
    world.now += 2_000
    assert [world.outcomes(event) for event in returned] == [
        ["superseded"],
        ["superseded"],
        ["synced"],
    ]
    assert len(world.dispatcher.sent) == 1


def test_an_event_that_killed_the_worker_again_and_again_is_a_dead_letter(tmp_path):
    for _ in range(3):
        PoisonPillJournal(tmp_path / "j").begin(["e1"])
    world = World(journal=PoisonPillJournal(tmp_path / "j"))
    (decision,) = world.handle(world.event())
    assert decision.result.error_code == "WORKER_CRASHED"
    assert world.dispatcher.sent == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


BODIES = st.binary(max_size=60) | JSON.map(
    lambda value: (
        orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS) if not _has_big_number(value) else b"[]"
    )
)


def _has_big_number(value):
    if isinstance(value, dict):
        return any(_has_big_number(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_has_big_number(inner) for inner in value)
    return isinstance(value, int) and not -(2**63) <= value < 2**64


@given(st.lists(st.tuples(BODIES, st.sampled_from(Kind)), max_size=6))
def test_no_bytes_raise_and_every_event_is_answered_once(bodies):
    world = World()
    envelopes = [
        Envelope(
            event_id=f"e{n}",
            event="",
            kind=kind,
            key="",
            received_at_ms=NOW,
            value=body,
            origin=Origin("magento.orders", 0, n, NOW),
        )
        for n, (body, kind) in enumerate(bodies)
    ]
    decisions = world.handle(*envelopes)
    assert sorted(d.result.event_id for d in decisions) == [e.event_id for e in envelopes]


def test_the_first_state_remembers_when_the_order_was_first_seen():
    world = World()
    world.handle(world.event(second=0))
    first = world.states[b"order:100"]
    world.now += 60_000
    world.handle(world.event(second=30, total=12))
    assert isinstance(world.states[b"order:100"], State)
    assert world.states[b"order:100"].first_seen_ms == first.first_seen_ms == NOW - 1000
