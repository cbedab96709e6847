"""The org's validation rules: those of the metadata package, and those a test gives the org.

A rule that is true refuses its row with the administrator's own text, which the platform does not
translate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.records.formula import Node, Values, compile_formula
from sandbox.salesforce.records.objects import VERSION_FIELD
from sandbox.salesforce.records.schema import SObject
from schemas.metadata_package import ValidationRule, read_package

STALE_RULE = "Orderstream_Refuses_Stale_Writes"


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: ValidationRule
    is_true: Node


class ValidationRules:
    """The rules by object, in the order they were made."""

    def __init__(self, schema: Mapping[str, SObject]) -> None:
        self._schema = schema
        self._rules: dict[str, dict[str, _Compiled]] = {}

    def add(self, rule: ValidationRule) -> None:
        """Add or replace a rule; raises ValueError when the org could not evaluate it."""
        sobject = self._schema.get(rule.sobject)
        if sobject is None:
            raise ValueError(f"no such object: {rule.sobject}")

        def field_name(name: str) -> str:
            item = sobject.find(name)
            if item is None:
                raise ValueError(f"Field {name} does not exist. Check spelling.")
            return item.name

        compiled = _Compiled(rule, compile_formula(rule.formula, field_name))
        self._rules.setdefault(rule.sobject, {})[rule.name] = compiled

    def remove(self, sobject: str, name: str) -> None:
        """Remove a rule; raises KeyError when there is none."""
        del self._rules[sobject][name]

    def all(self) -> list[ValidationRule]:
        return [each.rule for rules in self._rules.values() for each in rules.values()]

    def find(self, sobject: str, name: str) -> ValidationRule | None:
        found = self._rules.get(sobject, {}).get(name)
        return found.rule if found else None

    def refusal(
        self, sobject: str, old: Values | None, new: dict[str, Any], *, is_stale_rule_on: bool
    ) -> RecordError | None:
        """Return the error of the first rule that refuses the row."""
        for name, compiled in self._rules.get(sobject, {}).items():
            rule = compiled.rule
            if not rule.is_active or (name == STALE_RULE and not is_stale_rule_on):
                continue
            if compiled.is_true(old, new):
                fields = [rule.field] if rule.field else []
                return RecordError("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, fields)
        return None


def package_rules(schema: Mapping[str, SObject]) -> list[ValidationRule]:
    """Return the rules of the package whose fields the org has."""
    return [rule for rule in _rules() if VERSION_FIELD in schema[rule.sobject].fields]


@cache
def _rules() -> tuple[ValidationRule, ...]:
    return tuple(part.what for part in read_package() if isinstance(part.what, ValidationRule))
