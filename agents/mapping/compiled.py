"""Compiled rules: a mapping file's rows, ready to run.

| in the org | what becomes of the rule |
|---|---|
| the field has another type or length | the org's counts |
| State and Country picklists are on | `…Country` and `…State` are sent as codes (`addresses`) |
| it has several currencies | the order's currency goes with each row (`currencies`) |
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agents.mapping.addresses import Address, addresses_of, country_step
from agents.mapping.compiler import compile_value, compile_values, compile_when
from agents.mapping.fields.coerce import Step, fitting, plain_length
from agents.mapping.fields.currencies import CURRENCY_FIELD, currency_step, money_fields
from agents.mapping.fields.field_types import FieldType
from agents.mapping.hooks import load_hook
from agents.mapping.model import FieldRule, KindRules, ParentRule, RowRule, Rulebook, ValueRule
from agents.mapping.paths import Named
from agents.mapping.region_code import coded, fit_coded, region_codes
from agents.mapping.scope import Getter, Scope
from agents.mapping.template import compile_path_of

# What `describe` says, by (sObject, field); empty before anybody asked the org.
Types = Mapping[tuple[str, str], FieldType]

KEY_LENGTH = 255
# An external ID is never cut (two records would become one): its length is checked afterwards.
UNCUT = FieldType("text", 131_072)
STATE_NAME = FieldType("text", 255)
NO_VALUES: Mapping[str, ValueRule] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CompiledField:
    """A field ready to run. `spare` is the fitted default for a value that does not fit.

    `plain_length`: `fit` only takes the blanks off the ends of a printable text of so many
    characters; -1 where it does more.
    """

    name: str
    label: str
    get: Getter
    fit: Step
    plain_length: int
    is_insert_only: bool | None
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
    is_insert_only: bool | None


@dataclass(frozen=True, slots=True)
class CompiledRow:
    """A row ready to run.

    `reason` is its `when:` in words; `plan` is `fields` unpacked, for the loop over every field.
    """

    rule: RowRule
    applies: Callable[[Scope], bool] | None
    reason: str
    fields: tuple[CompiledField, ...]
    plan: tuple[tuple[str, Getter, int, bool | None, CompiledField], ...]
    parents: tuple[CompiledParent, ...]
    version: Getter
    hook: Callable[..., Any] | None
    key_length: int
    addresses: tuple[Address, ...] = ()
    money: tuple[str, ...] = ()


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
        rows=tuple(compile_row(rule, named, types, directory, kind.values) for rule in kind.rows),
    )


def compile_row(
    rule: RowRule,
    named: Named,
    types: Types,
    directory: Path | None,
    values: Mapping[str, ValueRule] = NO_VALUES,
) -> CompiledRow:
    """Return the closures of one row; `values` are the rules of the named ones.

    Raises MappingFileError.
    """
    key = next(field for field in rule.fields if field.name == rule.external_id)
    fields = tuple(
        _coded(_field(rule, field, named, types, directory), field, named, values)
        for field in (*rule.fields, *_currency_rule(rule, types))
    )
    names = [field.name for field in fields]
    return CompiledRow(
        rule=rule,
        applies=compile_when(rule.when, named),
        reason=" or ".join(", ".join(map(str, conditions)) for conditions in rule.when),
        fields=fields,
        plan=tuple((f.name, f.get, f.plain_length, f.is_insert_only, f) for f in fields),
        parents=tuple(_parent(rule, parent, named, directory) for parent in rule.parents),
        version=compile_path_of(rule.version, rule.entry, named),
        hook=load_hook(rule.python, rule.entry, directory) if rule.python else None,
        key_length=types.get((rule.sobject, key.name), key.type).length or KEY_LENGTH,
        addresses=addresses_of(
            rule.sobject, ((f.name, bool(f.is_insert_only)) for f in fields), types
        ),
        money=money_fields(rule.sobject, names, types),
    )


def _currency_rule(row: RowRule, types: Types) -> Iterator[FieldRule]:
    """Yield the rule that sends the order's currency, where the org has it and the file not."""
    described = types.get((row.sobject, CURRENCY_FIELD))
    is_mapped = any(field.name == CURRENCY_FIELD for field in row.fields)
    if described is None or is_mapped or not described.is_createable:
        return
    yield FieldRule(
        entry=row.entry,
        name=CURRENCY_FIELD,
        value=ValueRule(row.entry, sources=("$currency",)),
        type=described,
        is_insert_only=None if described.is_updateable else True,
        skips_blank=True,
        is_required=False,
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
    fit, plain = _plain_fit(UNCUT) if is_key else _fit_of(name, field_type)
    return CompiledField(
        name=name,
        label=label,
        get=compile_value(rule.value, label, named, directory),
        fit=fit,
        plain_length=plain,
        is_insert_only=True if row.is_insert_only else rule.is_insert_only,
        skips_blank=rule.skips_blank or is_key,
        is_required=rule.is_required and not is_key,
        spare=None if is_key else _spare(rule, fit, field_type),
        sources=", ".join((*rule.value.sources, *rule.value.map_by, *rule.value.or_else)),
    )


def _coded(
    field: CompiledField, rule: FieldRule, named: Named, values: Mapping[str, ValueRule]
) -> CompiledField:
    """Let a state that goes out as a code carry the store's own code of the region."""
    if field.name == rule.name or not field.name.endswith("StateCode"):
        return field
    paths = dict.fromkeys(region_codes(rule.value, values))
    codes = [compile_path_of(path, rule.entry, named) for path in paths]
    return dataclasses.replace(field, get=coded(field.get, codes), fit=fit_coded(field.fit))


def _in_org(row: RowRule, rule: FieldRule, types: Types) -> tuple[str, FieldType]:
    """Return name and type of the field in this org: with picklists on, states are codes."""
    code = f"{rule.name}Code"
    code_type = types.get((row.sobject, code))
    is_mapped = any(other.name == code for other in row.fields)
    if code_type is None or is_mapped or not rule.name.endswith(("State", "Country")):
        return rule.name, types.get((row.sobject, rule.name), rule.type)
    return code, code_type


def _fit_of(name: str, field_type: FieldType) -> tuple[Step, int]:
    if name == CURRENCY_FIELD:
        return currency_step(field_type), -1
    if name.endswith("StateCode") and field_type.entries:
        return fitting(STATE_NAME), -1  # which state of which country it is, its address decides
    if name.endswith("CountryCode") and field_type.entries:
        return country_step(field_type.entries), -1
    return _plain_fit(field_type)


def _plain_fit(field_type: FieldType) -> tuple[Step, int]:
    return fitting(field_type), plain_length(field_type)


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
        is_insert_only=True if row.is_insert_only else rule.is_insert_only,
    )
