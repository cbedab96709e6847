from __future__ import annotations

import asyncio
import time

import pytest
from support.fake_org import TIMEOUT, UNAVAILABLE, make_gate, refused

from agents.pacing.daily_quota import DailyQuota
from agents.pacing.stall_clock import Progress
from agents.pacing.system_failure import is_systemic, reason_of
from agents.pacing.ticket import NotAdmittedError
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.usage import Usage
from agents.salesforce.interrupt import Interrupt
from schemas.priority import Priority
from stream.ops import metrics
from stream.ops.alerts import Alert, Alerts

LIVE = Priority.LIVE


async def pass_through(gate, *, error: SalesforceError | None = None) -> None:
    async with asyncio.timeout(5):
        async with gate.call(LIVE):
            if error is not None:
                raise error


async def fail(gate, error: SalesforceError) -> None:
    with pytest.raises(SalesforceError):
        await pass_through(gate, error=error)


async def test_no_more_calls_than_slots_are_in_flight():
    gate = make_gate(slots=2)
    held = [gate.call(LIVE) for _ in range(2)]
    for call in held:
        await call.__aenter__()
    third = asyncio.create_task(pass_through(gate))
    await asyncio.sleep(0.02)
    assert not third.done()
    third.cancel()


async def test_a_freed_slot_is_taken_at_once():
    gate = make_gate(slots=1)
    first = gate.call(LIVE)
    await first.__aenter__()
    second = asyncio.create_task(pass_through(gate))
    await asyncio.sleep(0)
    await first.__aexit__(None, None, None)
    async with asyncio.timeout(0.5):
        await second


async def test_an_open_breaker_lets_one_probe_through_and_then_everybody():
    gate, alerts = make_gate(failures=1, probe_seconds=0.05), Alerts()
    gate.alerts = alerts
    await fail(gate, UNAVAILABLE)
    assert gate.open_for is ErrorKind.TRANSIENT
    assert Alert.BREAKER_OPEN in alerts.active
    started = time.monotonic()
    await asyncio.gather(*(pass_through(gate) for _ in range(10)))
    assert time.monotonic() - started >= 0.04
    assert gate.open_for is None
    assert alerts.active == {}


async def test_a_cancelled_probe_does_not_leave_the_breaker_half_open_for_ever():
    gate = make_gate(failures=1)
    await fail(gate, UNAVAILABLE)

    async def hang() -> None:
        async with gate.call(LIVE):
            await asyncio.Event().wait()

    probe = asyncio.create_task(hang())
    await asyncio.sleep(0.05)
    probe.cancel()
    await pass_through(gate)


