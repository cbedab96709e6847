"""The day's calls: how many are used, how that is told, and the refusal when they are spent."""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.callcount import CallCounts
from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.org import CURRENT_VERSION, OLDEST_VERSION
from sandbox.salesforce.settings import Settings

LIMIT_HEADER = "Sforce-Limit-Info"
_FORMS = {
    "plain": "api-usage={used}/{limit}",
    "per_app": "api-usage={used}/{limit}; per-app-api-usage={used}/{limit}(appName=orderstream)",
    "bursts": "api-usage={used}/{limit}; api-bursts=1/750",
}


def limit_info(settings: Settings) -> str:
    """Return the value of the usage header in the form the settings ask for."""
    form = _FORMS.get(settings.limit_info_form, _FORMS["plain"])
    return form.format(used=settings.calls_used, limit=settings.daily_limit)


def spend_call(settings: Settings, counts: CallCounts) -> None:
    """Count one call against the day, or raise the platform's 403."""
    if settings.concurrent_limit:
        seconds = settings.concurrent_after_ms / 1000
        if counts.running_longer_than(seconds) > settings.concurrent_limit:
            raise RequestError(
                403,
                "REQUEST_LIMIT_EXCEEDED",
                "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
            )
    if settings.daily_limit and settings.calls_used >= settings.daily_limit:
        raise RequestError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    settings.calls_used += 1


def limits_of(settings: Settings, batches_used: int) -> dict[str, dict[str, int]]:
    """Return what GET /limits answers."""
    left = max(0, settings.daily_limit - settings.calls_used)
    batches = settings.bulk_daily_batches
    batches_left = max(0, batches - batches_used)
    return {
        "DailyApiRequests": {"Max": settings.daily_limit, "Remaining": left},
        "DailyBulkApiBatches": {"Max": batches, "Remaining": batches_left},
        "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
        "DataStorageMB": {"Max": 1024, "Remaining": 1024},
        "FileStorageMB": {"Max": 1024, "Remaining": 1024},
    }


def resources(base: str) -> dict[str, str]:
    """Return what the version's own URL answers."""
    names = ("sobjects", "query", "queryAll", "composite", "limits", "jobs")
    return {name: f"{base}/{name}" for name in names}


def versions() -> list[dict[str, Any]]:
    """Return what /services/data answers, without authentication and without a usage header."""
    return [
        {
            "label": f"Release {number}",
            "url": f"/services/data/v{number}.0",
            "version": f"{number}.0",
        }
        for number in range(int(OLDEST_VERSION), int(CURRENT_VERSION) + 1)
    ]
