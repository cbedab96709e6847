"""One compiled rule applied to a document: the row it writes. Pure.

| raised | when |
|---|---|
| MappingError | a required field or an external ID is empty, or too long; a hook failed |
"""

from __future__ import annotations

from typing import Any

from agents.mapping.compiled import CompiledField, CompiledRow
from agents.mapping.fields.coerce import fitting, utf16_length
from agents.mapping.fields.dates import version_of
from agents.mapping.fields.field_types import FieldType
from agents.mapping.fields.values import is_blank, text_of
from agents.mapping.model import known_type
from agents.mapping.scope import Scope
from schemas.event import Kind
from schemas.salesforce import Row
from schemas.sender_clock import sender_time
from stream.errors import MappingError


def build_row(compiled: CompiledRow, scope: Scope) -> Row | None:
    """Return the row of a rule, None when its hook wants none. Raises MappingError."""
    rule = compiled.rule
    fields: dict[str, Any] = {}
    inserts: dict[str, Any] = {}
    _fill(compiled, scope, fields, inserts)
    for address in compiled.addresses:
        address.complete(fields, inserts, scope.notes)
    for parent in compiled.parents:
        scope.facts.is_unsaid = False
        link = parent.get(scope)
        if not is_blank(link):
            key = _fit_key(link, scope.notes, parent.label)
            is_late = _is_late(parent.is_insert_only, scope)
            (inserts if is_late else fields)[parent.relationship] = {parent.field: key}
    if inserts and not rule.is_insert_only:
        _note_unsaid(compiled, inserts, scope.notes)
    if compiled.hook is not None and not _call_hook(compiled, scope, fields, inserts):
        return None
    owner = inserts if rule.external_id in inserts else fields
    external_id = _checked_key(compiled, owner.pop(rule.external_id, None))
    is_customers = scope.facts.is_key_of_customer(external_id)
    return Row(
        sobject=rule.sobject,
        external_id_field=rule.external_id,
        external_id=external_id,
        fields=fields,
        insert_fields=inserts,
        version="" if rule.is_insert_only else _version(compiled, scope),
        adopt_by=rule.adopt_by,
        customer_id=scope.facts.customer_id if is_customers else "",
        is_own=is_customers and scope.facts.document.kind is Kind.CUSTOMER,
    )


def _fill(
    compiled: CompiledRow, scope: Scope, fields: dict[str, Any], inserts: dict[str, Any]
) -> None:
    facts = scope.facts
    for name, get, plain_length, is_insert_only, field in compiled.plan:
        facts.is_unsaid = False
        value = get(scope)
        # `fit`, without a call for nearly every text
        if (
            type(value) is str
            and len(value) <= plain_length
            and value.isprintable()
            and (text := value.strip())
        ):
            value = text
        elif (value := _fitted(field, value, scope)) is None and field.skips_blank:
            continue
        # `_is_late`, without a call for each field
        if is_insert_only or (is_insert_only is None and facts.is_unsaid):
            inserts[name] = value
        else:
            fields[name] = value


def _fitted(field: CompiledField, value: Any, scope: Scope) -> Any:
    """Return a value as the field takes it, or its default. Raises MappingError."""
    if value is not None:
        value = field.fit(value, scope.notes, field.label)
        if value is None:
            scope.facts.is_unsaid = True
            value = field.spare
            if value is not None:
                scope.notes.append(f"{field.label}: used the default instead")
    if value is None and field.is_required:
        raise _is_missing(field)
    return value


def _is_late(is_insert_only: bool | None, scope: Scope) -> bool:
    """Whether a value may only fill a new record: the rule says so, or the event did not say it."""
    return scope.facts.is_unsaid if is_insert_only is None else is_insert_only


def _note_unsaid(compiled: CompiledRow, inserts: dict[str, Any], notes: list[str]) -> None:
    rule = compiled.rule
    asked = {field.name for field in compiled.fields if field.is_insert_only}
    asked |= {parent.relationship for parent in compiled.parents if parent.is_insert_only}
    names = [name for name in inserts if name not in asked and name != rule.external_id]
    if names:
        notes.append(
            f"{rule.sobject}: only for a new record, the event does not say them: "
            f"{', '.join(names)}"
        )


_fit_key = fitting(FieldType("text", 255))


def _is_missing(field: CompiledField) -> MappingError:
    reads = f" (it reads {field.sources})" if field.sources else ""
    return MappingError(
        f"{field.label} is empty and required{reads}; give the mapping an `or_else` or "
        "a `default` for it",
        fields=(field.label,),
    )


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
    facts = scope.facts
    saved = sender_time(
        text_of(compiled.version(scope)),
        facts.received_at_ms,
        tolerance_seconds=facts.tolerance_seconds,
    )
    version = version_of(saved.version)
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
