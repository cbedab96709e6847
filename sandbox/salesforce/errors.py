"""How the platform says no: one shape for a whole request, one for a record.

```
RequestError   the whole call is refused: [{"message", "errorCode", "fields"}], nothing is written
RecordError    one record is refused: {"statusCode", "message", "fields"} inside a 200
```
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.messages import translated


@dataclass(slots=True, eq=False)
class RecordError(Exception):
    """One record is refused; `details` are extra keys of the answer (duplicate results)."""

    code: str
    message: str
    fields: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def for_record(self) -> dict[str, Any]:
        """Return it as Collections spell it (`statusCode`)."""
        answer = {"statusCode": self.code, "message": self.message, "fields": self.fields}
        return answer | self.details if self.details else answer

    def for_request(self) -> dict[str, Any]:
        """Return it as single calls spell it (`errorCode`)."""
        return {"message": self.message, "errorCode": self.code, "fields": self.fields} | (
            self.details
        )

    def for_csv(self, language: str = "en_US") -> str:
        """Return it as bulk result files spell it: `CODE:message:fields--`."""
        message = translated(self.code, self.message, language)
        return f"{self.code}:{message}:{' '.join(self.fields)} --"


@dataclass(slots=True, eq=False)
class RequestError(Exception):
    """The whole call is refused."""

    status: int
    code: str
    message: str
    fields: list[str] | None = None

    def body(self) -> list[dict[str, Any]]:
        error: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        return [error | {"fields": self.fields} if self.fields else error]


def not_found(message: str = "The requested resource does not exist") -> RequestError:
    return RequestError(404, "NOT_FOUND", message)


def malformed_json(message: str) -> RequestError:
    return RequestError(400, "JSON_PARSER_ERROR", message)


def unknown_column(name: str, sobject: str) -> RequestError:
    return RequestError(
        400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject}"
    )
