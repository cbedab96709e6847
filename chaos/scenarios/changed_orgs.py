"""The org while its administrators are at work: it translates, moves house, closes for writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from chaos.scenario import Scenario
from chaos.stage import Stage

CLOSED_SECONDS = 20.0
LANGUAGES = ("de", "ja", "pt_BR")
LOCKED = {
    "kind": "row_error",
    "sobject": "Opportunity",
    "code": "UNABLE_TO_LOCK_ROW",
    "message": "unable to obtain exclusive access to this record",
    "probability": 0.2,
}
OTHER_HOST = "localhost"


async def translate(stage: Stage) -> None:
    """Refuse rows in another language every few seconds: what passes and what stays is the same."""
    async with stage.hurting():
        for language in LANGUAGES:
            await stage.org.change(language=language)
            await stage.storm([LOCKED], CLOSED_SECONDS / len(LANGUAGES))
            stage.seen["languages"] += 1
    await stage.org.change(language="en_US")


def closed(**settings: bool) -> Callable[[Stage], Awaitable[None]]:
    """Return the act: these settings of the org for a while. An outage costs nobody an attempt."""

    async def act(stage: Stage) -> None:
        async with stage.hurting():
            await stage.org.change(**settings)
            before = (await stage.org.summary())["writes"]
            # Longer than all retry delays, whatever the scale: an attempt that counted would show.
            await asyncio.sleep(CLOSED_SECONDS)
            stage.seen["writes meanwhile"] += (await stage.org.summary())["writes"] - before
            await stage.org.change(**dict.fromkeys(settings, False))
            stage.seen["closed"] += 1

    return act


def moved(left_instance: str) -> Callable[[Stage], Awaitable[None]]:
    """Return the act: the org answers at another host, and again at the first.

    Without TLS the product goes to no other address than the one it was told: an outage meanwhile.
    """

    async def act(stage: Stage) -> None:
        async with stage.hurting():
            for host in (OTHER_HOST, ""):
                before = (await stage.org.summary())["token_calls"]
                await stage.org.change(instance_host=host, left_instance=left_instance)
                await stage.rest(CLOSED_SECONDS / 2)
                stage.seen["logins after it"] += (await stage.org.summary())["token_calls"] - before
                stage.seen["moved"] += 1

    return act


def _row(
    name: str, story: str, act: Callable[[Stage], Awaitable[None]], evidence: dict[str, int]
) -> Scenario:
    more: dict[str, Any] = {"recovers_within_seconds": 120.0}
    return Scenario(f"org-{name}", story, act, evidence=evidence, **more)


SCENARIOS = (
    _row(
        "translates",
        "a row in five locked, the user's language changed to German, Japanese, Portuguese",
        translate,
        {"languages": len(LANGUAGES), "row_error": 10},
    ),
    _row(
        "read-only",
        "maintenance: every row refused for 20 s, reads answered",
        closed(read_only=True),
        {"closed": 1},
    ),
    _row(
        "storage-full",
        "the storage is full for 20 s: creates refused, updates carried out",
        closed(storage_full=True),
        {"closed": 1},
    ),
    _row(
        "moves-and-is-gone",
        "the instance moves to a host that is not allowed, and back; the old one answers 404",
        moved("gone"),
        {"moved": 2, "logins after it": 1},
    ),
    _row(
        "moves-and-redirects",
        "the instance moves to a host that is not allowed, and back; the old one answers 301",
        moved("redirect"),
        {"moved": 2},
    ),
)
