"""States of the whole org that refuse rows: maintenance, full storage, a stage of no process."""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.settings import Settings

Values = dict[str, Any]


def state_refusal(
    settings: Settings, sobject: str, old: Values | None, new: Values
) -> RecordError | None:
    """Return why the org as it is refuses the row, or None."""
    if settings.read_only:
        text = "Cannot insert, update or delete records while the org is under maintenance"
        return RecordError("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", text)
    if settings.storage_full and old is None:
        return RecordError("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")
    stages = [stage.strip() for stage in settings.sales_process.split(",") if stage.strip()]
    stage = new.get("StageName")
    if sobject == "Opportunity" and stages and stage not in stages:
        text = f"Stage: bad value for restricted picklist field: {stage}"
        return RecordError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, ["StageName"])
    return None
