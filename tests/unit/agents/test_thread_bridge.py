"""Blocking calls beside the event loop: a thread serves one call after the other, never two."""

import asyncio
import threading

import pytest

from agents.salesforce.http.thread_bridge import in_thread


async def test_a_later_call_takes_the_thread_of_one_that_is_over():
    threads = {await in_thread(threading.get_ident, name="call") for _ in range(20)}
    assert len(threads) < 20
    assert threading.get_ident() not in threads


async def test_calls_at_the_same_time_have_threads_of_their_own():
    together = threading.Barrier(3, timeout=10)

    def work():
        together.wait()
        return threading.get_ident()

    assert len(set(await asyncio.gather(*(in_thread(work, name="call") for _ in range(3))))) == 3


async def test_a_call_that_nobody_waits_for_keeps_its_thread_to_itself():
    go_on = threading.Event()
    abandoned = asyncio.create_task(in_thread(go_on.wait, name="hangs"))
    await asyncio.sleep(0)
    abandoned.cancel()
    assert await asyncio.wait_for(in_thread(lambda: 7, name="call"), 10) == 7
    go_on.set()


async def test_what_a_call_raises_reaches_its_caller_and_the_thread_goes_on():
    def broken():
        raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await in_thread(broken, name="call")
    assert await in_thread(lambda: "on", name="call") == "on"
