"""A bug that one event brings out, wherever in the dispatch, costs that event and no other."""

import pytest
from structlog.testing import capture_logs
from support.dispatch_bench import make, order, send
from support.fake_org import FakeOrg
from support.handler_world import World

from agents.delivery.types import NotSent, RefusedWrite, Written
from agents.salesforce.errors.error_kind import ErrorKind


def poisoned(world, *poison):
    """Break the dispatcher for every batch with one of these orders in it."""
    whole = world.dispatcher.send

    async def send_or_break(bundles):
        sent = await whole(bundles)
        if {bundle.key for bundle in bundles} & set(poison):
            raise ZeroDivisionError
        return sent

    world.dispatcher.send = send_or_break


def test_who_came_with_a_poison_event_is_written():
    world = World()
    poisoned(world, "3")
    events = [world.event(number=str(n)) for n in range(1, 9)]
    outcomes = world.outcomes(*events)
    assert outcomes == ["synced"] * 2 + ["retry"] + ["synced"] * 5
    assert world.states[b"order:3"].digest == "", "part of it may have been written"


def test_a_poison_event_costs_an_attempt_and_ends_with_a_person():
    world = World()
    poisoned(world, "100")
    event, attempts = world.event(), 0
    while (decision := world.handle(event)[0]).result.outcome.value == "retry":
        event, attempts = decision.envelope, attempts + 1
    assert decision.result.outcome.value == "dead"
    assert attempts == 2, "as many tiers as there are"
    assert decision.result.error_code == "UNEXPECTED"


def test_a_bug_that_everybody_meets_costs_few_calls():
    world = World()
    calls = []

    async def broken(bundles):
        calls.append(len(bundles))
        raise ZeroDivisionError

    world.dispatcher.send = broken
    events = [world.event(number=str(n)) for n in range(1, 201)]
    assert set(world.outcomes(*events)) == {"retry"}
    assert len(calls) < 20


async def test_a_bug_over_one_answer_costs_the_others_of_the_call_nothing():
    org = FakeOrg()
    honest = org._answer

    def spoilt(collection):
        if any(row.external_id == "o3" for row in collection.rows):
            raise KeyError("x")
        return honest(collection)

    org._answer = spoilt
    with capture_logs():
        outcomes = await send(make(org), *(order(n) for n in range(6)))
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [Written] * 3 + [RefusedWrite] + [Written] * 2


@pytest.mark.parametrize("number", [1, 5])
def test_what_waits_for_the_org_waits_as_before(number):
    world = World(lambda _bundle: NotSent("Salesforce is down"))
    events = [world.event(number=str(n)) for n in range(1, number + 1)]
    assert world.outcomes(*events) == ["parked"] * number


async def test_an_order_whose_only_call_breaks_is_tried_again_later():
    org = FakeOrg()
    org.after_write = [KeyError("x")]
    with capture_logs():
        (outcome,) = await send(make(org), order(1))
    assert (outcome.kind, outcome.code) == (ErrorKind.TRANSIENT, "UNEXPECTED")
