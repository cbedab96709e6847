"""An org that cannot be asked who its customers are, for a while: nobody gets a twin for it."""

from __future__ import annotations

import pytest
from support.renaming_world import KEY, NEW, OLD, customer, order, workers
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery import org_search
from agents.delivery.types import NotSent, RefusedWrite, Written
from agents.salesforce.http.answers import refusal_of
from stream.ops.alerts import Alert

__all__ = ["org_keys", "salesforce_org", "workers"]

FORBIDDEN = [{"errorCode": "API_DISABLED_FOR_ORG", "message": "The REST API is not enabled."}]
GONE = [{"errorCode": "GONE", "message": "API version 58.0 is retired"}]
PAGE = "<html><body>Access denied by policy</body></html>"
REFUSED = [(403, FORBIDDEN), (403, PAGE), (410, GONE), (404, PAGE), (405, PAGE), (451, PAGE)]


@pytest.mark.parametrize(("status", "body"), REFUSED)
@pytest.mark.parametrize("saved", [customer(NEW, "11:00:00"), order(2, NEW)])
async def test_who_is_asked_for_while_nobody_is_let_in_is_asked_for_again(
    workers, status, body, saved
):
    """What refuses every call has said nothing about the question."""
    worker, _ = workers
    await worker.send(customer(OLD))
    refusal = {"status": status, "body": body, "match": {"path": "composite"}}
    worker.org.faults.add({"kind": "respond", "times": 1, **refusal})
    while not isinstance((await worker.send(saved))[0], Written):
        pass
    assert len(worker.records("Account")) == len(worker.records("Contact")) == 1
    assert (worker.one("Account")[KEY] == NEW) is ("customer" in saved)


@pytest.mark.parametrize("most", [7, 1])
async def test_an_org_so_large_that_long_lists_take_too_long_is_asked_in_short_ones(workers, most):
    """QUERY_TIMEOUT: each waited for ever, and asked the same again, without a word to anybody."""
    worker, other = workers
    customers = [customer(f"c{n}@example.com", customer_id=n) for n in range(1, 21)]
    await worker.send(*customers)
    worker.org.settings.change({"query_values": 2 * most})  # ids and keys
    moved = [customer(f"n{n}@example.com", "11:00:00", customer_id=n) for n in range(1, 21)]
    outcomes = await other.send(*moved)
    assert {type(outcome) for outcome in outcomes} == {Written}, outcomes
    assert len(other.records("Account")) == len(other.records("Contact")) == 20
    calls = other.org.counts.as_dict()["total"]
    again = [customer(f"m{n}@example.com", "12:00:00", customer_id=n) for n in range(1, 21)]
    outcomes = await other.send(*again)
    assert {type(outcome) for outcome in outcomes} == {Written}, outcomes
    assert other.org.counts.as_dict()["total"] - calls <= 45, "it is remembered"


async def test_who_cannot_be_looked_for_at_all_is_told_of(workers):
    worker, _ = workers
    alerts = worker.dispatcher.gate.alerts
    worker.org.settings.change({"query_values": 1})
    customers = [customer(f"c{n}@example.com", customer_id=n) for n in range(1, 21)]
    before = worker.org.counts.as_dict()["total"]
    outcomes = await worker.send(*customers)
    assert {type(outcome) for outcome in outcomes} == {NotSent}
    assert worker.org.counts.as_dict()["total"] - before < 35, "each is asked for alone, once"
    assert "QUERY_TIMEOUT" in alerts.active[Alert.WRITES_HELD]


ODD = [(403, {}, PAGE.encode()), (302, {}, b""), (500, {}, b'[{"errorCode":"UNKNOWN_EXCEPTION"}]')]


def refuse_questions(worker, monkeypatch, text: str, answer) -> list[int]:
    """Refuse what asks for a text; return the questions that were asked."""
    honest, asked = worker.client.queries, []

    async def queries(soqls):
        asked.append(sum(map(len, soqls)))
        if any(text in soql for soql in soqls):
            raise refusal_of(*answer)
        return await honest(soqls)

    monkeypatch.setattr(worker.client, "queries", queries)
    return asked


