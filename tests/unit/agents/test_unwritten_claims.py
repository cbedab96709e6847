"""A number belongs to the order that Salesforce has, not to the first one that ever named it.

Magento uses an order's number again when the order was rolled back and the customer pays anew.
"""

import orjson
import pytest
from support.announcing_world import Announcing
from support.handler_world import World, _replaced

from agents.delivery.types import RefusedWrite, Written
from agents.handling.collision import ORDERS
from agents.salesforce.errors.error_kind import ErrorKind

LOCKED = RefusedWrite(ErrorKind.LOCK, "UNABLE_TO_LOCK_ROW", "locked")
NO = RefusedWrite(ErrorKind.PERMANENT, "STRING_TOO_LONG", "too long")
TAKEN = Written({"Opportunity": "006"})


def of(world, entity_id, **more):
    event = world.event(**more)
    body = orjson.loads(event.value)
    body["order"]["entity_id"] = entity_id
    return _replaced(event, value=orjson.dumps(body))


def answering(world, outcome):
    world.dispatcher._answer = lambda _bundle: outcome


def test_who_was_never_written_leaves_the_number_to_the_next():
    world = World(lambda _bundle: LOCKED)
    (tried,) = world.handle(of(world, 501))
    answering(world, NO)
    assert [d.result.outcome for d in world.handle(tried.envelope)] == ["dead"]
    answering(world, TAKEN)
    assert world.outcomes(of(world, 502, second=5)) == ["synced"]
    (late,) = world.handle(tried.envelope)
    assert late.result.error_code == ORDERS, "requeued, it writes over nobody"


def test_while_it_is_tried_the_number_is_its_own():
    world = World(lambda _bundle: LOCKED)
    (tried,) = world.handle(of(world, 501))
    (second,) = world.handle(of(world, 502, second=5))
    assert second.result.error_code == ORDERS
    answering(world, TAKEN)
    assert [d.result.outcome for d in world.handle(tried.envelope)] == ["synced"]


def test_an_order_that_was_written_keeps_its_number_whatever_dies_later():
    world = World(lambda _bundle: TAKEN)
    world.handle(of(world, 501))
    answering(world, NO)
    world.handle(of(world, 501, second=3, total=11))
    answering(world, TAKEN)
    (second,) = world.handle(of(world, 502, second=5))
    assert second.result.error_code == ORDERS


@pytest.mark.parametrize("is_together", [True, False])
async def test_who_was_announced_and_never_written_leaves_the_number_to_the_next(is_together):
    world = Announcing(lambda _bundle: NO if is_together else LOCKED)
    saves = [of(world, 501, second=n, total=n) for n in (1, 2)]
    if is_together:
        await world.keep(*saves)
    else:
        await world.keep(saves[0])
        answering(world, NO)
        await world.keep(saves[1])
    assert world.announced == ["100"]
    answering(world, TAKEN)
    (second,) = await world.keep(of(world, 502, second=5))
    assert second.result.outcome == "synced"
