"""An e-mail that was changed and changed back is written, though its old key knows the content."""

import orjson
import pytest
from support.handler_world import NOW, TOPICS, World

from agents.delivery.types import Written
from schemas.event import Envelope, Kind, Origin
from schemas.version_reset import RENAMED, RESET_EVENT


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


def word(received_at_ms):
    """What the worker of the other address tells this one, behind its renaming."""
    return Envelope(
        event_id="word",
        event=RESET_EVENT,
        kind=Kind.CUSTOMER,
        key="greta@example.com",
        received_at_ms=received_at_ms,
        value=RENAMED,
        origin=Origin(TOPICS.due, 0, 0, NOW),
    )


def test_a_word_that_comes_after_the_change_back_lets_no_older_save_pass():
    """Its key has the record again: forgetting it wrote a requeued letter over a newer save."""
    world = World()
    assert outcomes(world, saved(3, 9)) == ["synced"]
    assert outcomes(world, word(NOW - 1)) == ["unchanged"]
    assert outcomes(world, saved(1, 0, firstname="Gretchen")) == ["superseded"]


def test_a_word_of_what_was_saved_later_empties_the_key():
    world = World()
    assert outcomes(world, saved(1, 0)) == ["synced"]
    assert outcomes(world, word(NOW + 1)) == ["unchanged"]
    assert world.states[b"customer:greta@example.com"].is_unknown


def test_the_word_is_as_old_as_the_save_that_renamed():
    answer = Written({"Contact": "003"}, renamed=("old@example.com",))
    world = World(answer=lambda _bundle: answer)
    world.now = NOW + 60_000
    (decision,) = world.handle(saved(1, 0))
    assert dict(decision.republish.headers)["received-at-ms"] == b"%d" % NOW
