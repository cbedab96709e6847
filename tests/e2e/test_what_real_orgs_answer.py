"""What real orgs answer, played against the running pipe: nobody dies who should live.

docs/real-orgs.md lists the situations and what one sees in each.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from support.answer_proxy import AnswerProxy, answer_proxy, html, refusal
from support.proof import one_told
from support.worker_rig import WorkerRig

from sandbox.process import Process

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(300)]

ORDERS = range(1, 13)
LANGUAGES = ["Não foi possível.", "Das ging nicht.", "できませんでした。"]
Play = Callable[[], Awaitable[tuple[WorkerRig, AnswerProxy, Process]]]


@pytest.fixture
async def play(make_rig, salesforce_process) -> AsyncIterator[Play]:
    """Return a function that starts a worker and the relay behind an answer proxy."""
    async with AsyncExitStack() as stack:

        async def start() -> tuple[WorkerRig, AnswerProxy, Process]:
            proxy = await stack.enter_async_context(answer_proxy(salesforce_process.url))
            rig = await make_rig(
                SALESFORCE_LOGIN_URL=proxy.url,
                SALESFORCE_INSECURE_URL=proxy.url,
                SALESFORCE_AUTH_PROBE_SECONDS="1",
            )
            await rig.relay()
            worker = await rig.warm_worker()
            return rig, proxy, worker

        yield start


async def all_are_written(rig: WorkerRig, *, dead: int = 0) -> None:
    report = await rig.settled(1 + len(ORDERS), timeout_seconds=150)
    assert (report.total.dead, report.total.synced) == (dead, 1 + len(ORDERS) - dead)


@pytest.mark.parametrize("sentence", one_told(LANGUAGES, told=LANGUAGES[-1]))
async def test_an_org_of_another_language_takes_every_order(play: Play, sentence: str) -> None:
    rig, proxy, _ = await play()
    proxy.speak(sentence)
    await rig.publish((n, 1) for n in ORDERS)
    await all_are_written(rig)


@pytest.mark.parametrize(
    "given",
    [
        html(404),
        pytest.param(refusal(410, "GONE"), marks=pytest.mark.proof),
        pytest.param(html(405), marks=pytest.mark.proof),
        pytest.param(refusal(415, "X"), marks=pytest.mark.proof),
        pytest.param(refusal(400, "ODD_CODE"), marks=pytest.mark.proof),
    ],
    ids=["404-html", "410", "405-html", "415", "400-for-everybody"],
)
async def test_a_call_refused_as_a_whole_buries_nobody(play: Play, given) -> None:
    rig, proxy, _ = await play()
    proxy.answer(lambda call: given if "/composite" in call.path else None)
    await rig.publish((n, 1) for n in ORDERS)
    await rig.until(lambda: proxy.answered >= 1)
    proxy.clear()
    await all_are_written(rig)


@pytest.mark.parametrize(
    "code",
    one_told(
        [
            "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
            "STORAGE_LIMIT_EXCEEDED",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        ],
        told="INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    ),
)
async def test_an_outage_told_row_by_row_buries_nobody(play: Play, code: str) -> None:
    rig, _, worker = await play()
    rig.org.fault("row_error", code=code, message="x", sobject="Opportunity", times=10_000)
    await rig.publish((n, 1) for n in ORDERS)
    await rig.until(lambda: "writes_held" in worker.output or "breaker_open" in worker.output)
    rig.org.clear_faults()
    await all_are_written(rig)


@pytest.mark.proof
async def test_one_order_that_the_org_fails_on_stops_nobody_without_view_setup(play: Play) -> None:
    rig, proxy, _ = await play()
    guilty = rig.record(3, 1).key.decode()

    def rule(call):
        if call.path.endswith("/limits"):
            return refusal(403, "INSUFFICIENT_ACCESS")
        return refusal(500, "UNKNOWN_EXCEPTION") if call.names(guilty) else None

    proxy.answer(rule)
    await rig.publish((n, 1) for n in ORDERS)
    await all_are_written(rig, dead=1)
