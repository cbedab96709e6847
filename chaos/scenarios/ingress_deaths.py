"""The ingress is killed while webhooks are between its hands and the broker's."""

from __future__ import annotations

from chaos.scenario import Scenario
from chaos.stage import Stage
from sandbox.pipeline import INGRESS

KILLS = 5


async def kill_with_requests_in_flight(stage: Stage) -> None:
    """Hold the broker for a moment, and kill the ingress with the requests that pile up in it."""
    async with stage.hurting():
        for _ in range(stage.times(KILLS)):
            stage.broker.pause()
            await stage.rest(1)
            await stage.kill(INGRESS, at_risk=0)
            stage.broker.resume()
            await stage.revive(INGRESS)
            await stage.rest(4)
    stage.seen["sent again"] += sum(each.attempts > 1 for each in stage.load.deliveries)


SCENARIOS = (
    Scenario(
        "ingress-killed-with-requests-in-flight",
        "kill -9 of the ingress, five times, while a held broker keeps requests in its hands",
        kill_with_requests_in_flight,
        evidence={"kill -9": KILLS, "sent again": KILLS},
        needs_own_broker=True,
        ack_p99_seconds=20.0,
    ),
)
