"""A deadline does what asyncio.timeout does."""

from __future__ import annotations

import asyncio

import pytest

from stream.kafka.deadline import Deadline

KINDS = [asyncio.timeout, Deadline]


class Both:
    """asyncio.timeout is an async context manager and Deadline is not; the tests are for both."""

    def __init__(self, kind, seconds: float) -> None:
        self._inner = kind(seconds)

    async def __aenter__(self) -> None:
        if isinstance(self._inner, Deadline):
            self._inner.__enter__()
        else:
            await self._inner.__aenter__()

    async def __aexit__(self, *error):
        if isinstance(self._inner, Deadline):
            return self._inner.__exit__(*error)
        return await self._inner.__aexit__(*error)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_done_in_time_is_undisturbed(kind) -> None:
    async with Both(kind, 30):
        await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [0.01, 0.0, -1.0])
async def test_what_takes_too_long_is_a_timeout_and_the_task_goes_on(kind, seconds) -> None:
    with pytest.raises(TimeoutError):
        async with Both(kind, seconds):
            await asyncio.Event().wait()
    await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancellation_from_elsewhere_stays_one(kind) -> None:
    async def wait() -> None:
        async with Both(kind, 30):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("kind", KINDS)
async def test_both_at_once_are_a_cancellation(kind) -> None:
    async def wait() -> None:
        async with Both(kind, 0.01):
            try:
                await asyncio.Event().wait()
            finally:
                asyncio.current_task().cancel()  # somebody else, while the deadline ends it

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(wait())


@pytest.mark.parametrize("kind", KINDS)
async def test_other_errors_pass(kind) -> None:
    with pytest.raises(ZeroDivisionError):
        async with Both(kind, 30):
            raise ZeroDivisionError


@pytest.mark.parametrize("kinds", [(kind, other) for kind in KINDS for other in KINDS])
async def test_of_two_deadlines_the_shorter_ends_it_and_the_longer_stays(kinds) -> None:
    outer, inner = kinds
    async with Both(outer, 30):
        with pytest.raises(TimeoutError):
            async with Both(inner, 0.01):
                await asyncio.Event().wait()
        await asyncio.sleep(0)


def test_it_needs_a_task() -> None:
    with pytest.raises(RuntimeError), Deadline(1):
        pass
