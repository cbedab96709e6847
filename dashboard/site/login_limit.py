"""The limit on guessing passwords: growing delays that nobody can impose on others. Pure.

| who is counted | free tries | then |
|---|---|---|
| a browser that has logged in before (signed cookie) | 5 | 30 s, doubled, at most 15 min |
| a name at an address | 5 | the same |
| an address, whatever the name | 20 | the same |

So behind a proxy, where all have one address, a stranger who guesses shuts out strangers only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from stream.backoff import Backoff

FREE_TRIES, FREE_TRIES_OF_ADDRESS = 5, 20
DELAY = Backoff(first_seconds=30.0, cap_seconds=15 * 60.0)
FORGET_SECONDS = 3600.0
MAX_COUNTED = 10_000

Key = tuple[str, int]  # who is counted, and how many tries are free


def keys_of(address: str, name: str, device: str) -> tuple[Key, ...]:
    """Return who a try is counted for; `device` is a checked mark, or ''."""
    if device:
        return ((f"device {device}", FREE_TRIES),)
    return (
        (f"name {address} {name.casefold()}", FREE_TRIES),
        (f"address {address}", FREE_TRIES_OF_ADDRESS),
    )


class LoginLimit:
    """Counts wrong passwords. Times are in seconds, on a clock that never jumps."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_seconds(self, keys: Iterable[Key], *, now: float) -> float:
        """Return how long these have to wait before the next try; 0 = now."""
        return max(self._wait(who, free, now) for who, free in keys)

    def failed(self, keys: Iterable[Key], *, now: float) -> None:
        """Count a wrong password."""
        for who, _free in keys:
            count, at = self._wrong.pop(who, (0, now))
            self._wrong[who] = (1 if now - at > FORGET_SECONDS else count + 1, now)
        while len(self._wrong) > MAX_COUNTED:
            self._wrong.popitem(last=False)

    def succeeded(self, keys: Iterable[Key]) -> None:
        """Forget the wrong ones of who has the right one; an address is others', too."""
        for who, _free in keys:
            if not who.startswith("address "):
                self._wrong.pop(who, None)

    def _wait(self, who: str, free: int, now: float) -> float:
        count, at = self._wrong.get(who, (0, now))
        if count < free or now - at > FORGET_SECONDS:
            return 0.0
        return max(0.0, at + DELAY.seconds(count - free + 1) - now)
