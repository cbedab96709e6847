"""A reset travels through the pipe and has one key's version forgotten."""

from __future__ import annotations

import dataclasses

import pytest
from support.handler_world import NOW, TOPICS, World

from agents.delivery.types import Written
from cli.commands.reset import key_meant
from schemas.event import Envelope, Kind, Origin
from schemas.headers import envelope_of
from schemas.identity import PLAIN
from schemas.version_reset import RENAMED, RESET_EVENT


def a_reset(topic, key="100"):
    origin = Origin(topic, 0, 99, 0)
    return Envelope("reset", RESET_EVENT, Kind.ORDER, key, 0, b"{}", origin=origin)


def test_after_a_reset_an_older_event_is_written_and_overrules_the_org():
    world = World()
    older, newer = world.event(second=1, total=1), world.event(second=2, total=2)
    assert world.outcomes(newer) == ["synced"]
    assert world.outcomes(older) == ["superseded"]
    assert world.outcomes(a_reset(TOPICS.due)) == ["unchanged"]
    state = world.states[b"order:100"]
    assert (state.version, state.is_reset, state.ids) == ("", True, {"Opportunity": "006100"})
    assert world.outcomes(older) == ["synced"]
    assert world.states[b"order:100"].is_reset is False


def test_a_reset_of_an_unknown_key_leaves_no_state():
    world = World()
    assert world.outcomes(a_reset(TOPICS.due)) == ["unchanged"]
    assert world.states == {}


def test_no_webhook_can_reset_anything():
    world = World()
    newer, older = world.event(second=2), world.event(second=1, total=3)
    world.handle(newer)
    world.handle(a_reset(TOPICS.orders))
    assert world.outcomes(older) == ["superseded"]


def test_a_key_that_its_records_have_left_is_free_and_overrules_nobody():
    world = World()
    newer, older = world.event(second=2, total=2), world.event(second=1, total=1)
    world.handle(newer)
    left = dataclasses.replace(a_reset(TOPICS.due), value=RENAMED, received_at_ms=NOW)
    assert world.outcomes(left) == ["unchanged"]
    state = world.states[b"order:100"]
    assert (state.is_unknown, state.is_reset, state.ids, state.site) == (True, False, {}, "")
    assert world.outcomes(older) == ["synced"]


def test_who_renames_records_tells_the_worker_of_the_key_they_had():
    world = World(answer=lambda _bundle: Written({"Contact": "003"}, renamed=("old@example.com",)))
    (decision,) = world.handle(world.event())
    word = decision.republish
    assert (word.topic, word.key, word.value) == (TOPICS.due, b"old@example.com", RENAMED)
    told = envelope_of(
        topic=word.topic,
        partition=0,
        offset=0,
        timestamp_ms=0,
        key=word.key,
        value=word.value,
        headers=word.headers,
    )
    assert told.event == RESET_EVENT
    assert told.event_id != decision.envelope.event_id


@pytest.mark.parametrize("named", ["Max@Groß.example", "max@xn--gro-7ka.example "])
def test_a_customer_is_named_as_its_key_was_made(named):
    """`ß` became `ss`: the command said *forgotten*, of a key that nobody has."""
    assert key_meant(Kind.CUSTOMER, named) == PLAIN.key_of_customer({"email": named})
    assert key_meant(Kind.ORDER, " A-1 ") == "a-1"
