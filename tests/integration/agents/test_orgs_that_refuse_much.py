"""What an org says of more than it means: a trigger of one row, a session of a part of a call."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.delivery_desk import Desk, at_work, order
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.types import Written
from sandbox.salesforce.server import SalesforceOrg

__all__ = ["org_keys", "salesforce_org"]


@pytest.fixture
async def desk(salesforce_org: SalesforceOrg) -> AsyncIterator[Desk]:
    async with at_work(salesforce_org) as desk:
        yield desk


@pytest.mark.parametrize(
    "code", ["FIELD_CUSTOM_VALIDATION_EXCEPTION", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"]
)
async def test_a_row_on_which_a_trigger_refuses_all_is_found_and_the_others_are_written(desk, code):
    desk.arm("trigger", code=code, message="Auftrag unvollständig", external_id="o123")
    outcomes = await desk.send(*(order(n) for n in range(200)))
    assert [n for n, one in enumerate(outcomes) if not isinstance(one, Written)] == [123]
    assert outcomes[123].code == code
    assert desk.fired == []
