"""A worker that dies between Salesforce's write and its own record must not send us backwards."""

from dataclasses import replace

import pytest
from support.announcing_world import Announcing, died, outcomes

from agents.delivery.types import NotSent, RefusedWrite, Written
from agents.handling.debounce import Debounce
from agents.salesforce.errors.error_kind import ErrorKind
from schemas.result import Outcome
from stream.errors import FrozenError


async def test_a_successor_does_not_write_the_older_event_that_shared_a_batch_with_the_newer():
    world = Announcing(died)
    older, newer = world.event("100", 1, total=1), world.event("100", 2, total=2)
    with pytest.raises(FrozenError):
        await world.handle(older, newer)
    assert world.announced == ["100"]

    world.dispatcher._answer = lambda bundle: Written({"Opportunity": "006"})
    assert list(outcomes(await world.handle(older)).values()) == [Outcome.SUPERSEDED]
    assert list(outcomes(await world.handle(newer)).values()) == [Outcome.SYNCED]


async def test_it_is_announced_before_it_is_sent_and_only_where_it_matters():
    world = Announcing()
    await world.handle(
        world.event("100", 1, total=1), world.event("100", 2, total=2), world.event("200", 1)
    )
    assert world.announced == ["100"]
    assert sorted(world.dispatcher.sent) == ["100", "200"]


@pytest.mark.parametrize(
    "answer", [RefusedWrite(ErrorKind.LOCK, "UNABLE_TO_LOCK_ROW", "locked"), NotSent("away")]
)
async def test_while_an_event_waits_for_its_retry_the_next_of_its_order_is_announced(answer):
    world = Announcing(lambda bundle: answer)
    (waiting,) = await world.handle(world.event("100", 1, total=1))
    assert (waiting.state.version, waiting.state.digest) == ("", "")
    world.states[b"order:100"] = waiting.state
    assert world.announced == []

    world.dispatcher._answer = died
    newer = world.event("100", 2, total=2)
    with pytest.raises(FrozenError):
        await world.handle(newer)
    assert world.announced == ["100"]

    world.dispatcher._answer = lambda bundle: Written({"Opportunity": "006"})
    (late,) = await world.handle(waiting.envelope)
    assert late.result.outcome is Outcome.SUPERSEDED
    (again,) = await world.handle(newer)
    assert again.result.outcome is Outcome.SYNCED


async def test_a_state_without_a_version_holds_nothing_back():
    world = Announcing(lambda bundle: NotSent("away"))
    (waiting,) = await world.handle(world.event("100", 5))
    world.states[b"order:100"] = waiting.state
    world.dispatcher._answer = lambda bundle: Written({"Opportunity": "006"})
    (decision,) = await world.handle(world.event("100", 1, total=3))
    assert decision.result.outcome is Outcome.SYNCED


async def test_nothing_is_announced_by_a_worker_that_was_frozen():
    world = Announcing()

    def frozen():
        raise FrozenError("frozen")

    world.handler.check_alive = frozen
    with pytest.raises(FrozenError):
        await world.handle(world.event("100", 1), world.event("100", 2, total=2))
    assert world.announced == []


async def test_copies_of_what_is_on_record_already_cost_no_call():
    """A sender that repeated itself through an outage, long after the newest state was written."""
    world = Announcing()
    saves = [world.event("100", second, total=second) for second in (1, 2, 3)]
    for decision in await world.handle(*saves):
        if decision.state is not None:
            world.states[b"order:100"] = decision.state
    copies = [world.event("100", second, total=second) for second in (1, 2, 3)]
    decisions = await world.handle(*copies)
    assert sorted(d.result.outcome.value for d in decisions) == [
        "superseded",
        "superseded",
        "unchanged",
    ]
    assert (world.dispatcher.sent, world.announced) == (["100"], ["100"])


@pytest.mark.parametrize("is_together", [True, False])
async def test_a_save_that_gave_way_to_a_settling_one_is_not_written_over_it_by_a_successor(
    is_together,
):
    world = Announcing(died)
    world.handler.debounce_ms = 2_000
    world.handler.settling = Debounce(max_ms=10_000)
    events = world.event("100", 1, total=1), world.event("100", 2, total=2)
    await world.handle(*events)
    world.now += 2_000
    older, newer = (replace(event, not_before_ms=world.now) for event in events)
    if not is_together:
        assert list(outcomes(await world.handle(older)).values()) == [Outcome.SUPERSEDED]
    with pytest.raises(FrozenError):
        await world.handle(*((older, newer) if is_together else (newer,)))

    world.handler.settling = Debounce(max_ms=10_000)
    world.dispatcher._answer = lambda bundle: Written({"Opportunity": "006"})
    assert list(outcomes(await world.handle(older)).values()) == [Outcome.SUPERSEDED]
    assert list(outcomes(await world.handle(newer)).values()) == [Outcome.SYNCED]


async def test_a_save_for_which_none_gave_way_is_not_announced_though_it_settled():
    world = Announcing()
    world.handler.debounce_ms = 2_000
    world.handler.settling = Debounce(max_ms=10_000)
    event = world.event("100", 1)
    await world.handle(event)
    world.now += 2_000
    back = replace(event, not_before_ms=world.now)
    assert list(outcomes(await world.handle(back)).values()) == [Outcome.SYNCED]
    assert world.announced == []


async def test_who_waits_for_the_org_s_fields_leaves_its_order_in_doubt():
    world = Announcing()
    world.is_org_known = False
    older, newer = world.event("100", 1, total=1), world.event("100", 2, total=2)
    (waits,) = await world.handle(older)
    world.states[b"order:100"] = waits.state
    world.is_org_known = True
    await world.handle(newer)
    assert world.announced == ["100"]
