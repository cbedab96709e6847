"""What goes wrong after the org has answered costs one event, and never the batch it came in."""

import orjson
import pytest
from support.handler_world import NOW, TOPICS, World, _replaced

from agents.delivery.types import RefusedWrite, Written
from agents.handling.outcome import result_record
from agents.salesforce.errors.error_kind import ErrorKind
from schemas.event import Kind
from schemas.headers import envelope_of, headers_of
from schemas.result import Outcome
from stream.errors import MappingError

LOCKED = RefusedWrite(ErrorKind.LOCK, "UNABLE_TO_LOCK_ROW", "locked")


def consumed(envelope, **headers):
    """Return the event as a worker reads it, with headers that somebody else has written."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = [pair for pair in headers_of(envelope) if pair[0] not in names]
    return envelope_of(
        topic="magento.orders",
        partition=0,
        offset=envelope.origin.offset,
        timestamp_ms=NOW,
        key=envelope.key.encode(),
        value=envelope.value,
        headers=[*kept, *names.items()],
    )


def undated(envelope):
    body = orjson.loads(envelope.value)
    del body["order"]["updated_at"]
    return _replaced(envelope, value=orjson.dumps(body))


def test_a_bug_in_the_end_of_one_event_is_its_dead_letter_and_the_others_are_synced():
    world = World()
    world.handle(world.event(number="2", second=0))
    world.dispatcher._answer = lambda bundle: (
        Written({"Opportunity": "006"}) if bundle.key != "2" else Written(None)
    )
    one, two = world.event(number="1", second=1), world.event(number="2", second=1, total=11)
    assert world.outcomes(one, two) == ["synced", "dead"]
    assert world.states[b"order:2"].digest == "", "the org may have it: no equal is unchanged"


@pytest.mark.parametrize("attempt", [b"-1", b"-2", b"-3", b"-9223372036854775807"])
def test_a_negative_number_of_attempts_is_none(attempt):
    world = World(lambda _bundle: LOCKED)
    (decision,) = world.handle(consumed(world.event(), attempt=attempt))
    assert decision.result.outcome is Outcome.RETRY
    assert decision.republish.topic == TOPICS.retry_tiers[0]
    assert decision.envelope.attempt == 1


@pytest.mark.parametrize("receipt", [b"1800000000000000000", b"-62135596800001", b"%d" % 2**62])
def test_a_receipt_that_no_calendar_has_is_the_brokers_time(receipt):
    world = World()
    dated, news = world.event(second=1), undated(world.event(total=11))
    event = consumed(news, received_at_ms=receipt)
    assert event.received_at_ms == NOW
    assert event.event_id == news.event_id
    assert world.outcomes(dated) == ["synced"]
    assert len(world.handle(event)) == 1


@pytest.mark.parametrize("quoted", [r"Hi \ud83d\ude00", r"Hi \ud83d", "Hi \udcff"])
def test_halves_of_characters_in_a_refusal_do_not_stop_the_worker(quoted):
    """Stores that escape twice keep an emoji as two halves, cut anywhere."""
    refused = RefusedWrite(ErrorKind.PERMANENT, "STRING_TOO_LONG", f"too large: {quoted} (max 80)")
    world = World(lambda _bundle: refused)
    (decision,) = world.handle(world.event())
    assert decision.result.outcome is Outcome.DEAD
    assert b"too large" in result_record(decision, TOPICS).value


def test_nor_do_they_in_what_a_hook_says():
    world = World()

    def mapped(*_args):
        raise MappingError("hook failed: \udcff")

    async def mapping():
        return type("Mapping", (), {"version": "m1", "apply": lambda *_a, **_k: mapped()})()

    world.handler.org_mapping = mapping
    (decision,) = world.handle(world.event())
    assert decision.envelope.kind is Kind.ORDER
    assert b"hook failed" in result_record(decision, TOPICS).value
