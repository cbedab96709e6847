"""Sends webhooks as a store does: signed, several at a time, again when it must, and on record.

A sender keeps at it as real ones do (magento reference §4): 5xx, 429, a timeout and a refused
connection are tried again, `Retry-After` is honoured; any other 4xx is final. What got a 2xx is in
the receipts: the independent half of every 'nothing was lost'.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import orjson

from sandbox.magento.store import Webhook

SIGNATURE_HEADER = "X-Magento-Signature"
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500
OK = 200


@dataclass(frozen=True, slots=True)
class Patience:
    """How a sender tries again: after `Retry-After`, else attempt² times `backoff_seconds`."""

    max_attempts: int = 12
    timeout_seconds: float = 15.0
    backoff_seconds: float = 0.25
    max_wait_seconds: float = 10.0

    def wait_seconds(self, attempt: int, retry_after: str) -> float:
        asked = float(retry_after) if retry_after.isdigit() else None
        wanted = asked if asked is not None else attempt**2 * self.backoff_seconds
        return min(wanted, self.max_wait_seconds)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one delivery. `latency_seconds` counts from the moment it was due."""

    webhook: Webhook
    status: int
    attempts: int
    latency_seconds: float
    answer: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether the ingress said 200 and published it."""
        return self.status == OK and not self.answer.get("ignored")


def sign(body: bytes, secret: str) -> str:
    """Return the header value: `sha256=` and the hex HMAC-SHA256 of the body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def curl(url: str, body_path: Path, secret: str) -> str:
    """Return a command line that posts a file with a correct signature."""
    headers = {
        "Content-Type": "application/json",
        SIGNATURE_HEADER: sign(body_path.read_bytes(), secret),
    }
    words = ["curl", "-sS", url]
    for name, value in headers.items():
        words += ["-H", f"{name}: {value}"]
    return shlex.join([*words, "--data-binary", f"@{body_path}"])


def disturbed(
    webhooks: Iterable[Webhook],
    *,
    seed: int = 1,
    duplicate_share: float = 0.0,
    late_share: float = 0.0,
    late_by: int = 20,
) -> list[Webhook]:
    """Return the deliveries of a network that repeats some webhooks and delivers some late.

    A late one arrives up to `late_by` deliveries after its turn: behind newer saves of its order.
    """
    rng = random.Random(seed)
    placed: list[tuple[float, int, Webhook]] = []
    for index, webhook in enumerate(webhooks):
        late = rng.randint(1, late_by) if rng.random() < late_share else 0
        placed.append((index + late + late / (late_by + 1), index, webhook))
        if rng.random() < duplicate_share:
            placed.append((index + rng.randint(1, late_by) + 0.5, index, webhook))
    placed.sort(key=lambda item: item[:2])
    return [webhook for _, _, webhook in placed]


class Sender:
    """Posts webhooks to one ingress. Use as an async context manager."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        concurrency: int = 16,
        patience: Patience | None = None,
        on_receipt: Callable[[Receipt], None] | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._secret = secret
        self._slots = asyncio.Semaphore(concurrency)
        self._concurrency = concurrency
        self._patience = patience or Patience()
        self._on_receipt = on_receipt
        self.receipts: list[Receipt] = []

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._patience.timeout_seconds),
            connector=aiohttp.TCPConnector(limit=self._concurrency),
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._session.close()

    async def send_all(
        self, webhooks: Sequence[Webhook], *, rate_per_second: float | None = None
    ) -> list[Receipt]:
        """Send everything; with a rate in open loop, which a slow answer does not slow down.

        Without a rate each slot sends the next one when its last is answered. Returns the receipts
        in the order of the webhooks.
        """
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            tasks = []
            for index, webhook in enumerate(webhooks):
                if rate_per_second:
                    due = started + index / rate_per_second
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                else:
                    await self._has_slot()
                    due = time.monotonic()
                tasks.append(group.create_task(self.send(webhook, due=due)))
        return [task.result() for task in tasks]

    async def send(self, webhook: Webhook, *, due: float | None = None) -> Receipt:
        """Send one webhook until it is answered for good; never raises on a failed delivery."""
        due = time.monotonic() if due is None else due
        async with self._slots:
            receipt = await self._deliver(webhook, due)
        self.receipts.append(receipt)
        if self._on_receipt is not None:
            self._on_receipt(receipt)
        return receipt

    async def _has_slot(self) -> None:
        """Return when a delivery could start at once."""
        await asyncio.sleep(0)  # the delivery that was started last takes its slot first
        async with self._slots:
            return

    async def _deliver(self, webhook: Webhook, due: float) -> Receipt:
        attempt = 0
        while True:
            attempt += 1
            status, answer, retry_after, error = await self._post(webhook)
            is_final = status and status < SERVER_ERROR and status != TOO_MANY_REQUESTS
            if is_final or attempt >= self._patience.max_attempts:
                latency = time.monotonic() - due
                return Receipt(webhook, status, attempt, latency, answer, error)
            await asyncio.sleep(self._patience.wait_seconds(attempt, retry_after))

    async def _post(self, webhook: Webhook) -> tuple[int, dict[str, Any], str, str]:
        url = f"{self._url}/{webhook.url_event}" if webhook.url_event else self._url
        headers = {
            "Content-Type": "application/json",
            SIGNATURE_HEADER: sign(webhook.body, self._secret),
        }
        try:
            async with self._session.post(url, data=webhook.body, headers=headers) as response:
                text = await response.read()
                retry_after = response.headers.get("Retry-After", "")
                return response.status, _json(text), retry_after, response.reason or ""
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return 0, {}, "", f"{type(error).__name__}: {error}"


def statuses(receipts: Iterable[Receipt]) -> Counter[int]:
    """Return how often each status was the last word; 0 = no answer at all."""
    return Counter(receipt.status for receipt in receipts)


def latency_percentile(receipts: Sequence[Receipt], percent: float) -> float:
    """Return a percentile of the latencies in seconds (nearest rank); 0 without receipts."""
    ordered = sorted(receipt.latency_seconds for receipt in receipts)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def _json(text: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}
