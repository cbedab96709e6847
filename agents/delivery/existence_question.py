"""Asks for records whose create was refused: who is there already needs none.

Duplicate rules, validation rules and triggers come before unique fields, so what refuses a create
says nothing of whether the record exists. A query does, of any sObject, and saves nothing: an
upsert of the key alone would run the org's automation, break on a record that breaks a rule of
today, and make half a record where a flow fills in names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.delivery.existence_cache import ExistenceCache
from agents.delivery.org_search import Asked, Queries, failure_of, is_final, look
from agents.delivery.row_state import RowState
from agents.delivery.row_tracker import RowTracker
from agents.pacing.admission import Admission
from agents.pacing.ticket import NotAdmittedError
from agents.salesforce.api.soql import fitting, quoted
from agents.salesforce.errors.errors import SalesforceError
from schemas.salesforce import Row


async def find_out(
    writes: Sequence[RowTracker], asked: Asked, gate: Admission, known: ExistenceCache
) -> None:
    """Tell each row in question whether its record exists. Raises NotAdmittedError."""
    rows = {slot.row.identity: slot.row for write in writes for slot in write.in_question}
    if not rows:
        return
    queries = _queries(rows.values())
    priority = min(write.bundle.priority for write in writes if write.in_question)
    answers = await look(asked, gate, queries, priority)
    ids: dict[tuple[str, str], str] = {}
    unheard: dict[tuple[str, str], SalesforceError] = {}
    for soql, members in queries.items():
        answer = answers[soql]
        if isinstance(answer, NotAdmittedError):
            raise answer
        if not isinstance(answer, SalesforceError):
            for record in answer:
                key = str(record.get(members[0].external_id_field) or "").casefold()
                ids[members[0].sobject, key] = str(record.get("Id") or "")
        elif not is_final(answer):
            unheard |= {row.identity: answer for row in members}
    for write in writes:
        for slot in write.in_question:
            if slot.row.identity in unheard:
                write.outcome = failure_of(unheard[slot.row.identity])
                break
            _tell(slot, ids.get(slot.row.identity), known)


def _tell(slot: RowState, record_id: str | None, known: ExistenceCache) -> None:
    if record_id:
        slot.is_there(record_id, known)
    else:
        slot.is_gone(known)


def _queries(rows: Iterable[Row]) -> Queries:
    shapes: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        shapes.setdefault((row.sobject, row.external_id_field), []).append(row)
    return {
        f"SELECT Id, {key} FROM {sobject} WHERE {key} IN ({_keys(part)})": part  # noqa: S608 - quoted
        for (sobject, key), members in shapes.items()
        for part in fitting(members, lambda row: (row.external_id,))
    }


def _keys(rows: Sequence[Row]) -> str:
    return ",".join(quoted(row.external_id) for row in rows)
