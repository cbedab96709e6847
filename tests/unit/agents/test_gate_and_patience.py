"""How long an answer may make everybody wait, and what a person hears of it meanwhile."""

from __future__ import annotations

import asyncio
import contextlib

from support.fake_org import UNAVAILABLE, make_gate, refused

from agents.pacing.admission import Admission
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.answers import refusal_of
from schemas.priority import Priority
from stream.ops.alerts import Alert, Alerts


async def pass_through(gate: Admission) -> None:
    async with asyncio.timeout(5), gate.call(Priority.LIVE):
        pass


async def fail(gate: Admission, error: SalesforceError) -> None:
    with contextlib.suppress(SalesforceError):
        async with asyncio.timeout(5), gate.call(Priority.LIVE):
            raise error


async def test_a_long_retry_after_of_one_answer_holds_nobody_longer_than_a_probe_waits():
    """One server of many may name an hour while the others pass; who fails on opens the breaker."""
    gate = make_gate(probe_seconds=0.05)
    for status in (429, 503):
        error = refused(status, "")
        error.retry_after_seconds = 3600
        await fail(gate, error)
        await pass_through(gate)
    assert gate.open_for is None


async def test_an_outage_that_names_its_end_is_not_probed_before():
    gate = make_gate(failures=1)
    error = refused(503, "")
    error.retry_after_seconds = 3600
    await fail(gate, error)
    assert gate.open_for is ErrorKind.TRANSIENT
    waiting = asyncio.create_task(pass_through(gate))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    waiting.cancel()


async def test_who_is_on_call_is_told_when_the_next_look_is():
    gate, told = make_gate(failures=1), []
    gate.alerts.listeners.append(lambda _alert, detail: told.append(detail))
    await fail(gate, refusal_of(503, {"Retry-After": "3600"}, b""))
    assert [text.rpartition(" A probe ")[2] for text in told] == ["goes in 5 min."]


async def test_who_is_told_of_an_outage_is_told_when_it_turns_into_something_to_do():
    gate, alerts = make_gate(failures=1, probe_seconds=0.01), Alerts()
    gate.alerts, told = alerts, []
    alerts.listeners.append(lambda alert, detail: told.append((alert, detail)))
    await fail(gate, UNAVAILABLE)
    for _ in range(3):
        await fail(gate, refused(403, "API_DISABLED_FOR_ORG"))
        await fail(gate, UNAVAILABLE)
    said = [detail for _, detail in told if detail is not None]
    assert [text.split(":")[0] for text in said] == ["SERVER_UNAVAILABLE", "API_DISABLED_FOR_ORG"]
    await pass_through(gate)
    assert alerts.active == {}
    assert told[-1] == (Alert.BREAKER_OPEN, None)
