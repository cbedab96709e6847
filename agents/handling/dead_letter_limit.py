"""A stop for the dead-letter topic: when most events die of one cause, the rest wait instead.

A wrong mapping or a new rule in the org would otherwise drain every order into the dead letters.
Events are told apart by the fingerprint of their error, so that others go on. Pure; time passed in.

| what happens | what becomes of the next event with this fingerprint |
|---|---|
| fewer than `events` of it died in the window, or less than `share` of all that ended | it dies |
| both are reached | it is deferred, costs no attempt, and is tried again after its wait |
| it is tried again and passes | it is written; when none comes back any more the cause has gone |
| a person releases it (`orderstream dlq release`) | it dies, for as long as the worker runs |
| the mapping changes | the count begins anew: the version is part of the fingerprint |
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

TOGETHER_SECONDS = 1.0  # alike within this are counted as one: most end well, by the million


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What makes two dead letters of one cause."""

    code: str
    fields: tuple[str, ...]
    mapping_version: str

    @property
    def label(self) -> str:
        """The cause as a person reads it."""
        return f"{self.code} [{', '.join(self.fields)}]" if self.fields else self.code


@dataclass(slots=True)
class _Ended:
    since: float
    cause: Fingerprint | None
    count: int = 1


class DeadLetterLimit:
    """Counts what ended in the last `window_seconds` and says whether an event may still die.

    `events` = 0 switches it off. `held` has the causes whose events wait, with how many did.
    """

    def __init__(self, *, events: int, share: float, window_seconds: float) -> None:
        self._events = events
        self._share = share
        self._window_seconds = window_seconds
        self._ended: deque[_Ended] = deque()
        self._total = 0
        self._deaths: Counter[Fingerprint] = Counter()
        self._released: set[str] = set()
        self._last_held: dict[Fingerprint, float] = {}
        self.held: Counter[Fingerprint] = Counter()

    def ended_well(self, now: float) -> None:
        """Count an event that ended otherwise than dead."""
        self._count(now, None)

    def may_die(self, cause: Fingerprint, now: float) -> bool:
        """Whether an event may become a dead letter; counts it as dead or as held."""
        if not self._events or cause.code in self._released:
            return True
        self._forget(now)
        if cause in self.held or self._is_reached(cause):
            self.held[cause] += 1
            self._last_held[cause] = now
            return False
        self._count(now, cause)
        return True

    def release(self, code: str) -> bool:
        """Let the events of a cause die: a person knows it; return whether that is news."""
        is_news = code not in self._released
        self._released.add(code)
        self._let_go([cause for cause in self.held if cause.code == code])
        return is_news

    def end_cured(self, now: float, *, quiet_seconds: float) -> None:
        """Forget the causes of which nothing has come back for longer than a try takes."""
        long_ago = now - quiet_seconds
        self._let_go([cause for cause in self.held if self._last_held[cause] < long_ago])

    def _let_go(self, causes: list[Fingerprint]) -> None:
        for cause in causes:
            del self.held[cause], self._last_held[cause]

    def _is_reached(self, cause: Fingerprint) -> bool:
        deaths = self._deaths[cause]
        return deaths >= self._events and deaths >= self._share * self._total

    def _count(self, now: float, cause: Fingerprint | None) -> None:
        last = self._ended[-1] if self._ended else None
        if last is not None and last.cause == cause and now - last.since < TOGETHER_SECONDS:
            last.count += 1
        else:
            self._ended.append(_Ended(now, cause))
        self._total += 1
        if cause is not None:
            self._deaths[cause] += 1
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._ended and self._ended[0].since < now - self._window_seconds:
            gone = self._ended.popleft()
            self._total -= gone.count
            if gone.cause is not None:
                self._deaths[gone.cause] -= gone.count
                if not self._deaths[gone.cause]:
                    del self._deaths[gone.cause]
