"""Events over time in bounded memory: counts per bucket, and a rate over the last moments. Pure."""

from __future__ import annotations

from collections import Counter, deque

RATE_WINDOW_SECONDS = 30.0


class EventRate:
    """Counts by name in buckets of `bucket_seconds`; the oldest give way to the newest."""

    def __init__(self, *, bucket_seconds: int, buckets: int) -> None:
        self.bucket_seconds = bucket_seconds
        self._most = buckets
        self._counts: dict[int, Counter[str]] = {}
        self._newest = 0

    def add(self, name: str, at_ms: int, count: int = 1) -> None:
        """Count events at a time; older than what is kept, they are left out."""
        bucket = at_ms // (self.bucket_seconds * 1000)
        if bucket <= self._newest - self._most or not count:
            return
        if bucket not in self._counts:
            self._counts[bucket] = Counter()
            if bucket > self._newest:
                self._newest = bucket
                for old in [b for b in self._counts if b <= bucket - self._most]:
                    del self._counts[old]
        self._counts[bucket][name] += count

    def rates(self, name: str, *, until_ms: int, buckets: int) -> list[tuple[int, float]]:
        """Return (bucket start in ms, events per second) of the last full buckets, oldest first."""
        size = self.bucket_seconds
        end = until_ms // (size * 1000)
        return [
            (bucket * size * 1000, self._counts.get(bucket, Counter())[name] / size)
            for bucket in range(end - buckets, end)
        ]


class Meter:
    """Turns an ever-growing count into events per second over a window."""

    def __init__(self, *, window_seconds: float = RATE_WINDOW_SECONDS) -> None:
        self._window_seconds = window_seconds
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, now: float, count: int) -> None:
        """Note the count at a moment, in seconds of a monotonic clock."""
        self._samples.append((now, count))
        while len(self._samples) > 1 and self._samples[1][0] <= now - self._window_seconds:
            self._samples.popleft()

    @property
    def per_second(self) -> float | None:
        """The rate; None until there are two samples."""
        if len(self._samples) < 2:  # noqa: PLR2004 - a rate needs two points
            return None
        (first_at, first), (last_at, last) = self._samples[0], self._samples[-1]
        return max(0, last - first) / (last_at - first_at) if last_at > first_at else None
