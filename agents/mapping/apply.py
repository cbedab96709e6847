"""Compiled rules applied to a document: the hot path. Pure, and total: any document has an answer.

| raised | when |
|---|---|
| MappingError | a required field or an external ID is empty, or too long; a hook failed |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.mapping.compiler import compile_value, compile_values, compile_when
from agents.mapping.dates import version_of
from agents.mapping.field_types import FieldType, Step, fitting, utf16_length
from agents.mapping.hooks import load_hook
from agents.mapping.paths import Getter, Scope
from agents.mapping.rulebook import (
    FieldRule,
    KindRules,
    ParentRule,
    RowRule,
    Rulebook,
    known_type,
)
from agents.mapping.template import compile_path_of
from agents.mapping.values import is_blank
from schemas.codec import Document
from schemas.salesforce import Row
from stream.errors import MappingError

MAX_NOTES = 50
LOCKED_PARENT = "Account"  # inserting under an Account locks it (salesforce reference §3.2)
EXTERNAL_ID = FieldType("text", 255)

# An external ID is never cut (two records would become one): its length is checked afterwards.
EXTERNAL_ID_TEXT = FieldType("text", 131_072)

TypeOf = Callable[[str, FieldRule], FieldType]


@dataclass(frozen=True, slots=True)
class Mapped:
    """The rows of one event, parents first.

    `notes` say what was filled, cut or left out. `lock_key` is the Account all rows belong to
    (lower case): events that share it must not be written in parallel.
    """

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    lock_key: str = ""


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
    rule: RowRule
    applies: Callable[[Scope], bool] | None
    fields: tuple[CompiledField, ...]
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
    book: Rulebook, kind: KindRules, type_of: TypeOf, directory: Path | None
) -> CompiledKind:
    """Return the closures of one kind's rules; raises MappingFileError."""
    named = compile_values(kind.values, directory)
    return CompiledKind(
        value_count=len(named),
        targets=tuple((rule.use, compile_when(rule.when, named)) for rule in book.targets),
        rows=tuple(_row(rule, named, type_of, directory) for rule in kind.rows),
    )


def _row(
    rule: RowRule, named: Mapping[str, Getter], type_of: TypeOf, directory: Path | None
) -> CompiledRow:
    key = next(field for field in rule.fields if field.name == rule.external_id)
    return CompiledRow(
        rule=rule,
        applies=compile_when(rule.when, named),
        fields=tuple(_field(rule, field, named, type_of, directory) for field in rule.fields),
        parents=tuple(_parent(rule, parent, named, directory) for parent in rule.parents),
        version=compile_path_of(rule.version, rule.entry, named),
        hook=load_hook(rule.python, rule.entry, directory) if rule.python else None,
        key_length=type_of(rule.sobject, key).length or EXTERNAL_ID.length,
    )


def _field(
    row: RowRule,
    rule: FieldRule,
    named: Mapping[str, Getter],
    type_of: TypeOf,
    directory: Path | None,
) -> CompiledField:
    label = f"{row.sobject}.{rule.name}"
    field_type = type_of(row.sobject, rule)
    is_key = rule.name == row.external_id
    fit = fitting(EXTERNAL_ID_TEXT if is_key else field_type)
    return CompiledField(
        name=rule.name,
        label=label,
        get=compile_value(rule.value, label, named, directory),
        fit=fit,
        is_insert_only=row.is_insert_only or rule.is_insert_only,
        skips_blank=rule.skips_blank,
        is_required=rule.is_required or is_key,
        spare=None if is_key else _spare(rule, fit, field_type),
        sources=", ".join((*rule.value.sources, *rule.value.map_by, *rule.value.or_else)),
    )


def _spare(rule: FieldRule, fit: Step, field_type: FieldType) -> Any:
    """Return the default as the field takes it; constants that do not fit are the file's fault."""
    for text in (rule.value.default, rule.value.constant):
        if text is None:
            continue
        problems: list[str] = []
        if fit(text, problems, rule.name) is None and field_type.choices is None:
            raise rule.entry.error(f"`{text}` does not fit {field_type.kind}: {problems}")
    return fit(rule.value.default, [], "") if rule.value.default is not None else None


def _parent(
    row: RowRule, rule: ParentRule, named: Mapping[str, Getter], directory: Path | None
) -> CompiledParent:
    label = f"{row.sobject}.{rule.relationship}"
    return CompiledParent(
        relationship=rule.relationship,
        field=rule.field,
        label=label,
        get=compile_value(rule.value, label, named, directory),
        is_insert_only=row.is_insert_only or rule.is_insert_only,
    )


