"""Compiled rules applied to a document: the hot path. Pure, and total: any document has an answer.

| raised | when |
|---|---|
| MappingError | a required field or an external ID is empty, or too long; a hook failed |
"""

from __future__ import annotations

from agents.mapping.build_row import build_row
from agents.mapping.compiled import CompiledKind, CompiledRow
from agents.mapping.fields.currencies import CURRENCY_FIELD
from agents.mapping.line_model import Lines
from agents.mapping.line_rules import LineRules
from agents.mapping.order_document import currency_of
from agents.mapping.scope import Facts, Scope
from schemas.frozen import dataclass
from schemas.salesforce import Row

MAX_NOTES = 50
LOCKED_PARENT = "Account"  # inserting under an Account locks it (salesforce reference §3.2)


@dataclass(frozen=True, slots=True)
class Mapped:
    """The rows of one event, parents first.

    `notes` say what was filled, cut or left out. `lock_key` is the Account all rows belong to
    (lower case): events that share it must not be written in parallel. `lines` is set when the
    order's lines are among the rows.
    """

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    lock_key: str = ""
    lines: Lines | None = None


def apply_kind(
    kind: CompiledKind, facts: Facts, lines: LineRules | None = None, *, only_currency: str = ""
) -> Mapped:
    """Return the rows of a document. Raises MappingError, and nothing else, on any document.

    `only_currency` is that of an org that has one, if it is known.
    """
    scope = Scope(facts, facts.document.entity, kind.value_count)
    notes = scope.notes
    target = next((use for use, test in kind.targets if test is None or test(scope)), "")
    rows: list[Row] = []
    for compiled in kind.rows:
        if compiled.rule.target not in ("", target):
            continue
        if compiled.applies is not None and not compiled.applies(scope):
            unmet = f"its `when` does not hold ({compiled.reason})"
            notes.append(f"{compiled.rule.sobject}: not written, {unmet}")
        elif (row := build_row(compiled, scope)) is not None:
            rows.append(row)
            if compiled.money:
                _note_currency(compiled, row, scope, only_currency)
    added = lines.add(scope.facts, rows) if lines is not None else None
    return Mapped(tuple(rows), _shortened([*notes, *scope.facts.misread]), _lock_key(rows), added)


def _note_currency(compiled: CompiledRow, row: Row, scope: Scope, only: str) -> None:
    """Note an amount that becomes other money: the org has one currency, or the event says none."""
    facts, sent = scope.facts, row.whole
    if CURRENCY_FIELD in sent:
        return
    code = currency_of(facts.document.entity, *facts.amount)
    if any(field.name == CURRENCY_FIELD for field in compiled.fields):
        what = "the event does not say its currency, a new record gets the user's"
    elif code and only and code != only:
        what = f"is in {code[:3]}, the org has only {only}: stored without conversion"
    else:
        return
    amounts = [name for name in compiled.money if sent.get(name) is not None]
    facts.notes += [f"{row.sobject}.{name}: {what}" for name in amounts]


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
