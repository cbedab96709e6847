"""Compiled rules: a mapping file's rows, ready to run.

| in the org | what becomes of the rule |
|---|---|
| the field has another type or length | the org's counts |
| State and Country picklists are on | `…Country` is sent as `…CountryCode`, `…State` not at all |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.mapping.coerce import Step, fitting
from agents.mapping.compiler import compile_value, compile_values, compile_when
from agents.mapping.field_types import FieldType
from agents.mapping.hooks import load_hook
from agents.mapping.model import FieldRule, KindRules, ParentRule, RowRule, Rulebook
from agents.mapping.paths import Getter, Named, Scope
from agents.mapping.template import compile_path_of

# What `describe` says, by (sObject, field); empty before anybody asked the org.
Types = Mapping[tuple[str, str], FieldType]

KEY_LENGTH = 255
# An external ID is never cut (two records would become one): its length is checked afterwards.
UNCUT = FieldType("text", 131_072)


@dataclass(frozen=True, slots=True)
class CompiledField:
    """A field ready to run. `spare` is the fitted default for a value that does not fit."""

    name: str
    label: str
    get: Getter
    fit: Step
    is_insert_only: bool
    skips_blank: bool
    is_required: bool
    spare: Any
    sources: str


@dataclass(frozen=True, slots=True)
class CompiledParent:
    relationship: str
    field: str
    label: str
    get: Getter
    is_insert_only: bool


@dataclass(frozen=True, slots=True)
class CompiledRow:
    """A row ready to run.

    `reason` is its `when:` in words; `plan` is `fields` unpacked, for the loop over every field.
    """

    rule: RowRule
    applies: Callable[[Scope], bool] | None
    reason: str
    fields: tuple[CompiledField, ...]
    plan: tuple[tuple[str, str, Getter, Step, bool, CompiledField], ...]
    parents: tuple[CompiledParent, ...]
    version: Getter
    hook: Callable[..., Any] | None
    key_length: int


@dataclass(frozen=True, slots=True)
class CompiledKind:
    value_count: int
    targets: tuple[tuple[str, Callable[[Scope], bool] | None], ...]
    rows: tuple[CompiledRow, ...]


def compile_kind(
    book: Rulebook, kind: KindRules, types: Types, directory: Path | None
) -> CompiledKind:
    """Return the closures of one kind's rules; raises MappingFileError."""
    named = compile_values(kind.values, directory)
    return CompiledKind(
        value_count=len(named),
        targets=tuple((rule.use, compile_when(rule.when, named)) for rule in book.targets),
        rows=tuple(compile_row(rule, named, types, directory) for rule in kind.rows),
    )


def compile_row(rule: RowRule, named: Named, types: Types, directory: Path | None) -> CompiledRow:
    """Return the closures of one row; raises MappingFileError."""
    key = next(field for field in rule.fields if field.name == rule.external_id)
    fields = tuple(_field(rule, field, named, types, directory) for field in rule.fields)
    return CompiledRow(
        rule=rule,
        applies=compile_when(rule.when, named),
        reason=" or ".join(", ".join(map(str, conditions)) for conditions in rule.when),
        fields=fields,
        plan=tuple((f.name, f.label, f.get, f.fit, f.is_insert_only, f) for f in fields),
        parents=tuple(_parent(rule, parent, named, directory) for parent in rule.parents),
        version=compile_path_of(rule.version, rule.entry, named),
        hook=load_hook(rule.python, rule.entry, directory) if rule.python else None,
        key_length=types.get((rule.sobject, key.name), key.type).length or KEY_LENGTH,
    )


def _field(
    row: RowRule,
    rule: FieldRule,
    named: Named,
    types: Types,
    directory: Path | None,
) -> CompiledField:
    label = f"{row.sobject}.{rule.name}"
    is_key = rule.name == row.external_id
    name, field_type = _in_org(row, rule, types)
    fit = fitting(UNCUT) if is_key else fitting(field_type) if name else _without_state
    return CompiledField(
        name=name,
        label=label,
        get=compile_value(rule.value, label, named, directory),
        fit=fit,
        is_insert_only=row.is_insert_only or rule.is_insert_only,
        skips_blank=rule.skips_blank or is_key or not name,
        is_required=rule.is_required and not is_key,
        spare=None if is_key or not name else _spare(rule, fit, field_type),
        sources=", ".join((*rule.value.sources, *rule.value.map_by, *rule.value.or_else)),
    )


def _in_org(row: RowRule, rule: FieldRule, types: Types) -> tuple[str, FieldType]:
    """Return name and type of the field in this org; '' for one that it would refuse."""
    code = f"{rule.name}Code"
    code_type = types.get((row.sobject, code))
    is_mapped = any(other.name == code for other in row.fields)
    if code_type is None or is_mapped or not rule.name.endswith(("State", "Country")):
        return rule.name, types.get((row.sobject, rule.name), rule.type)
    return ("", rule.type) if rule.name.endswith("State") else (code, code_type)


def _without_state(_value: Any, notes: list[str], label: str) -> None:
    notes.append(f"{label}: left out, the org has State picklists; map {label}Code for it")


def _spare(rule: FieldRule, fit: Step, field_type: FieldType) -> Any:
    """Return the default as the field takes it.

    A constant that does not fit is the file's fault, unless it is only this org that differs.
    """
    for text in (rule.value.default, rule.value.constant):
        if text is None:
            continue
        problems: list[str] = []
        if fit(text, problems, rule.name) is None and field_type == rule.type:
            raise rule.entry.error(f"`{text}` does not fit {field_type.kind}: {problems}")
    return fit(rule.value.default, [], "") if rule.value.default is not None else None


def _parent(row: RowRule, rule: ParentRule, named: Named, directory: Path | None) -> CompiledParent:
    label = f"{row.sobject}.{rule.relationship}"
    return CompiledParent(
        relationship=rule.relationship,
        field=rule.field,
        label=label,
        get=compile_value(rule.value, label, named, directory),
        is_insert_only=row.is_insert_only or rule.is_insert_only,
    )