def apply_kind(
    kind: CompiledKind, document: Document, amount: tuple[str, str], received_at: str
) -> Mapped:
    """Return the rows of a document. Raises MappingError, and nothing else, on any document."""
    notes: list[str] = []
    scope = Scope(document, document.entity, notes, amount, kind.value_count, received_at)
    target = next((use for use, test in kind.targets if test is None or test(scope)), "")
    rows = []
    for compiled in kind.rows:
        if compiled.rule.target not in ("", target):
            continue
        if compiled.applies is not None and not compiled.applies(scope):
            notes.append(f"{compiled.rule.sobject}: not written, its `when` does not hold")
        elif (row := _build(compiled, scope)) is not None:
            rows.append(row)
    return Mapped(tuple(rows), _shortened(notes), _lock_key(rows))


def _build(compiled: CompiledRow, scope: Scope) -> Row | None:
    rule, notes = compiled.rule, scope.notes
    fields: dict[str, Any] = {}
    inserts: dict[str, Any] = {}
    for field in compiled.fields:
        value = field.get(scope)
        if value is not None:
            value = field.fit(value, notes, field.label)
        if value is None:
            value = _instead(field, notes)
            if value is None and field.skips_blank:
                continue
        (inserts if field.is_insert_only else fields)[field.name] = value
    for parent in compiled.parents:
        link = parent.get(scope)
        if not is_blank(link):
            key = _fit_key(link, notes, parent.label)
            nested = {parent.field: key}
            (inserts if parent.is_insert_only else fields)[parent.relationship] = nested
    if compiled.hook is not None and not _call_hook(compiled, scope, fields, inserts):
        return None
    owner = inserts if rule.external_id in inserts else fields
    return Row(
        sobject=rule.sobject,
        external_id_field=rule.external_id,
        external_id=_checked_key(compiled, owner.pop(rule.external_id, None)),
        fields=fields,
        insert_fields=inserts,
        version="" if rule.is_insert_only else _version(compiled, scope),
    )


_fit_key = fitting(EXTERNAL_ID)


def _instead(field: CompiledField, notes: list[str]) -> Any:
    """Return what a field gets that has no usable value; raises MappingError when it must."""
    if field.spare is not None:
        notes.append(f"{field.label}: used the default instead")
        return field.spare
    if field.is_required:
        reads = f" (it reads {field.sources})" if field.sources else ""
        raise MappingError(
            f"{field.label} is empty and required{reads}; give the mapping an `or_else` or "
            "a `default` for it",
            fields=(field.label,),
        )
    return None


def _checked_key(compiled: CompiledRow, value: Any) -> str:
    rule = compiled.rule
    label = f"{rule.sobject}.{rule.external_id}"
    if not isinstance(value, str) or not value:
        raise MappingError(f"{label}: the external ID is empty", fields=(label,))
    if utf16_length(value) > compiled.key_length:
        raise MappingError(
            f"{label}: the external ID has {utf16_length(value)} characters, "
            f"{compiled.key_length} fit; it is not cut, because two records would become one",
            fields=(label,),
        )
    return value


def _version(compiled: CompiledRow, scope: Scope) -> str:
    version = version_of(compiled.version(scope))
    if not version:
        path = compiled.rule.version
        scope.notes.append(
            f"{compiled.rule.sobject}: no time in {path}, the org cannot refuse this row as stale"
        )
    return version


def _call_hook(
    compiled: CompiledRow, scope: Scope, fields: dict[str, Any], inserts: dict[str, Any]
) -> bool:
    """Let the row's hook change the fields; False when it wants no row."""
    rule, hook = compiled.rule, compiled.hook
    assert hook is not None
    answer = hook(scope.root, {**inserts, **fields})
    if answer is None:
        scope.notes.append(f"{rule.sobject}: left out by hook `{rule.python}`")
        return False
    if not isinstance(answer, dict):
        raise MappingError(
            f"hook `{rule.python}` must return the fields (a dict) or None, "
            f"it returned {type(answer).__name__}",
            fields=(rule.sobject,),
        )
    known = {field.name: field for field in compiled.fields}
    links = {parent.relationship for parent in compiled.parents}
    late = set(inserts)
    fields.clear()
    inserts.clear()
    for name, value in answer.items():
        target = inserts if rule.is_insert_only or name in late else fields
        if name in links:
            target[name] = value
            continue
        fit = known[name].fit if name in known else fitting(known_type(rule.sobject, str(name)))
        fitted = fit(value, scope.notes, f"{rule.sobject}.{name}")
        if fitted is not None or value is None:
            target[str(name)] = fitted
    return True


def _lock_key(rows: list[Row]) -> str:
    """Return the Account the rows touch, lower case; '' when they touch none."""
    for row in rows:
        if row.sobject == LOCKED_PARENT:
            return row.external_id.lower()
        for fields in (row.fields, row.insert_fields):
            link = fields.get(LOCKED_PARENT)
            if isinstance(link, dict) and link:
                return str(next(iter(link.values()))).lower()
    return ""


def _shortened(notes: list[str]) -> tuple[str, ...]:
    """Return each note once, and not more than fit into a result."""
    unique = list(dict.fromkeys(notes))
    if len(unique) > MAX_NOTES:
        more = len(unique) - MAX_NOTES
        unique = [*unique[:MAX_NOTES], f"… and {more} more notes"]
    return tuple(unique)
