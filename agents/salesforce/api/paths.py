"""Paths below the version that hold values of others."""

from __future__ import annotations

from urllib.parse import quote

from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError


def record_path(sobject: str, external_id_field: str, external_id: str) -> str:
    """Return the path of a record; a value that no URL can carry is refused.

    HTTP clients resolve the segments `.` and `..` even when they are escaped, so the call would go
    to another resource.
    """
    if external_id in {"", ".", ".."}:
        raise SalesforceError(
            f"{external_id_field} {external_id!r} cannot stand in a URL",
            kind=ErrorKind.PERMANENT,
            code="BAD_EXTERNAL_ID",
            fields=(external_id_field,),
            fix="Correct the external id in the source.",
        )
    return f"sobjects/{sobject}/{external_id_field}/{quote(external_id, safe='')}"
