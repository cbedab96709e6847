"""Two workers whose calls to one org come in a written order: each story of two is told exactly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from itertools import combinations
from typing import Any

import pytest

TOLD = 3
UNPACED = {"describe", "limits"}


def orders_of(first: int, second: int) -> list[Any]:
    """Return every order of so many calls of A and of B; `make test` takes each third of them."""
    both = first + second
    orders = [
        "".join("A" if at in mine else "B" for at in range(both))
        for mine in combinations(range(both), first)
    ]
    return [
        order if number % TOLD == 0 else pytest.param(order, marks=pytest.mark.proof)
        for number, order in enumerate(orders)
    ]


class Turns:
    """Lets each worker's next call through when its letter is next; who is done is passed over."""

    def __init__(self, order: str, monkeypatch: Any) -> None:
        self._left = list(order)
        self._patch = monkeypatch
        self._is_free = asyncio.Condition()
        self.made: list[str] = []

    async def run(self, **works: tuple[Any, Awaitable[Any]]) -> list[Any]:
        """Run `A=(worker, coroutine)` and `B=…` side by side; return what they return."""
        for name, (worker, _) in works.items():
            self._pace(name, worker.client)
        return await asyncio.gather(*(self._take(name, work) for name, (_, work) in works.items()))

    async def _take(self, name: str, work: Awaitable[Any]) -> Any:
        try:
            return await work
        finally:
            async with self._is_free:
                self._left = [one for one in self._left if one != name]
                self._is_free.notify_all()

    def _pace(self, name: str, client: Any) -> None:
        request = client.request

        async def in_turn(operation: str, *call: Any) -> Any:
            if operation in UNPACED:
                return await request(operation, *call)
            async with self._is_free:
                await self._is_free.wait_for(
                    lambda: name in (self._left or [name])[:1] or name not in self._left
                )
                self.made.append(f"{name}:{operation}")
            answer = await request(operation, *call)
            async with self._is_free:
                if name in self._left:
                    self._left.remove(name)
                self._is_free.notify_all()
            return answer

        self._patch.setattr(client, "request", in_turn)
