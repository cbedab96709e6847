"""Tooling API, as far as a deployer reads it: the validation rules of the org."""

from __future__ import annotations

import re
from typing import Any

from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.rest.answer import Answer, RestRequest

_NAME = re.compile(r"ValidationName\s*=\s*'([^']*)'", re.IGNORECASE)
_ID = re.compile(r"\bId\s*=\s*'([^']*)'", re.IGNORECASE)


def query(request: RestRequest) -> Answer:
    """GET tooling/query?q=SELECT … FROM ValidationRule WHERE ValidationName = '…' | Id = '…'."""
    text = request.query.get("q", "")
    if "FROM VALIDATIONRULE" not in text.upper():
        raise RequestError(400, "INVALID_TYPE", "only ValidationRule can be queried here")
    has_metadata = re.search(r"\bMetadata\b", text) is not None
    rows: list[dict[str, Any]] = []
    name, wanted = _NAME.search(text), _ID.search(text)
    for place, rule in enumerate(request.org.validation.all()):
        rule_id = f"03dOs{place + 1:010d}AAA"
        if (name and rule.name != name[1]) or (wanted and rule_id != wanted[1]):
            continue
        row = {
            "Id": rule_id,
            "ValidationName": rule.name,
            "Active": rule.is_active,
            "EntityDefinition": {"QualifiedApiName": rule.sobject},
        }
        if has_metadata:
            row["Metadata"] = {
                "errorConditionFormula": rule.formula,
                "errorMessage": rule.message,
                "active": rule.is_active,
            }
        rows.append(row)
    if has_metadata and len(rows) > 1:
        text = "When retrieving results with Metadata or FullName fields, the query may return one"
        raise RequestError(400, "MALFORMED_QUERY", f"{text} row at most")
    return Answer(200, {"size": len(rows), "totalSize": len(rows), "done": True, "records": rows})
