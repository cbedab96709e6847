"""The simulated org from outside: its records, its memory of writes, and the faults to arm.

Talks to the simulator's back door (`/__sim__`), so that a judge depends on nothing of the pipe.
"""

from __future__ import annotations

from typing import Any, Self

import aiohttp
import orjson

PAGE_RECORDS = 1000
TIMEOUT_SECONDS = 30.0


class OrgRemote:
    """One simulated org, by its URL. Use as an async context manager."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/__sim__"

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, raise_for_status=True)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._session.close()

    async def records(self, sobject: str) -> list[dict[str, Any]]:
        """Return every record of an object."""
        found: list[dict[str, Any]] = []
        while True:
            query = f"offset={len(found)}&limit={PAGE_RECORDS}"
            page = await self._call("GET", f"/records/{sobject}?{query}")
            found += page["records"]
            if len(found) >= page["total"] or not page["records"]:
                return found

    async def summary(self) -> dict[str, Any]:
        """Return the org's judgement: counts, duplicates, stale writes, calls."""
        summary: dict[str, Any] = await self._call("GET", "/summary")
        return summary

    async def digests(self, sobject: str = "") -> list[dict[str, Any]]:
        """Return writes, last version and staleness of every record."""
        digests: list[dict[str, Any]] = await self._call("GET", f"/digests?sobject={sobject}")
        return digests

    async def history(self, sobject: str, external_id: str) -> list[dict[str, Any]]:
        """Return the writes of one record, in their order."""
        query = f"sobject={sobject}&external_id={external_id}"
        history: list[dict[str, Any]] = await self._call("GET", f"/history?{query}")
        return history

    async def calls(self) -> dict[str, Any]:
        """Return how many calls there were, and how many are in flight."""
        calls: dict[str, Any] = await self._call("GET", "/calls")
        return calls

    async def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are armed, each with how often it `fired`."""
        faults: list[dict[str, Any]] = await self._call("GET", "/faults")
        return faults

    async def arm(self, fault: dict[str, Any]) -> int:
        """Arm a fault; returns its id (0 for one that acts at once)."""
        armed = await self._call("POST", "/faults", fault)
        return int(armed[0].get("id", 0))

    async def disarm(self, fault_id: int) -> None:
        await self._call("DELETE", f"/faults/{fault_id}")

    async def change(self, **settings: Any) -> None:
        """Change settings of the org, e.g. `latency_ms=100`."""
        await self._call("PATCH", "/settings", settings)

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else orjson.dumps(body)
        async with self._session.request(method, self._url + path, data=data) as response:
            return orjson.loads(await response.read())
