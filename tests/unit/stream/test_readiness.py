"""Whether the ingress can produce: traffic is the probe, else one question at a time."""

from __future__ import annotations

import asyncio

from stream.ingress.readiness import FRESH_SECONDS, Readiness


class Probe:
    def __init__(self, answer: str | None = None) -> None:
        self.answer = answer
        self.error: Exception | None = None
        self.calls = 0
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> str | None:
        self.calls += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.answer


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def test_an_ack_of_the_last_seconds_is_enough() -> None:
    probe, clock = Probe("away"), Clock()
    readiness = Readiness(probe, now=clock)
    readiness.acked(clock())
    assert await readiness.problem() is None
    assert probe.calls == 0


async def test_a_missing_ack_is_told_at_once() -> None:
    clock = Clock()
    readiness = Readiness(Probe(), now=clock)
    readiness.acked(clock())
    readiness.failed(clock())
    assert await readiness.problem() is not None


async def test_after_a_silence_the_broker_is_asked_and_the_answer_kept_for_a_moment() -> None:
    probe, clock = Probe("away"), Clock()
    readiness = Readiness(probe, now=clock)
    assert await readiness.problem() == "away"
    probe.answer = None
    assert await readiness.problem() == "away"
    clock.seconds += FRESH_SECONDS
    assert await readiness.problem() is None
    assert probe.calls == 2


async def test_many_callers_make_one_question() -> None:
    probe = Probe()
    probe.gate = asyncio.Event()
    readiness = Readiness(probe, now=Clock())
    callers = [asyncio.create_task(readiness.problem()) for _ in range(50)]
    await asyncio.sleep(0)
    probe.gate.set()
    assert await asyncio.gather(*callers) == [None] * 50
    assert probe.calls == 1


async def test_a_probe_that_fails_or_hangs_is_an_answer() -> None:
    probe = Probe()
    probe.error = OSError("a host name nobody should see")
    problem = await Readiness(probe, now=Clock()).problem()
    assert problem is not None
    assert "OSError" in problem
    assert "host name" not in problem
    hanging = Probe()
    hanging.gate = asyncio.Event()
    problem = await Readiness(hanging, now=Clock(), timeout_seconds=0.01).problem()
    assert problem is not None
    assert "TimeoutError" in problem


async def test_while_draining_it_is_not_ready_even_with_acks() -> None:
    clock = Clock()
    readiness = Readiness(Probe(), now=clock)
    readiness.acked(clock())
    readiness.is_draining = True
    assert await readiness.problem() == "shutting down"
