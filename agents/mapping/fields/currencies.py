"""Money goes out with its currency, or it is another amount.

| the org | what becomes of an amount |
|---|---|
| shows `CurrencyIsoCode` (multi-currency) | the order's code goes with every row that has it |
| has not activated that currency | the order is refused here, before it is stored as other money |
| has one currency, and it is another | stored as it is, with a note |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.mapping.fields.coerce import Step
from agents.mapping.fields.field_types import FieldType
from agents.mapping.fields.values import text_of
from stream.errors import MappingError

CURRENCY_FIELD = "CurrencyIsoCode"

Types = Mapping[tuple[str, str], FieldType]


def currency_step(field_type: FieldType) -> Step:
    """Return the step that takes active currencies only; raises MappingError for another."""
    active = field_type.choices

    def fit(value: Any, _notes: list[str], label: str) -> Any:
        code = text_of(value).strip().upper()
        if not code:
            return None
        if active is not None and code not in active:
            raise MappingError(
                f"{label}: {code[:3]} is not an active currency of the org; activate it (Setup > "
                "Manage Currencies), then requeue",
                fields=(label,),
            )
        return code

    return fit


def money_fields(sobject: str, names: list[str], types: Types) -> tuple[str, ...]:
    """Return which of the fields are amounts of money in this org."""
    found = ((name, types.get((sobject, name))) for name in names)
    return tuple(name for name, described in found if described and described.is_money)