@pytest.mark.parametrize("answer", ODD)
async def test_one_customer_who_cannot_be_asked_for_holds_nobody_else(workers, monkeypatch, answer):
    """A firewall that reads the address: all of the batch waited, and came back with it for ever."""
    worker, _ = workers
    asked = refuse_questions(worker, monkeypatch, "c7@example.com", answer)
    customers = [customer(f"c{n}@example.com", customer_id=n) for n in range(1, 21)]
    outcomes = await worker.send(*customers)
    odd = outcomes.pop(6)
    assert isinstance(odd, NotSent)
    assert {type(outcome) for outcome in outcomes} == {Written}, outcomes
    assert worker.dispatcher.gate.open_for is None
    assert Alert.WRITES_HELD in worker.dispatcher.gate.alerts.active
    assert len(asked) < 20


async def test_an_org_that_answers_no_question_is_not_asked_for_each_customer(workers, monkeypatch):
    worker, _ = workers
    asked = refuse_questions(worker, monkeypatch, "SELECT", ODD[0])
    customers = [customer(f"c{n}@example.com", customer_id=n) for n in range(1, 21)]
    outcomes = await worker.send(*customers)
    assert {type(outcome) for outcome in outcomes} == {NotSent}
    assert len(asked) < 12


async def test_an_outage_of_writes_costs_no_attempt_where_a_record_gets_a_key(workers):
    """Read-only maintenance of two hours: who changed the address meanwhile was a dead letter."""
    worker, _ = workers
    await worker.send(customer(OLD))
    worker.org.settings.change({"read_only": True})
    for _ in range(3):
        (outcome,) = await worker.send(customer(NEW, "11:00:00"))
        assert isinstance(outcome, NotSent), outcome
        assert "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE" in outcome.reason
    worker.org.settings.change({"read_only": False})
    assert isinstance((await worker.send(customer(NEW, "11:00:00")))[0], Written)
    assert worker.one("Account")[KEY] == NEW


async def test_a_record_that_alone_takes_no_key_is_its_events_own_fault(workers):
    worker, _ = workers
    await worker.send(customer(OLD), customer("ann@example.com", customer_id=8))
    fault = {"kind": "row_error", "code": "UNKNOWN_EXCEPTION", "sobject": "Account"}
    worker.org.faults.add({**fault, "record_id": worker.records("Account")[0]["Id"]})
    moved = [customer(NEW, "11:00:00"), customer("ann@example.org", "11:00:00", customer_id=8)]
    await worker.send(*moved)
    outcomes = await worker.send(*moved)
    assert [type(outcome) for outcome in outcomes] == [RefusedWrite, Written]


async def test_one_record_whose_key_cannot_be_given_holds_nobody_else(workers, monkeypatch):
    """One Account's trigger fails inside: whoever had changed an address in that batch waited."""
    worker, _ = workers
    await worker.send(*(customer(f"c{n}@example.com", customer_id=n) for n in range(1, 21)))
    honest, calls = org_search.give_keys, []

    async def give_keys(client, updates):
        calls.append(len(updates))
        if any(update.key == "n7@example.com" for update in updates):
            raise refusal_of(*ODD[2])
        return await honest(client, updates)

    monkeypatch.setattr(org_search, "give_keys", give_keys)
    moved = [customer(f"n{n}@example.com", "11:00:00", customer_id=n) for n in range(1, 21)]
    outcomes = await worker.send(*moved)
    assert isinstance(outcomes.pop(6), NotSent)
    assert {type(outcome) for outcome in outcomes} == {Written}, outcomes
    assert worker.dispatcher.gate.open_for is None
    assert len(calls) < 30


@pytest.mark.parametrize("code", ["UNKNOWN_EXCEPTION", "UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE"])
async def test_keys_that_a_few_records_do_not_take_stop_nobody(workers, code):
    """They are given before anything is written: three refusals in a row are no outage of all."""
    worker, _ = workers
    people = [f"p{number}@example.com" for number in range(4)]
    await worker.send(*(customer(one, customer_id=7 + n) for n, one in enumerate(people)))
    for record in worker.records("Account"):
        fault = {"kind": "row_error", "code": code, "sobject": "Account"}
        worker.org.faults.add({**fault, "record_id": record["Id"]})
    gate = worker.dispatcher.gate
    trips = []
    gate.trip = lambda kind, reason: trips.append((kind, reason))
    moved = [
        customer(one.replace(".com", ".org"), "11:00:00", 7 + n) for n, one in enumerate(people)
    ]
    outcomes = await worker.send(*moved, order(1, "someone@example.com", 99))
    assert trips == []
    assert isinstance(outcomes[-1], Written)
    assert not any(isinstance(outcome, Written) for outcome in outcomes[:-1])
