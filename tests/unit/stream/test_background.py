"""A watch beside the main road is never silently off."""

import asyncio

from structlog.testing import capture_logs

from stream.backoff import Backoff
from stream.ops import background
from stream.ops.background import ended, in_background

AT_ONCE = Backoff(first_seconds=0.0, cap_seconds=0.0)


async def test_a_watch_that_fails_is_begun_again_and_the_log_says_why() -> None:
    begun, is_up = [], asyncio.Event()

    async def watch() -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise OSError("somebody was away")
        is_up.set()
        await asyncio.Event().wait()

    with capture_logs() as lines:
        async with in_background(watch, pauses=AT_ONCE):
            await is_up.wait()
    assert begun == [0, 1, 2]
    assert [line["event"] for line in lines] == ["background_failed"] * 2
    assert all(line["exc_info"] for line in lines)


async def test_it_ends_with_the_block_and_what_has_ended_is_not_begun_again() -> None:
    begun = []

    async def ends() -> None:
        begun.append("ends")

    async def lasts() -> None:
        begun.append("lasts")
        try:
            await asyncio.Event().wait()
        finally:
            begun.append("cancelled")

    async with in_background(ends, pauses=AT_ONCE), in_background(lasts, pauses=AT_ONCE):
        while len(begun) < 2:
            await asyncio.sleep(0)
    assert begun == ["ends", "lasts", "cancelled"]


async def test_a_task_that_swallows_its_cancel_is_cancelled_again(monkeypatch) -> None:
    monkeypatch.setattr(background, "CANCEL_AGAIN_SECONDS", 0.05)
    cancels = []

    async def swallows_one() -> None:
        while len(cancels) < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancels.append(True)

    async def fails_then() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("while it closed")

    async def has_ended() -> None:
        pass

    tasks = [asyncio.create_task(work()) for work in (swallows_one, fails_then, has_ended)]
    await asyncio.sleep(0)
    with capture_logs() as lines:
        await ended(tasks)
    assert all(task.done() for task in tasks)
    assert len(cancels) == 2
    assert {line["event"] for line in lines} == {
        "background_failed_when_cancelled",
        "cancelled_again",
    }
