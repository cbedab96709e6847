"""The older event that a successor meets first may stand in another topic, or wait held back."""

import orjson
import pytest
from support.announcing_world import Announcing, died, outcomes

from agents.delivery.types import NotSent, RefusedWrite, Written
from agents.handling.outcome import held_back
from agents.salesforce.errors.error_kind import ErrorKind
from schemas.event import Via
from schemas.result import Outcome
from stream.errors import FrozenError

NO = RefusedWrite(ErrorKind.PERMANENT, "STRING_TOO_LONG", "too long")
LOCKED = RefusedWrite(ErrorKind.LOCK, "UNABLE_TO_LOCK_ROW", "locked")
WHOLE = {
    "items": [{"item_id": 1, "sku": "CUP", "qty_ordered": 1}],
    "customer_email": "a@b.c",
    "created_at": "x",
    "billing_address": {"city": "Bonn"},
}


def written(_bundle):
    return Written({"Opportunity": "006"})


def save(world, second, **more):
    """Return a whole save: it stands alone, and no part of it is left to an older one."""
    event = world.event("100", second, total=second, **more)
    body = orjson.loads(event.value)
    body["order"] |= WHOLE
    return world.told(event, body)


async def killed_behind_its_write(world, event):
    world.dispatcher._answer = died
    with pytest.raises(FrozenError):
        await world.handle(event)
    world.dispatcher._answer = written


@pytest.mark.parametrize("via", [Via.REPLAY, Via.BACKFILL, Via.REQUEUE])
async def test_what_a_job_or_a_person_brought_is_not_undone_by_an_older_live_event(via):
    world = Announcing()
    await world.keep(save(world, 1))
    older, newer = save(world, 2), save(world, 3, via=via)
    await killed_behind_its_write(world, newer)
    assert list(outcomes(await world.handle(older)).values()) == [Outcome.SUPERSEDED]
    assert list(outcomes(await world.handle(newer)).values()) == [Outcome.SYNCED]


@pytest.mark.parametrize("minutes", [9, 11])
async def test_while_something_is_brought_live_events_are_not_undone_by_an_older_copy(minutes):
    world = Announcing()
    await world.keep(save(world, 1))
    await world.handle(save(world, 1, via=Via.REPLAY))
    world.now += minutes * 60_000
    copy, newer = save(world, 2, via=Via.BACKFILL), save(world, 3)
    await killed_behind_its_write(world, newer)
    assert world.announced == (["100"] if minutes < 10 else []), "no job is under way any more"
    if minutes < 10:
        assert list(outcomes(await world.handle(copy)).values()) == [Outcome.SUPERSEDED]


@pytest.mark.parametrize("answer", [NotSent("away"), LOCKED])
@pytest.mark.parametrize("is_known", [True, False])
async def test_what_a_killed_worker_may_have_written_is_not_undone_while_it_waits(answer, is_known):
    world = Announcing()
    if is_known:
        await world.keep(save(world, 1))
    older, newer = save(world, 2), save(world, 3)
    await killed_behind_its_write(world, newer)
    assert world.announced == []
    world.inherits(newer)
    world.dispatcher._answer = lambda _bundle: answer
    (waits,) = await world.keep(newer)
    world.dispatcher._answer = written
    assert list(outcomes(await world.handle(older)).values()) == [Outcome.SUPERSEDED]
    assert list(outcomes(await world.keep(waits.envelope)).values()) == [Outcome.SYNCED]
    assert world.states[b"order:100"].version.endswith(":03")


async def test_what_came_since_waits_as_ever_and_holds_nothing_back():
    world = Announcing(lambda _bundle: LOCKED)
    await world.keep(save(world, 3))
    world.dispatcher._answer = written
    assert list(outcomes(await world.handle(save(world, 2))).values()) == [Outcome.SYNCED]


async def test_it_is_written_once_and_costs_no_further_call():
    world = Announcing()
    await world.keep(save(world, 1), save(world, 2, via=Via.BACKFILL))
    (again,) = await world.keep(save(world, 2, via=Via.BACKFILL))
    assert again.result.outcome is Outcome.UNCHANGED
    assert world.dispatcher.sent == ["100"]


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("state", ["unmappable", "bug", "processing"])
async def test_what_may_not_die_and_waits_is_not_written_over_what_was_written_meanwhile(
    is_known, state
):
    world = Announcing()
    if is_known:
        await world.keep(save(world, 1))
    world.dispatcher._answer = lambda bundle: NO
    (dead,) = await world.handle(save(world, 2, state=state))
    assert dead.result.outcome is Outcome.DEAD
    world.remember(held_back(dead, "salesforce.retry.10m", 1, 1, worker="w"))
    newer = save(world, 3)
    await killed_behind_its_write(world, newer)
    assert list(outcomes(await world.handle(dead.envelope)).values()) == [Outcome.SUPERSEDED]
    assert list(outcomes(await world.handle(newer)).values()) == [Outcome.SYNCED]


async def test_what_dies_leaves_no_doubt_where_nothing_was_sent():
    world = Announcing()
    (first,) = await world.keep(save(world, 1))
    await world.keep(save(world, 2, state="unmappable"))
    assert world.states[b"order:100"] == first.state