async def test_a_probe_that_meets_a_full_org_is_tried_again():
    gate = make_gate(failures=1)
    await fail(gate, UNAVAILABLE)
    await fail(gate, refused(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."))
    await pass_through(gate)
    assert gate.open_for is None


async def test_a_broken_login_is_its_own_alert():
    alerts = Alerts()
    gate = make_gate(alerts=alerts)
    await fail(gate, refused(401, "INVALID_SESSION_ID"))
    assert alerts.active.keys() == {Alert.AUTH_BROKEN}


async def test_refused_rows_do_not_open_the_breaker():
    gate = make_gate(failures=1)
    await fail(gate, refused(400, "ODD_CODE"))
    assert gate.open_for is None


async def test_retry_after_holds_everybody():
    gate = make_gate(probe_seconds=0.1)
    error = refused(429, "")
    error.retry_after_seconds = 0.1
    started = time.monotonic()  # before it is told: the time between counts as well
    await fail(gate, error)
    await asyncio.gather(pass_through(gate), pass_through(gate))
    assert time.monotonic() - started >= 0.09


async def test_an_overload_takes_slots_away():
    gate = make_gate(slots=4)
    await fail(gate, UNAVAILABLE)
    assert metrics.CONCURRENCY_LIMIT._value.get() == 2


async def test_an_interrupt_ends_waiting_for_a_slot():
    interrupt = Interrupt()
    gate = make_gate(slots=1, interrupt=interrupt)
    held = gate.call(LIVE)
    await held.__aenter__()
    waiting = asyncio.create_task(pass_through(gate))
    await asyncio.sleep(0)
    interrupt.set("revoked")
    with pytest.raises(NotAdmittedError, match="revoked"):
        await waiting


async def test_a_patient_interrupt_lets_a_call_wait_for_its_turn():
    """At a rebalance what is in hand is better finished than parked."""
    interrupt = Interrupt()
    gate = make_gate(slots=1, interrupt=interrupt)
    held = gate.call(LIVE)
    await held.__aenter__()
    waiting = asyncio.create_task(pass_through(gate))
    await asyncio.sleep(0)
    interrupt.set("rebalancing", patience_seconds=60)
    await asyncio.sleep(0)
    assert not waiting.done()
    await held.__aexit__(None, None, None)
    await waiting


async def test_a_patient_interrupt_ends_waiting_for_better_times_at_once():
    interrupt = Interrupt()
    gate = make_gate(interrupt=interrupt, probe_seconds=60)
    error = refused(429, "")
    error.retry_after_seconds = 60
    await fail(gate, error)
    waiting = asyncio.create_task(pass_through(gate))
    await asyncio.sleep(0)
    interrupt.set("rebalancing", patience_seconds=60)
    with pytest.raises(NotAdmittedError, match="rebalancing"):
        await waiting


async def test_patience_ends():
    now = [0.0]
    interrupt = Interrupt(clock=lambda: now[0])
    gate = make_gate(slots=1, interrupt=interrupt)
    held = gate.call(LIVE)
    await held.__aenter__()
    interrupt.set("rebalancing", patience_seconds=10)
    now[0] = 10.0
    with pytest.raises(NotAdmittedError, match="rebalancing"):
        await pass_through(gate)


async def test_an_interrupt_ends_a_rest():
    interrupt = Interrupt()
    gate = make_gate(interrupt=interrupt)
    resting = asyncio.create_task(gate.rest(60))
    await asyncio.sleep(0)
    interrupt.set("SIGTERM")
    with pytest.raises(NotAdmittedError, match="SIGTERM"):
        await resting


async def test_the_rate_is_this_workers_part_of_the_orgs():
    gate = make_gate(calls_per_second=40, slots=100)
    gate.divide(0.5)
    await asyncio.gather(*(pass_through(gate) for _ in range(20)))
    started = time.monotonic()
    await asyncio.gather(*(pass_through(gate) for _ in range(4)))
    assert time.monotonic() - started >= 0.15


async def test_a_rate_below_one_call_per_second_is_possible():
    gate = make_gate(calls_per_second=1)
    gate.divide(0.25)
    await pass_through(gate)
    waiting = asyncio.create_task(pass_through(gate))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    waiting.cancel()


async def test_live_traffic_waits_for_the_budget_and_says_so():
    interrupt, alerts, progress = Interrupt(), Alerts(), Progress()
    gate = make_gate(interrupt=interrupt, alerts=alerts, progress=progress)
    gate.note_usage(Usage(900, 1000))
    waiting = asyncio.create_task(pass_through(gate))
    await asyncio.sleep(0.01)
    assert progress.reasons == ["Salesforce: daily budget"]
    assert Alert.BUDGET_LOW in alerts.active
    interrupt.set("SIGTERM")
    with pytest.raises(NotAdmittedError):
        await waiting


async def test_in_a_long_pause_the_org_is_asked_for_its_count():
    now = [1000.0]
    asked = []

    async def limits():
        asked.append(now[0])
        return {"DailyApiRequests": {"Max": 1000, "Remaining": 999}}

    gate = make_gate(clock=lambda: now[0], ask_limits=limits, budget=DailyQuota(share=0.8))
    gate._budget.observe(Usage(0, 1000), now[0])
    gate._budget.observe(Usage(1000, 1000), now[0])
    now[0] += 901
    await pass_through(gate)
    assert len(asked) == 1


async def test_an_org_that_does_not_tell_its_count_is_found_out_by_a_call():
    now = [1000.0]

    async def limits():
        raise refused(403, "INSUFFICIENT_ACCESS")

    gate = make_gate(clock=lambda: now[0], ask_limits=limits, budget=DailyQuota(share=0.8))
    gate._budget.observe(Usage(0, 1000), now[0])
    gate._budget.observe(Usage(1000, 1000), now[0])
    now[0] += 901
    await pass_through(gate)


async def test_an_answered_call_is_progress():
    now = [0.0]
    progress = Progress(clock=lambda: now[0])
    gate = make_gate(progress=progress)
    now[0] = 100.0
    assert progress.still_seconds() == 100
    await pass_through(gate)
    assert progress.still_seconds() == 0


@pytest.mark.parametrize(
    ("error", "systemic"),
    [
        (UNAVAILABLE, True),
        (TIMEOUT, True),
        (refused(401, "INVALID_SESSION_ID"), True),
        (refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), True),
        (refused(403, "API_DISABLED_FOR_ORG"), True),
        (refused(400, "INVALID_FIELD", "No such column"), False),
        (refused(400, "REQUEST_RUNNING_TOO_LONG"), False),
        (refused(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."), False),
        (refused(400, "ODD_CODE"), False),
    ],
)
def test_what_speaks_for_everybody(error, systemic):
    assert is_systemic(error) is systemic


def test_a_reason_never_quotes_the_message_because_it_may_hold_a_customers_data():
    error = refused(400, "JSON_PARSER_ERROR", "cannot read jane@example.com")
    assert "jane" not in reason_of(error)
    assert reason_of(error).startswith("JSON_PARSER_ERROR: ")


async def test_a_worker_without_partitions_keeps_its_rate():
    gate = make_gate(calls_per_second=40)
    gate.divide(0.5)
    gate.divide(0)
    assert metrics.CALL_RATE_LIMIT._value.get() == 20
    await pass_through(gate)
