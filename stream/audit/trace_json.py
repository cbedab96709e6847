"""A trace as JSON-ready data, with links to its records."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from stream.audit.trace import Trace
from stream.ops.masking import mask_record
from stream.settings.salesforce import SalesforceSettings

GENERIC_LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")


def trace_json(
    life: Trace, settings: SalesforceSettings, *, is_masked: bool = True
) -> dict[str, Any]:
    """Return the life as JSON-ready data."""
    read: dict[str, Any] = {
        "target": life.target,
        "kind": life.kind.value,
        "key": life.key,
        "partition": life.partition,
        "deliveries": life.deliveries,
        "salesforce": [
            {"sobject": name, "id": value, "link": record_link(settings, value)}
            for name, value in life.salesforce_ids.items()
        ],
        "rows": [{**asdict(row), "place": row.place} for row in life.rows],
        "records_read": life.records_read,
        "seconds": round(life.seconds, 3),
    }
    masked: dict[str, Any] = mask_record(read) if is_masked else read
    return masked


def record_link(settings: SalesforceSettings, record_id: str) -> str:
    """Return a link to a Salesforce record, or its path when the org's address is not known."""
    base = settings.salesforce_insecure_url.partition(",")[0] or settings.salesforce_login_url
    base = "" if base in GENERIC_LOGIN_HOSTS else base.rstrip("/")
    return f"{base}/{record_id}"
