"""Old lines that the org does not let go: its own refusal, or everybody's?"""

from typing import Any

import pytest
from support.salesforce_fixtures import org_keys, salesforce_org
from test_line_stories import Desk, order

from agents.delivery.fault_scope import ENOUGH_RECORDS
from agents.delivery.types import NotSent, RefusedWrite, Written
from agents.salesforce.http.answers import refusal
from schemas.salesforce import RowError, RowResult

__all__ = ["org_keys", "salesforce_org"]

NO_RIGHT = RowError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
MANY = 2 * ENOUGH_RECORDS


class Refusals:
    """The client's delete, of which the org refuses some."""

    def __init__(self, desk: Desk) -> None:
        self._honest = desk.client.delete
        self.is_refused = lambda _line: True
        desk.client.delete = self.delete  # type: ignore[method-assign] - it stands in

    async def delete(self, ids: Any) -> list[RowResult]:
        results = []
        for one in ids:
            refused = self.is_refused(one)
            results += (
                [RowResult(success=False, errors=(NO_RIGHT,))]
                if refused
                else await self._honest([one])
            )
        return results


@pytest.fixture
async def desk(salesforce_org):
    desk = Desk(salesforce_org)
    yield desk
    desk.client.close()


def shortened(number: int) -> dict[str, Any]:
    whole = order(number)
    return {**whole, "items": whole["items"][:1], "updated_at": "2026-03-14 18:01:00"}


async def test_a_right_that_is_missing_costs_no_order_an_attempt_and_stops_no_other(desk):
    await desk.send(*(order(n) for n in range(1, MANY + 1)))
    Refusals(desk)
    outcomes = await desk.send(*(shortened(n) for n in range(1, MANY + 1)))
    assert {type(outcome) for outcome in outcomes} == {NotSent}
    assert desk.dispatcher.gate.open_for is None, "what has no old lines is written"
    (new,) = await desk.send(order(MANY + 1))
    assert isinstance(new, Written)


async def test_orders_that_come_one_by_one_wait_once_it_is_seen_to_be_everybodys(desk):
    await desk.send(*(order(n) for n in range(1, MANY + 1)))
    refusals = Refusals(desk)
    outcomes = [(await desk.send(shortened(n)))[0] for n in range(1, MANY + 1)]
    first, then = outcomes[: ENOUGH_RECORDS - 1], outcomes[ENOUGH_RECORDS - 1 :]
    assert all(isinstance(o, RefusedWrite) and o.is_unproven for o in first)
    assert {type(outcome) for outcome in then} == {NotSent}
    refusals.is_refused = lambda _line: False
    again = await desk.send(*(shortened(n) for n in range(1, MANY + 1)))
    assert {type(outcome) for outcome in again} == {Written}


async def test_one_line_that_is_locked_among_others_is_its_order_s(desk):
    await desk.send(*(order(n) for n in range(1, MANY + 1)))
    (locked,) = [
        r["Id"]
        for r in desk.records("OpportunityLineItem")
        if r["Magento_Item_ID__c"] == "000000001:12"
    ]
    Refusals(desk).is_refused = lambda line: line == locked
    outcomes = await desk.send(*(shortened(n) for n in range(1, MANY + 1)))
    assert isinstance(outcomes[0], RefusedWrite)
    assert not outcomes[0].is_unproven
    assert {type(outcome) for outcome in outcomes[1:]} == {Written}


async def test_lines_that_take_too_long_to_look_for_are_looked_for_in_fewer_orders_at_once(desk):
    """The orders are written: a query of 200 that takes too long let all of them die."""
    await desk.send(*(order(n) for n in range(1, 10)))
    desk.org.settings.change({"query_values": 4})
    outcomes = await desk.send(*(shortened(n) for n in range(1, 10)))
    assert {type(outcome) for outcome in outcomes} == {Written}
    assert not any(line.endswith("2") for line in desk.lines())


async def test_lines_that_take_too_long_to_remove_are_removed_in_fewer_orders_at_once(desk):
    await desk.send(*(order(n) for n in range(1, 10)))
    honest = desk.client.delete

    async def slow(ids: Any) -> list[RowResult]:
        if len(ids) > 2:
            raise refusal(400, [{"errorCode": "REQUEST_RUNNING_TOO_LONG", "message": "zu lang"}])
        return await honest(ids)

    desk.client.delete = slow
    outcomes = await desk.send(*(shortened(n) for n in range(1, 10)))
    assert {type(outcome) for outcome in outcomes} == {Written}
    assert not any(line.endswith("2") for line in desk.lines())
