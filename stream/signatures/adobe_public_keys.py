"""The public keys Adobe I/O Events signs with: fetched from Adobe's own host, kept for a while.

A request only names a path, and only a path of the one form Adobe uses is looked up, on a host that
is written here: nobody can point us at a key of his own. Keys change rarely, so they are kept up to
a day; what Adobe says it does not have is not asked for again for a minute, and few fetches run at
once, so that strangers with invented paths cost next to nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from stream.signatures.rsa import public_keys

KEY_HOST = "https://static.adobeioevents.com"
KEY_PATH = re.compile(
    r"/prod/keys/pub-key-[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\.pem"
)
KEY_SECONDS = 23 * 3600  # Adobe asks for at most 24 hours
NO_KEY_SECONDS = 60
MAX_KEYS = 64
MAX_FETCHES = 4
FETCH_SECONDS = 4.0  # within the request's own deadline
MAX_KEY_BYTES = 64_000
OK, SERVER_ERROR = 200, 500
# What Adobe's storage says of what is not there. Anything else (a gateway's page, a redirect)
# is no word about the key: a 401 for it would be an event that Adobe never sends again.
NOT_THERE = frozenset({403, 404, 410})

# Path → (HTTP status, body); raises OSError or TimeoutError when there is no answer.
Fetch = Callable[[str], Awaitable[tuple[int, bytes]]]


class KeyAwayError(Exception):
    """Adobe's host did not answer: nobody can say whether the signature is right."""


@dataclass(frozen=True, slots=True)
class _Held:
    key: RSAPublicKey | None
    until: float


class AdobeKeys:
    """Public keys by path; each is fetched once at a time."""

    def __init__(self, fetch: Fetch, *, now: Callable[[], float]) -> None:
        """`now`: a clock in seconds that never jumps."""
        self._fetch = fetch
        self._now = now
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[RSAPublicKey | None]] = {}
        self._slots = asyncio.Semaphore(MAX_FETCHES)

    async def key(self, path: str) -> RSAPublicKey | None:
        """Return the key at a path, None when Adobe has none there; raises KeyAwayError."""
        if not KEY_PATH.fullmatch(path):
            return None
        held = self._held.get(path)
        if held is not None and self._now() < held.until:
            self._held.move_to_end(path)
            return held.key
        task = self._fetching.get(path)
        if task is None:
            task = asyncio.create_task(self._load(path))
            self._fetching[path] = task
            task.add_done_callback(lambda done: self._forget(path, done))
        return await asyncio.shield(task)  # a sender that hangs up must not stop the others' fetch

    async def _load(self, path: str) -> RSAPublicKey | None:
        try:
            async with asyncio.timeout(FETCH_SECONDS), self._slots:
                status, body = await self._fetch(path)
        except (OSError, TimeoutError, aiohttp.ClientError):
            raise KeyAwayError("Adobe's key host does not answer") from None
        key = _key_in(body) if status == OK else None
        if key is None and status not in NOT_THERE:
            raise KeyAwayError(f"Adobe's key host answers {status}, and no key")
        seconds = NO_KEY_SECONDS if key is None else KEY_SECONDS
        self._held[path] = _Held(key, self._now() + seconds)
        self._held.move_to_end(path)
        self._make_room()
        return key

    def _make_room(self) -> None:
        """Drop what is over the limit, paths without a key first."""
        while len(self._held) > MAX_KEYS:
            empty = (path for path, held in self._held.items() if held.key is None)
            del self._held[next(empty, next(iter(self._held)))]

    def _forget(self, path: str, done: asyncio.Task[RSAPublicKey | None]) -> None:
        self._fetching.pop(path, None)
        if not done.cancelled():
            done.exception()  # whoever waited has it; if all have hung up, nobody needs it


def _key_in(body: bytes) -> RSAPublicKey | None:
    try:
        return public_keys(body)[0] if len(body) <= MAX_KEY_BYTES else None
    except ValueError:
        return None


class AdobeKeyHost:
    """Fetches from Adobe's key host. Use as an async context manager."""

    def __init__(self, host: str = KEY_HOST) -> None:
        self._host = host
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FETCH_SECONDS))
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def fetch(self, path: str) -> tuple[int, bytes]:
        """Return status and body; never follows a redirect to another host."""
        assert self._session is not None
        async with self._session.get(self._host + path, allow_redirects=False) as response:
            return response.status, await response.content.read(MAX_KEY_BYTES + 1)
