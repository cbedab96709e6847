"""What Magento says an order should be in Salesforce against what is there. Pure.

Compared is what the mapping writes at every event: those fields are Magento's. What it writes only
into new records (`insert_only`: the customer details an order knows) belongs to people afterwards,
so of those records only the existence counts. Links to parents are left out: Salesforce stores the
parent's own id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agents.mapping_preview.predict import is_same_value
from schemas.event import Kind
from schemas.result import Outcome
from schemas.salesforce import Row

Identity = tuple[str, str]
Records = Mapping[Identity, Mapping[str, Any]]


class Finding(StrEnum):
    """What is known about one order or customer, worst first."""

    MISSING = "missing"  # a record is not in Salesforce, and nothing is on its way
    DIFFERENT = "different"  # a field differs, and nothing is on its way
    MERGED = "merged"  # people merged it into another: it is missing, or was made a second time
    DEAD = "dead"  # its last event is a dead letter
    UNMAPPABLE = "unmappable"  # the mapping refuses the document
    EXTRA = "extra"  # Salesforce has an order that Magento does not know
    PENDING = "pending"  # its last event waits for a retry, or has no outcome yet
    EQUAL = "equal"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs; `field` '' = the whole record is missing."""

    sobject: str
    external_id: str
    field: str = ""
    magento: Any = None
    salesforce: Any = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One order or customer that is not equal. `reason` says more, for people."""

    finding: Finding
    kind: Kind
    key: str
    entity_id: int = 0
    updated_at: str = ""
    differences: tuple[Difference, ...] = ()
    reason: str = ""


def differences(rows: Sequence[Row], records: Records) -> tuple[Difference, ...]:
    """Return how the records differ from the rows."""
    found: list[Difference] = []
    for row in rows:
        record = records.get(row.identity)
        if record is None:
            found.append(Difference(row.sobject, row.external_id))
            continue
        found += [
            Difference(row.sobject, row.external_id, name, wanted, record.get(name))
            for name, wanted in row.fields.items()
            if not isinstance(wanted, dict) and not _is_same(record.get(name), wanted)
        ]
    return tuple(found)


def _is_same(have: Any, wanted: Any) -> bool:
    """Compare; a Bulk query shows truth as text."""
    if isinstance(wanted, bool) and isinstance(have, str):
        return have == str(wanted).lower()
    return is_same_value(have, wanted)


def finding_of(found: Sequence[Difference]) -> Finding:
    """Return the finding that differences alone make."""
    if not found:
        return Finding.EQUAL
    return Finding.MISSING if any(not item.field for item in found) else Finding.DIFFERENT


@dataclass(frozen=True, slots=True)
class LastWord:
    """What our own topics say last of an order: its newest outcome, or that there is none yet."""

    outcome: Outcome | None
    at_ms: int
    reason: str = ""


def explained(finding: Finding, word: LastWord | None) -> tuple[Finding, str]:
    """Return the finding in the light of what our topics say, and the sentence for people."""
    if finding not in (Finding.MISSING, Finding.DIFFERENT):
        return finding, ""
    if word is None:
        return finding, "no event of it in our topics: its webhook was never sent, or long ago"
    match word.outcome:
        case None:
            return Finding.PENDING, "its event was accepted and has no outcome yet"
        case Outcome.RETRY | Outcome.PARKED:
            return Finding.PENDING, word.reason or "waits for its next try"
        case Outcome.DEAD:
            return Finding.DEAD, f"{word.reason}; see `orderstream dlq list`".lstrip("; ")
        case outcome:
            return finding, f"its last event ended as {outcome.value}; changed since, or not sent"
