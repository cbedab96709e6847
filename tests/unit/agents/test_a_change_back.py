"""An e-mail that was changed and changed back is written, though its old key knows the content."""

import orjson
import pytest
from support.handler_world import NOW, World

from schemas.event import Envelope, Kind, Origin


def saved(offset, second, **more):
    customer = {
        "id": 7,
        "email": "greta@example.com",
        "firstname": "Greta",
        "updated_at": f"2026-03-14 18:00:{second:02d}",
        **more,
    }
    body = {"event": "customer_save_after", "customer": customer}
    return Envelope(
        event_id=f"e{offset}",
        event="customer_save_after",
        kind=Kind.CUSTOMER,
        key="greta@example.com",
        received_at_ms=NOW,
        value=orjson.dumps(body),
        origin=Origin("magento.customers", 0, offset, NOW),
    )


def outcomes(world, *envelopes):
    """Return the outcomes, the states kept as `route` would."""
    decisions = world.handle(*envelopes)
    for decision in decisions:
        if decision.state is not None:
            world.states[f"customer:{decision.envelope.key}".encode()] = decision.state
    return [decision.result.outcome.value for decision in decisions]


def test_the_same_content_saved_later_is_written_where_the_word_of_a_renaming_may_be_on_its_way():
    world = World()
    assert outcomes(world, saved(1, 0)) == ["synced"]
    assert outcomes(world, saved(2, 5)) == ["synced"]
    assert outcomes(world, saved(3, 2)) == ["superseded"]


@pytest.mark.parametrize("more", [{}, {"updated_at": None}])
def test_the_same_save_again_needs_no_call(more):
    world = World()
    assert outcomes(world, saved(1, 0, **more)) == ["synced"]
    assert outcomes(world, saved(2, 0, **more)) == ["unchanged"]
