"""Whatever goes wrong in whatever order: each bundle gets one outcome, and it is true."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_org import (
    LOCKED,
    NEWER,
    TIMEOUT,
    TOO_LONG,
    UNAVAILABLE,
    FakeOrg,
    account,
    contact,
    make_gate,
    opportunity,
    refused,
    times,
)

from agents.delivery.dispatcher import SalesforceDispatcher
from agents.delivery.retry_in_place import RetryInPlace
from agents.delivery.types import NotSent, RefusedWrite, Stale, WriteOutcome, WriteSet, Written
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.interrupt import Interrupt
from schemas.salesforce import RowError
from stream.backoff import Backoff

NO_TIME = RetryInPlace(backoff=Backoff(0.0, 0.0))
CALL_ERRORS = [
    UNAVAILABLE,
    refused(429, ""),
    refused(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."),
    refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    refused(401, "INVALID_SESSION_ID"),
    refused(400, "REQUEST_RUNNING_TOO_LONG"),
    TIMEOUT,
]
ROW_ERRORS = {
    "lock": [LOCKED],
    "lock twice": [LOCKED, LOCKED],
    "halted": [RowError("PROCESSING_HALTED", "another row failed")],
    "unknown": [RowError("BRAND_NEW_CODE", "?")],
}
ALWAYS = {"refused": TOO_LONG, "stale": NEWER, "locked": LOCKED}

orders = st.lists(st.integers(0, 5), max_size=25)  # the customer of each order
row_names = st.sampled_from([f"o{n}" for n in range(25)] + [f"c{n}" for n in range(6)])


def bundle(number: int, customer: int) -> WriteSet:
    who = f"c{customer}"
    rows = (account(who), contact(f"p{customer}", who), opportunity(f"o{number}", who))
    return WriteSet(f"o{number}", rows, lock_key=who)


@dataclass(frozen=True)
class Trouble:
    existing: set[int]
    call_errors: list[SalesforceError]
    cuts: int
    row_errors: dict[str, str]
    always: dict[str, str]
    poison: set[str]

    def befall(self, org: FakeOrg) -> None:
        for customer in self.existing:
            org.put("Account", f"c{customer}", Name="theirs")
        org.call_faults = [times(1, error) for error in self.call_errors]
        org.after_write = [TIMEOUT] * self.cuts
        org.row_errors = {name: list(ROW_ERRORS[kind]) for name, kind in self.row_errors.items()}
        org.always = {name: ALWAYS[kind] for name, kind in self.always.items()}
        org.poison = dict.fromkeys(self.poison, refused(400, "ODD_CODE"))


troubles = st.builds(
    Trouble,
    existing=st.sets(st.integers(0, 5)),
    call_errors=st.lists(st.sampled_from(CALL_ERRORS), max_size=8),
    cuts=st.integers(0, 3),
    row_errors=st.dictionaries(row_names, st.sampled_from(sorted(ROW_ERRORS)), max_size=6),
    always=st.dictionaries(row_names, st.sampled_from(sorted(ALWAYS)), max_size=4),
    poison=st.sets(row_names, max_size=3),
)


@settings(max_examples=120, deadline=None)
@given(customers=orders, trouble=troubles)
def test_every_bundle_is_answered_once_and_written_means_written(customers, trouble):
    org = FakeOrg()
    trouble.befall(org)
    bundles = [bundle(number, customer) for number, customer in enumerate(customers)]
    gate = make_gate(probe_seconds=0.001)
    dispatcher = SalesforceDispatcher(org, gate, policy=NO_TIME, jitter=lambda: 0.0)

    outcomes = asyncio.run(_send(dispatcher, bundles))

    assert len(outcomes) == len(bundles)
    for sent, outcome in zip(bundles, outcomes, strict=True):
        check(sent, outcome, org, trouble)
    for customer in trouble.existing:
        assert org.fields_of("Account", f"c{customer}") == {"Name": "theirs"}
    assert org.locked_together == []


def check(sent: WriteSet, outcome: WriteOutcome, org: FakeOrg, trouble: Trouble) -> None:
    names = {row.external_id for row in sent.rows}
    hopeless = names & (set(trouble.always) | trouble.poison)
    match outcome:
        case Written():
            for row in sent.rows:
                if trouble.always.get(row.external_id) != "stale":
                    assert outcome.ids[row.sobject] == org.records[row.identity]["id"]
        case RefusedWrite(kind=ErrorKind.PERMANENT | ErrorKind.UNKNOWN):
            assert hopeless or "unknown" in trouble.row_errors.values()
        case RefusedWrite(code="REQUEST_RUNNING_TOO_LONG"):
            assert len(trouble.call_errors) >= NO_TIME.calls
        case RefusedWrite(code=TIMEOUT.code):
            assert trouble.cuts + len(trouble.call_errors) >= NO_TIME.lone_calls
        case RefusedWrite(code=code):
            assert hopeless or names & set(trouble.row_errors)
            assert code != "UNEXPECTED"
        case Stale():
            assert trouble.always[sent.rows[-1].external_id] == "stale"
        case NotSent():  # too few passed to tell an outage from a bad record
            assert hopeless or names & set(trouble.row_errors) or trouble.call_errors


async def _send(dispatcher, bundles):
    async with asyncio.timeout(20):
        return await dispatcher.send(bundles)


@settings(max_examples=40, deadline=None)
@given(customers=orders.filter(bool), calls_before=st.integers(0, 6))
def test_an_interrupt_at_any_moment_answers_every_bundle(customers, calls_before):
    async def scenario():
        org, interrupt = FakeOrg(), Interrupt()
        org.row_errors = {f"o{n}": [LOCKED] * 3 for n in range(0, 25, 2)}

        def stop(_collections):
            if len(org.calls) > calls_before:
                interrupt.set("SIGTERM")

        org.call_faults.append(stop)
        dispatcher = SalesforceDispatcher(org, make_gate(interrupt=interrupt), policy=NO_TIME)
        bundles = [bundle(number, customer) for number, customer in enumerate(customers)]
        outcomes = await _send(dispatcher, bundles)
        assert len(outcomes) == len(bundles)
        for sent, outcome in zip(bundles, outcomes, strict=True):
            if isinstance(outcome, Written):
                assert all(row.identity in org.records for row in sent.rows)
            else:
                assert isinstance(outcome, NotSent)

    asyncio.run(scenario())
