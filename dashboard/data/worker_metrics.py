"""What the other processes say of themselves: breaker, concurrency, API budget, alerts.

Only what the brokers cannot know is taken from here. A process that does not answer is shown as
such; nothing is made up for it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

TIMEOUT_SECONDS = 3.0
MAX_BYTES = 4 * 1024 * 1024
BREAKER_STATES = ("closed", "half-open", "open")
WANTED = {
    "orderstream_breaker_state": "breaker",
    "orderstream_concurrency_limit": "concurrency_limit",
    "orderstream_calls_in_flight": "in_flight",
    "orderstream_call_rate_limit": "calls_per_second",
    "orderstream_budget_used_calls": "budget_used",
    "orderstream_budget_limit_calls": "budget_limit",
}


@dataclass(frozen=True, slots=True)
class ProcessMetrics:
    """One scrape of one process; `problem` says why there is none."""

    url: str
    problem: str = ""
    breaker: float = 0.0
    concurrency_limit: float = 0.0
    in_flight: float = 0.0
    calls_per_second: float = 0.0
    budget_used: float = 0.0
    budget_limit: float = 0.0
    alerts: tuple[str, ...] = ()

    @property
    def is_worker(self) -> bool:
        """Whether it calls Salesforce: only workers ever have slots for calls."""
        return self.concurrency_limit > 0

    @property
    def breaker_name(self) -> str:
        return BREAKER_STATES[int(self.breaker)] if 0 <= self.breaker <= 2 else "unknown"  # noqa: PLR2004 - the states


@dataclass(frozen=True, slots=True)
class WorkersView:
    """All workers together: the worst breaker, the sums, the org's own budget."""

    workers: int
    silent: tuple[ProcessMetrics, ...]
    breaker: str
    concurrency_limit: float
    in_flight: float
    calls_per_second: float
    budget_used: float
    budget_limit: float
    alerts: tuple[str, ...]

    @property
    def budget_used_ratio(self) -> float | None:
        """Part of the org's daily calls that is used; None until Salesforce has said."""
        return self.budget_used / self.budget_limit if self.budget_limit else None


def parse(url: str, text: str) -> ProcessMetrics:
    """Return what a metrics page says; raises ValueError for a page that is none."""
    values: dict[str, Any] = {}
    alerts = []
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if name := WANTED.get(sample.name):
                values[name] = max(values.get(name, 0.0), sample.value)
            elif sample.name == "orderstream_alert_active" and sample.value:
                alerts.append(sample.labels.get("alert", ""))
    return ProcessMetrics(url, alerts=tuple(sorted(alerts)), **values)


def together(scrapes: Sequence[ProcessMetrics]) -> WorkersView:
    """Return the view over all processes."""
    workers = [scrape for scrape in scrapes if scrape.is_worker]
    worst = max(workers, key=lambda worker: worker.breaker, default=None)
    return WorkersView(
        workers=len(workers),
        silent=tuple(scrape for scrape in scrapes if scrape.problem),
        breaker=worst.breaker_name if worst else "",
        concurrency_limit=sum(worker.concurrency_limit for worker in workers),
        in_flight=sum(worker.in_flight for worker in workers),
        calls_per_second=sum(worker.calls_per_second for worker in workers),
        budget_used=max((worker.budget_used for worker in workers), default=0.0),
        budget_limit=max((worker.budget_limit for worker in workers), default=0.0),
        alerts=tuple(sorted({alert for scrape in scrapes for alert in scrape.alerts})),
    )


async def scrape_all(
    session: aiohttp.ClientSession, urls: Iterable[str]
) -> tuple[ProcessMetrics, ...]:
    """Ask every process behind every URL at once; never raises."""
    asked = await asyncio.gather(*(_of_each_process(url) for url in urls))
    return tuple(await asyncio.gather(*(_scrape(session, url) for url in chain(*asked))))


async def _of_each_process(url: str) -> list[str]:
    """Return the URL by address where several processes share its name; else as it is.

    Only http: a certificate is for the name. Only one family: two ways to one process are no two.
    """
    loop = asyncio.get_running_loop()
    try:
        parts = URL(url)
        if parts.scheme != "http" or not parts.host:
            return [url]
        async with asyncio.timeout(TIMEOUT_SECONDS):
            found = await loop.getaddrinfo(parts.host, parts.port, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return [url]  # asked by its name, it says why
    for family in (socket.AF_INET, socket.AF_INET6):
        hosts = sorted({str(address[0]) for kind, *_, address in found if kind == family})
        if len(hosts) > 1:
            return [str(parts.with_host(host)) for host in hosts]
    return [url]


async def _scrape(session: aiohttp.ClientSession, url: str) -> ProcessMetrics:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with session.get(url, timeout=timeout, allow_redirects=False) as response:
            if response.status != 200:  # noqa: PLR2004 - HTTP OK
                return ProcessMetrics(url, problem=f"answers {response.status}")
            body = await response.content.read(MAX_BYTES)
            return parse(url, body.decode(errors="replace"))
    except TimeoutError:
        return ProcessMetrics(url, problem=f"no answer within {TIMEOUT_SECONDS:.0f} s")
    except aiohttp.ClientError as error:
        return ProcessMetrics(url, problem=f"cannot be reached ({type(error).__name__})")
    except ValueError:
        return ProcessMetrics(url, problem="is no metrics page")
